//! Healthy traffic: short connections that end with a FIN from either side and leave nothing
//! unread. Refuses to go on after the first error.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Answers `count` connections, one after the other.
pub(super) fn serve(listener: &TcpListener, count: usize) -> io::Result<()> {
    let mut request = Vec::new();
    for _ in 0..count {
        let (mut stream, _) = listener.accept()?;
        let mut question = [0; 16];
        stream.read_exact(&mut question)?;
        stream.write_all(b"an answer to it\n")?;
        request.clear();
        stream.read_to_end(&mut request)?;
    }
    Ok(())
}

/// Makes `count` connections to `server`, one every `pace`.
pub(super) fn ask(server: SocketAddr, count: u32, pace: Duration) -> io::Result<()> {
    let start = Instant::now();
    for n in 0..count {
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(b"a short question")?;
        let mut answer = [0; 16];
        stream.read_exact(&mut answer)?;
        drop(stream);
        let due = pace * (n + 1);
        sleep(due.saturating_sub(start.elapsed()));
    }
    Ok(())
}
