//! A packet socket on all interfaces that sees the target's segments with their headers, and ICMP
//! errors with what they quote. Needs CAP_NET_RAW. Refuses to send, and sees nobody else's TCP.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, Protocol, Socket, Type};
use whyreset_wire::{IcmpKind, LinkType, OptionKind, Tcp, Transport, decode};

use super::filter;

/// Bytes of a packet that are looked at.
const SNAP: usize = 2048;
/// Packets that are forgotten at once at most.
const DRAINED: usize = 4_096;
/// Bytes of a sent or quoted header that are kept.
const KEPT: usize = 128;

/// What identifies a stack: the header of one segment without what a connection chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// TTL or hop limit as it arrived.
    pub ttl: u8,
    /// IPv4 identification.
    pub id: Option<u16>,
    /// Don't fragment.
    pub df: bool,
    /// Window, unscaled.
    pub window: u16,
    /// With RFC 7323 timestamps.
    pub timestamps: bool,
    /// Kinds of the options, in order.
    pub options: Vec<&'static str>,
    /// With an acknowledgment number.
    pub ack: bool,
}

/// One packet that matters to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A segment of our own, as it left: its first bytes.
    Sent {
        /// Our port.
        port: u16,
        /// From its IP header on.
        bytes: Vec<u8>,
    },
    /// A reset of the target's connection, in the target's name.
    Reset {
        /// Our port.
        port: u16,
        /// Its header.
        shape: Shape,
    },
    /// The second step of the handshake.
    SynAck {
        /// Our port.
        port: u16,
        /// Its header.
        shape: Shape,
    },
    /// Any other segment of the target; `acks` is its acknowledgment number.
    Segment {
        /// Our port.
        port: u16,
        /// Its header.
        shape: Shape,
        /// Acknowledgment number.
        acks: u32,
    },
    /// An ICMP error about a segment of ours.
    Icmp {
        /// Our port.
        port: u16,
        /// Who complains.
        from: IpAddr,
        /// TTL with which the complaint arrived.
        ttl: u8,
        /// What about.
        kind: IcmpKind,
        /// What it quotes, from the IP header on.
        quote: Vec<u8>,
    },
}

impl Seen {
    /// Our port.
    pub const fn port(&self) -> u16 {
        match self {
            Self::Sent { port, .. }
            | Self::Reset { port, .. }
            | Self::SynAck { port, .. }
            | Self::Segment { port, .. }
            | Self::Icmp { port, .. } => *port,
        }
    }
}

/// The open packet socket.
pub struct Tap {
    socket: Socket,
    target: SocketAddr,
}

impl Tap {
    /// Opens it for one target.
    ///
    /// # Errors
    /// CAP_NET_RAW is missing, or there are no packet sockets.
    pub fn open(target: SocketAddr) -> Result<Self, String> {
        let protocol = i32::from(u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be());
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(protocol)))
            .map_err(|error| refused(&error))?;
        socket
            .attach_filter(&filter::for_target(target.ip()))
            .map_err(|error| format!("cannot narrow the packet socket: {error}"))?;
        socket
            .set_nonblocking(true)
            .map_err(|error| format!("cannot set the packet socket up: {error}"))?;
        let tap = Self { socket, target };
        // What came in before the filter was there.
        tap.drain();
        Ok(tap)
    }

    /// Forgets what is there already; a storm cannot be emptied, and is not tried to be.
    pub fn drain(&self) {
        for _ in 0..DRAINED {
            if self.next(Instant::now()).is_none() {
                return;
            }
        }
    }

    /// The next packet that matters; `None` at the deadline.
    pub fn next(&self, deadline: Instant) -> Option<Seen> {
        let mut room = [0_u8; SNAP];
        loop {
            match (&self.socket).read(&mut room) {
                Ok(length) => {
                    if let Some(seen) = self.read(&room[..length]) {
                        return Some(seen);
                    }
                    // A storm of what does not matter must not outlast the deadline.
                    if Instant::now() > deadline + Duration::from_millis(200) {
                        return None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let mut asked = [PollFd::new(&self.socket, PollFlags::IN)];
                    let limit = rustix::event::Timespec::try_from(left).unwrap_or_default();
                    _ = rustix::event::poll(&mut asked, Some(&limit));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    fn read(&self, bytes: &[u8]) -> Option<Seen> {
        let packet = decode(LinkType::RAW, bytes, u32::try_from(bytes.len()).ok()?).ok()?;
        match packet.transport {
            Transport::Tcp(tcp) => {
                let (from, to) = (packet.ip.source, packet.ip.destination);
                let target = (self.target.ip(), self.target.port());
                if (to, tcp.destination_port) == target {
                    let bytes = bytes[..bytes.len().min(KEPT)].to_vec();
                    return Some(Seen::Sent {
                        port: tcp.source_port,
                        bytes,
                    });
                }
                if (from, tcp.source_port) != target {
                    return None;
                }
                let shape = shape(&packet.ip, &tcp);
                let port = tcp.destination_port;
                Some(match (tcp.flags.rst(), tcp.flags.syn()) {
                    (true, _) => Seen::Reset { port, shape },
                    (false, true) => Seen::SynAck { port, shape },
                    (false, false) => Seen::Segment {
                        port,
                        shape,
                        acks: tcp.ack,
                    },
                })
            }
            Transport::IcmpError(error) => {
                let quoted = error.quoted;
                if quoted.destination != self.target {
                    return None;
                }
                Some(Seen::Icmp {
                    port: quoted.source.port(),
                    from: error.from,
                    ttl: packet.ip.hop_limit,
                    kind: error.kind,
                    quote: quote(bytes),
                })
            }
            Transport::Fragment | Transport::Other(_) => None,
        }
    }
}

fn refused(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "CAP_NET_RAW missing: only privileged programs see headers; run it with sudo, or give the file the \
         capability once: `sudo setcap cap_net_raw+ep $(command -v whyreset)`"
            .to_owned()
    } else {
        format!("cannot open a packet socket: {error}")
    }
}

fn shape(ip: &whyreset_wire::Ip, tcp: &Tcp<'_>) -> Shape {
    let options: Vec<&'static str> = tcp.options.into_iter().map(option).collect();
    Shape {
        ttl: ip.hop_limit,
        id: ip.id,
        df: ip.dont_fragment,
        window: tcp.window,
        timestamps: options.contains(&"ts"),
        options,
        ack: tcp.flags.ack(),
    }
}

/// tcpdump's words.
pub(super) const fn option(kind: OptionKind<'_>) -> &'static str {
    match kind {
        OptionKind::Mss(_) => "mss",
        OptionKind::WindowScale(_) => "wscale",
        OptionKind::SackPermitted => "sackOK",
        OptionKind::Sack(_) => "sack",
        OptionKind::Timestamps { .. } => "ts",
        OptionKind::Mptcp(_) => "mptcp",
        OptionKind::FastOpen(_) => "tfo",
        OptionKind::UserTimeout(_) => "uto",
        OptionKind::Md5 => "md5",
        OptionKind::Ao => "ao",
        OptionKind::Unknown(..) => "unknown",
    }
}

/// What an ICMP error quotes: behind its IP header and its own eight bytes.
fn quote(bytes: &[u8]) -> Vec<u8> {
    let header = match bytes.first() {
        Some(first) if first >> 4 == 4 => usize::from(first & 0x0f) * 4,
        _ => 40,
    };
    let quote = bytes.get(header + 8..).unwrap_or_default();
    quote[..quote.len().min(KEPT)].to_vec()
}
