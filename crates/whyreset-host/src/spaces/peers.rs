//! With whom the sockets of one local address are connected (sock_diag, filtered in the kernel). The
//! kernel walks all its sockets for that, so that it is asked seldom. Refuses to tell of more than a few.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

/// `SOCK_DIAG_BY_FAMILY` (include/uapi/linux/sock_diag.h), and the end of an answer.
const BY_FAMILY: u16 = 20;
const DONE: u16 = 3;
const ERROR: u16 = 2;
/// `NLM_F_REQUEST` and `NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// Open in both directions or closing: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
const OPEN: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8;
/// `INET_DIAG_REQ_BYTECODE`, and of its operations those that compare the local port.
const BYTECODE: u16 = 1;
const S_GE: u8 = 2;
const S_LE: u8 = 3;
/// `struct nlmsghdr`, `struct inet_diag_req_v2`, and an attribute of four operations.
const REQUEST: usize = 16 + 56 + 4 + 16;
/// Peers that are told.
const MOST: usize = 16;
/// Buffers that are taken of one answer.
const PIECES: usize = 64;

/// The peers of open sockets that are bound to this very address.
pub(super) fn peers(door: &OwnedFd, local: SocketAddr) -> Result<Vec<SocketAddr>, Errno> {
    let mut found = Vec::new();
    // A socket of either family may have an IPv4 connection.
    let families: &[u8] = if local.is_ipv4() {
        &[AF_INET, AF_INET6]
    } else {
        &[AF_INET6]
    };
    for &family in families {
        let mut buffer = vec![0; 32 << 10];
        // What an earlier question left behind.
        while rustix::net::recv(door.as_fd(), &mut buffer, RecvFlags::DONTWAIT).is_ok() {}
        rustix::net::send(door.as_fd(), &request(family, local.port()), SendFlags::empty())?;
        for _ in 0..PIECES {
            // Each piece is made as the one before is taken.
            let Ok((length, _)) = rustix::net::recv(door.as_fd(), &mut buffer, RecvFlags::DONTWAIT) else {
                break;
            };
            if read(buffer.get(..length).unwrap_or_default(), local, &mut found) {
                break;
            }
        }
    }
    Ok(found)
}

fn request(family: u8, port: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(REQUEST);
    out.extend(u32::try_from(REQUEST).unwrap_or(0).to_ne_bytes());
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(DUMP.to_ne_bytes());
    out.extend([0; 8]);
    out.extend([family, IPPROTO_TCP, 0, 0]);
    out.extend(OPEN.to_ne_bytes());
    out.resize(16 + 56, 0);
    out.extend(20_u16.to_ne_bytes());
    out.extend(BYTECODE.to_ne_bytes());
    // Where an operation holds, the next is two of them on; where not, past the end, which refuses.
    for (operation, past) in [(S_GE, 20_u16), (S_LE, 12)] {
        out.extend([operation, 8]);
        out.extend(past.to_ne_bytes());
        out.extend([0, 0]);
        out.extend(port.to_ne_bytes());
    }
    out
}

/// Takes one piece of the answer; whether it was the last.
fn read(mut piece: &[u8], local: SocketAddr, found: &mut Vec<SocketAddr>) -> bool {
    while let (Some(length), Some(kind)) = (number(piece, 0), half(piece, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if kind == DONE || kind == ERROR || length < 16 {
            return true;
        }
        let Some(message) = piece.get(16..length) else {
            return true;
        };
        if kind == BY_FAMILY
            && let Some((own, peer)) = ends(message)
            && own == local
            && found.len() < MOST
            && !found.contains(&peer)
        {
            found.push(peer);
        }
        piece = piece.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// Both addresses of a `struct inet_diag_msg`.
fn ends(message: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let v4 = *message.first()? == AF_INET;
    let end = |port: usize, address: usize| {
        let bytes = message.get(address..address + 16)?;
        let ip = if v4 {
            IpAddr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?)
        } else {
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()
        };
        let port = message.get(port..port + 2)?;
        Some(SocketAddr::new(ip, u16::from_be_bytes(port.try_into().ok()?)))
    };
    Some((end(4, 8)?, end(6, 24)?))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::super::diag::Diag;
    use super::*;

    #[test]
    fn the_peers_of_a_port_are_found_and_no_others() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (first, second) = (
                TcpListener::bind(address).unwrap(),
                TcpListener::bind(address).unwrap(),
            );
            let (one, other) = (first.local_addr().unwrap(), second.local_addr().unwrap());
            let stream = TcpStream::connect(one).unwrap();
            let _bystander = TcpStream::connect(other).unwrap();
            let client = stream.local_addr().unwrap();
            let door = Diag::open().unwrap();
            assert_eq!(peers(door.door(), client), Ok(vec![one]));
            assert_eq!(peers(door.door(), one), Ok(vec![client]));
            let nobody = SocketAddr::new(one.ip(), 1);
            assert_eq!(peers(door.door(), nobody), Ok(vec![]));
        }
    }

    #[test]
    fn any_answer_is_taken() {
        let local = "10.0.0.1:1".parse().unwrap();
        for length in 0..160 {
            for value in [0, 3, 20, 0xff] {
                read(&vec![value; length], local, &mut Vec::new());
            }
        }
    }
}
