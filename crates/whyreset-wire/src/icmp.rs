//! ICMP errors that quote a TCP segment. Refuses every other ICMP message.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::bytes::{chunk, u16_at, u32_at};

/// An error about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What is wrong.
    pub kind: IcmpKind,
    /// Who says so.
    pub from: IpAddr,
    /// The segment.
    pub quoted: Quoted,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// Unreachable, with the code of its version.
    Unreachable(u8),
    /// Too long for the next link.
    TooBig,
    /// TTL or hop limit used up.
    TimeExceeded,
    /// A header that somebody did not like.
    ParameterProblem,
    /// Send elsewhere.
    Redirect,
}

/// The beginning of the segment that was in error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Who had sent it.
    pub source: SocketAddr,
    /// For whom.
    pub destination: SocketAddr,
    /// What was left of its TTL or hop limit.
    pub hop_limit: u8,
    /// Its sequence number, where that much was quoted.
    pub seq: Option<u32>,
}

pub fn open(from: IpAddr, bytes: &[u8]) -> Option<IcmpError> {
    let [kind, code] = chunk(bytes, 0)?;
    let quote = bytes.get(8..)?;
    let kind = match (from, kind, code) {
        (IpAddr::V4(_), 3, 4) | (IpAddr::V6(_), 2, _) => IcmpKind::TooBig,
        (IpAddr::V4(_), 3, code) | (IpAddr::V6(_), 1, code) => IcmpKind::Unreachable(code),
        (IpAddr::V4(_), 11, _) | (IpAddr::V6(_), 3, _) => IcmpKind::TimeExceeded,
        (IpAddr::V4(_), 12, _) | (IpAddr::V6(_), 4, _) => IcmpKind::ParameterProblem,
        (IpAddr::V4(_), 5, _) => IcmpKind::Redirect,
        _ => return None,
    };
    let quoted = match quote.first()? >> 4 {
        4 => quoted_v4(quote)?,
        6 => quoted_v6(quote)?,
        _ => return None,
    };
    Some(IcmpError { kind, from, quoted })
}

fn quoted_v4(quote: &[u8]) -> Option<Quoted> {
    let head: [u8; 20] = chunk(quote, 0)?;
    let tcp = quote.get(usize::from(head[0] & 0x0f) * 4..)?;
    let address = |at: usize| IpAddr::V4(Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]));
    (head[9] == 6).then(|| quoted(address(12), address(16), head[8], tcp))?
}

fn quoted_v6(quote: &[u8]) -> Option<Quoted> {
    let address = |at| Some(IpAddr::V6(Ipv6Addr::from(chunk::<16>(quote, at)?)));
    let [next, hop_limit] = chunk(quote, 6)?;
    (next == 6).then(|| quoted(address(8)?, address(24)?, hop_limit, quote.get(40..)?))?
}

fn quoted(source: IpAddr, destination: IpAddr, hop_limit: u8, tcp: &[u8]) -> Option<Quoted> {
    Some(Quoted {
        source: SocketAddr::new(source, u16_at(tcp, 0)?),
        destination: SocketAddr::new(destination, u16_at(tcp, 2)?),
        hop_limit,
        seq: u32_at(tcp, 4),
    })
}
