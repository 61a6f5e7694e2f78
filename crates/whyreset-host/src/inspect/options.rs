//! What a program asked of its socket. The kernel lists that nowhere, so the descriptor is
//! duplicated for a moment (`pidfd_getfd`, CAP_SYS_PTRACE) and asked. Refuses to set anything, and
//! to keep the duplicate: a socket that is held is not closed.

use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::SockRef;

/// What was asked of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// SO_LINGER, where it is on; zero resets at close().
    pub linger: Option<Duration>,
    /// When SO_KEEPALIVE sends its first probe, where it is on.
    pub keepalive: Option<Duration>,
    /// TCP_USER_TIMEOUT, where it is set.
    pub user_timeout: Option<Duration>,
}

/// Asks one descriptor of a process; `None` where that is not allowed, or it is gone.
pub fn options(pid: u32, fd: i32) -> Option<Options> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let copy = pidfd_getfd(&process, fd, PidfdGetfdFlags::empty()).ok()?;
    let socket = SockRef::from(&copy);
    let on = socket.keepalive().ok()?;
    let options = Options {
        linger: socket.linger().ok()?,
        keepalive: if on {
            socket.tcp_keepalive_time().ok()
        } else {
            None
        },
        user_timeout: socket.tcp_user_timeout().ok().flatten(),
    };
    Some(options)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn what_was_asked_of_a_socket_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd();
        let before = options(std::process::id(), fd).expect("our own");
        assert_eq!(before, Options::default());
        let socket = SockRef::from(&listener);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        socket.set_keepalive(true).unwrap();
        let after = options(std::process::id(), fd).expect("our own");
        assert_eq!(after.linger, Some(Duration::ZERO));
        assert!(after.keepalive.is_some_and(|time| time >= Duration::from_secs(1)));
        assert_eq!(options(u32::MAX, 1), None);
    }
}
