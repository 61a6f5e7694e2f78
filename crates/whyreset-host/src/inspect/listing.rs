//! All TCP sockets of one network namespace, as sock_diag lists them. Refuses more than it has
//! room for, and says so.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{self, ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use rustix::io::Errno;
use rustix::net::netlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use whyreset_evidence::TcpState;

/// Sockets of one namespace that are listed: some 60 MiB.
const MOST: usize = 500_000;
/// The kernel fills 32 KiB at most a datagram.
const DATAGRAM: usize = 64 << 10;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// The timer that runs for a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timer {
    /// None: what is idle and has none has no keep-alive either.
    #[default]
    None,
    /// Keep-alive: ms until it looks the next time.
    Keepalive(u64),
    /// Retransmission, TIME_WAIT or window probe.
    Other,
}

/// One TCP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sock {
    /// This end.
    pub local: SocketAddr,
    /// The other end; all zero for a listener.
    pub remote: SocketAddr,
    /// Its state.
    pub state: TcpState,
    /// Inode, by which its holder is found; 0 where no process holds it.
    pub inode: u64,
    /// Bytes received and not read; for a listener, connections that wait for accept().
    pub receive_queue: u32,
    /// Bytes not acknowledged; for a listener, how many may wait.
    pub send_queue: u32,
    /// The timer that runs.
    pub timer: Timer,
    /// Milliseconds since anything was sent or heard; `None` where the kernel does not tell.
    pub quiet_ms: Option<u64>,
}

/// Asks in the namespace that this thread is in. The flag says whether that is all.
///
/// # Errors
/// The kernel has no sock_diag for TCP, or may not be asked.
pub(super) fn list() -> Result<(Vec<Sock>, bool), Errno> {
    let mut all = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let door = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        rustix::net::send(&door, &request(family), SendFlags::empty())?;
        if !drain(&door, &mut all)? {
            return Ok((all, false));
        }
    }
    Ok((all, true))
}

fn request(family: u8) -> Vec<u8> {
    let message = SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO,
        states: StateFlags::all(),
        socket_id: if family == AF_INET {
            SocketId::new_v4()
        } else {
            SocketId::new_v6()
        },
    });
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Takes datagrams to the end of the list; `false` where there was no more room.
fn drain(door: &OwnedFd, all: &mut Vec<Sock>) -> Result<bool, Errno> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (length, _) = rustix::net::recv(door, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Ok(true);
        }
        // A header is 16 bytes.
        while rest.len() >= 16 {
            let Ok(message) = NetlinkMessage::<SockDiagMessage>::deserialize(rest) else {
                rest = after(rest);
                continue;
            };
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(true),
                NetlinkPayload::Error(error) => {
                    let code = error.code.map_or(0, |code| code.get().unsigned_abs());
                    return Err(Errno::from_raw_os_error(i32::try_from(code).unwrap_or(0)));
                }
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(one)) => {
                    if all.len() >= MOST {
                        return Ok(false);
                    }
                    all.extend(taken(&one));
                }
                _ => {}
            }
            rest = after(rest);
        }
    }
}

/// What follows the first message; its length stands in its first four bytes.
fn after(datagram: &[u8]) -> &[u8] {
    let length = datagram
        .first_chunk()
        .map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    let length = usize::try_from(length).unwrap_or(usize::MAX).max(16);
    let aligned = length.checked_next_multiple_of(4).unwrap_or(usize::MAX);
    datagram.get(aligned..).unwrap_or_default()
}

/// `tcpi_last_data_sent`, `tcpi_last_data_recv`, `tcpi_last_ack_recv` of `struct tcp_info`, ms: the
/// latest of them.
fn quiet(info: &[u8]) -> Option<u32> {
    let last = |at: usize| Some(u32::from_ne_bytes(*info.get(at..)?.first_chunk()?));
    Some(last(44)?.min(last(52)?).min(last(56)?))
}

fn taken(one: &InetResponse) -> Option<Sock> {
    let header = &one.header;
    if !matches!(header.family, AF_INET | AF_INET6) {
        return None;
    }
    let quiet = one.nlas.iter().find_map(|nla| match nla {
        Nla::TcpInfo(info) => quiet(info),
        _ => None,
    });
    let id = &header.socket_id;
    let at = |ip: IpAddr, port| SocketAddr::new(ip.to_canonical(), port);
    Some(Sock {
        local: at(id.source_address, id.source_port),
        remote: at(id.destination_address, id.destination_port),
        state: TcpState::from_number(header.state),
        inode: header.inode.into(),
        receive_queue: header.recv_queue,
        send_queue: header.send_queue,
        timer: match header.timer {
            Some(inet::Timer::KeepAlive(left)) => {
                Timer::Keepalive(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
            }
            Some(_) => Timer::Other,
            None => Timer::None,
        },
        quiet_ms: quiet.map(u64::from),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn listeners_and_both_ends_of_a_connection_are_listed() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let server = listener.local_addr().unwrap();
            let stream = TcpStream::connect(server).unwrap();
            let client = stream.local_addr().unwrap();
            socket2::SockRef::from(&stream).set_keepalive(true).unwrap();
            let (all, whole) = list().unwrap();
            assert!(whole);
            let of = |local, remote| {
                let mut found = all
                    .iter()
                    .filter(|sock| sock.local == local && sock.remote == remote);
                found.next().cloned()
            };
            let one = of(client, server).expect("the client's end");
            assert_eq!(one.state, TcpState::Established);
            assert!(one.quiet_ms.is_some_and(|ms| ms < 10_000), "{one:?}");
            assert!(matches!(one.timer, Timer::Keepalive(_)), "{one:?}");
            let other = of(server, client).expect("the server's end");
            assert_eq!((other.state, other.timer), (TcpState::Established, Timer::None));
            let queue = all
                .iter()
                .find(|sock| sock.local == server && sock.state == TcpState::Listen)
                .expect("the listener");
            assert_eq!(queue.receive_queue, 1);
            assert!(queue.send_queue >= 100 && queue.inode != 0, "{queue:?}");
        }
    }

    #[test]
    fn a_length_that_lies_ends_the_datagram() {
        for length in [0_u32, 1, 15, 16, 17, 40, u32::MAX] {
            let mut bytes = vec![0; 40];
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(after(&bytes).len() <= 24);
        }
    }
}
