//! A packet socket on one interface: TCP segments in, frames out. Refuses to show anything that
//! is not TCP over IP.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use etherparse::{NetSlice, SlicedPacket, TcpOptionElement, TransportSlice};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use whyreset_evidence::{Flags, Segment};

use crate::sys;

/// One TCP segment as it was on the wire.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it was read.
    pub at: SystemTime,
    /// From.
    pub source: SocketAddr,
    /// To.
    pub destination: SocketAddr,
    /// The segment; its payload whole.
    pub segment: Segment,
    /// The TCP timestamps option (RFC 7323): value and echo.
    pub timestamps: Option<(u32, u32)>,
}

/// An open packet socket.
pub struct Tap {
    socket: Socket,
    address: SockAddr,
}

impl Tap {
    /// Opens the interface in the calling thread's network namespace. Only arriving frames are
    /// shown.
    pub fn open(interface: &str) -> io::Result<Self> {
        let tap = Self::open_both_ways(interface)?;
        sys::ignore_outgoing(&tap.socket)?;
        Ok(tap)
    }

    /// As [`Tap::open`], with the frames that this end sends.
    pub fn open_both_ways(interface: &str) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(sys::all_protocols()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        let index = rustix::net::netdevice::name_to_index(&socket, interface)?;
        let address = sys::packet_address(i32::try_from(index).map_err(io::Error::other)?)?;
        socket.bind(&address)?;
        Ok(Self { socket, address })
    }

    /// The next TCP segment that arrives within `patience`.
    pub fn next(&mut self, patience: Duration) -> io::Result<Option<Frame>> {
        let limit = Instant::now() + patience;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let left = limit.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.read(&mut buffer) {
                Ok(length) => {
                    if let Some(frame) = buffer.get(..length).and_then(read_frame) {
                        return Ok(Some(frame));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends one whole frame.
    pub fn put(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send_to(frame, &self.address).map(|_| ())
    }
}

fn read_frame(bytes: &[u8]) -> Option<Frame> {
    let packet = SlicedPacket::from_ethernet(bytes).ok()?;
    let (source, destination, ttl): (IpAddr, IpAddr, u8) = match packet.net? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.ttl(),
            )
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.hop_limit(),
            )
        }
        NetSlice::Arp(_) => return None,
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        return None;
    };
    let bits = [
        (tcp.fin(), Flags::FIN),
        (tcp.syn(), Flags::SYN),
        (tcp.rst(), Flags::RST),
        (tcp.psh(), Flags::PSH),
        (tcp.ack(), Flags::ACK),
    ];
    let flags = bits
        .iter()
        .filter(|(set, _)| *set)
        .fold(0, |all, (_, bit)| all | bit);
    let timestamps = tcp.options_iterator().flatten().find_map(|option| match option {
        TcpOptionElement::Timestamp(value, echo) => Some((value, echo)),
        _ => None,
    });
    Some(Frame {
        at: SystemTime::now(),
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        segment: Segment {
            flags: Flags(flags),
            seq: tcp.sequence_number(),
            ack: tcp.acknowledgment_number(),
            len: u32::try_from(tcp.payload().len()).ok()?,
            window: tcp.window_size(),
            ttl,
            payload: tcp.payload().to_vec(),
        },
        timestamps,
    })
}
