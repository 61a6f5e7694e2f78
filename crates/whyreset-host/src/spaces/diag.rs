//! Asks the kernel for one socket by its addresses (sock_diag, inet_diag_req_v2): an exact look-up
//! whose cost does not grow with the number of sockets. Refuses to list.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use whyreset_evidence::TcpState;

/// `SOCK_DIAG_BY_FAMILY` (include/uapi/linux/sock_diag.h).
const BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
const REQUEST: usize = 16 + 56;

/// The door of one namespace.
pub(super) struct Diag(OwnedFd);

impl Diag {
    /// Of the namespace that this thread is in.
    pub(super) fn open() -> Result<Self, Errno> {
        rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::SOCK_DIAG),
        )
        .map(Self)
    }

    /// For other questions of the kind.
    pub(super) const fn door(&self) -> &OwnedFd {
        &self.0
    }

    /// The state of the socket that `local` has with `remote`; `None` where there is none.
    pub(super) fn state(&self, local: SocketAddr, remote: SocketAddr) -> Option<TcpState> {
        let mut answer = [0; 1_024];
        // What an earlier question left behind.
        while rustix::net::recv(self.0.as_fd(), &mut answer, RecvFlags::DONTWAIT).is_ok() {}
        rustix::net::send(self.0.as_fd(), &request(local, remote), SendFlags::empty()).ok()?;
        // The kernel answers before send() returns.
        let (length, _) = rustix::net::recv(self.0.as_fd(), &mut answer, RecvFlags::DONTWAIT).ok()?;
        read(answer.get(..length)?, local, remote)
    }
}

fn request(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let (family, from, to) = match (local.ip(), remote.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (AF_INET, padded(&from.octets()), padded(&to.octets())),
        (from, to) => (AF_INET6, padded(&octets(from)), padded(&octets(to))),
    };
    let mut out = Vec::with_capacity(REQUEST);
    out.extend(u32::try_from(REQUEST).unwrap_or(0).to_ne_bytes());
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(NLM_F_REQUEST.to_ne_bytes());
    out.extend([0; 8]);
    out.extend([family, IPPROTO_TCP, 0, 0]);
    out.extend(u32::MAX.to_ne_bytes());
    out.extend(local.port().to_be_bytes());
    out.extend(remote.port().to_be_bytes());
    out.extend(from);
    out.extend(to);
    out.extend([0; 4]);
    // INET_DIAG_NOCOOKIE
    out.extend([0xff; 8]);
    out
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn padded(octets: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(octets) {
        *to = *from;
    }
    out
}

/// `struct inet_diag_msg`: family, state, and the ports again. A listener of the port may be found
/// in a connection's place, and is none.
fn read(answer: &[u8], local: SocketAddr, remote: SocketAddr) -> Option<TcpState> {
    let kind = u16::from_ne_bytes([*answer.get(4)?, *answer.get(5)?]);
    let state = *answer.get(17)?;
    let port = |at: usize| Some(u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]));
    let same = port(20)? == local.port() && port(22)? == remote.port();
    (kind == BY_FAMILY && same).then(|| TcpState::from_number(state))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_is_found_from_both_ends_and_a_closed_one_is_not() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let server = listener.local_addr().unwrap();
            let stream = TcpStream::connect(server).unwrap();
            let client = stream.local_addr().unwrap();
            let door = Diag::open().unwrap();
            assert_eq!(door.state(client, server), Some(TcpState::Established));
            assert_eq!(door.state(server, client), Some(TcpState::Established));
            let stranger = SocketAddr::new(client.ip(), 1);
            assert_eq!(door.state(stranger, server), None);
            // A listener is no connection.
            assert_eq!(door.state(server, stranger), None);
        }
    }

    #[test]
    fn any_answer_is_taken() {
        let ends: (SocketAddr, SocketAddr) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        for length in 0..64 {
            for value in [0, 20, 0xff] {
                read(&vec![value; length], ends.0, ends.1);
            }
        }
    }
}
