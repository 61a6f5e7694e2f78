//! Socket options by word: `linger=0`, `linger2=-1`, `keepalive=1`, `user-timeout=1000`. Refuses
//! unknown words.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::sys;

/// Sets the option that `word` (`name=value`) asks for.
pub(super) fn set(socket: &Socket, word: &str) -> io::Result<()> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, format!("unknown option {word}"));
    let (name, value) = word.split_once('=').ok_or_else(wrong)?;
    let number: i32 = value.parse().map_err(|_| wrong())?;
    let unsigned = u64::try_from(number).unwrap_or_default();
    match name {
        "linger" => socket.set_linger(Some(Duration::from_secs(unsigned))),
        "linger2" => sys::set_linger2(socket, number),
        // Seconds of silence before the first of two probes, and between them.
        "keepalive" => {
            let every = Duration::from_secs(unsigned);
            let timers = TcpKeepalive::new()
                .with_time(every)
                .with_interval(every)
                .with_retries(2);
            socket.set_tcp_keepalive(&timers)
        }
        "user-timeout" => socket.set_tcp_user_timeout(Some(Duration::from_millis(unsigned))),
        _ => Err(wrong()),
    }
}
