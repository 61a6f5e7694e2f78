//! Servers on loopback that treat each connection in one way, each in a thread that ends with the test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// How a server treats what connects to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing listens.
    Refuse,
    /// It reads a byte of the request and closes: the rest is unread.
    ResetAfterRequest,
    /// It reads the request and closes.
    CloseAfterRequest,
    /// It reads the request and says nothing.
    Silence,
    /// It sends a part of the answer and aborts.
    ResetInAnswer,
    /// It answers, and aborts after a second and a half of silence.
    ResetIdle,
    /// It answers each request.
    Answer,
}

const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PART: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nthe beginning";

/// Starts one; where it listens, or where nothing does.
pub fn serve(way: Way) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    if way != Way::Refuse {
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || treat(stream, way));
            }
        });
    }
    address
}

fn treat(mut stream: TcpStream, way: Way) {
    let abort = |stream: TcpStream| {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    };
    if way == Way::ResetAfterRequest {
        _ = stream.read(&mut [0]);
        return;
    }
    while request(&mut stream) {
        match way {
            Way::CloseAfterRequest => return,
            Way::Silence => thread::sleep(Duration::from_secs(20)),
            Way::ResetInAnswer => {
                _ = stream.write_all(PART);
                // Until it has been read: a reset takes nothing away from what was.
                thread::sleep(Duration::from_millis(200));
                return abort(stream);
            }
            Way::ResetIdle => {
                _ = stream.write_all(WHOLE);
                thread::sleep(Duration::from_millis(1500));
                return abort(stream);
            }
            _ => _ = stream.write_all(WHOLE),
        }
    }
}

/// Reads one request to its end; `false` where there is none.
fn request(stream: &mut TcpStream) -> bool {
    let mut held = Vec::new();
    let mut piece = [0; 4096];
    while !held.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count @ 1..) => held.extend_from_slice(&piece[..count]),
            _ => return false,
        }
    }
    true
}
