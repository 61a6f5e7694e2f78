//! The bytes of one captured frame to the headers that a TCP connection needs: the innermost IP
//! packet of whatever link and tunnels are around it. Allocates nothing, keeps nothing, and refuses
//! what it cannot read with a reason; no input makes it panic.

#![no_std]
#![forbid(unsafe_code)]

mod bytes;
pub mod checksum;
mod glance;
pub mod hint;
mod icmp;
mod ip;
mod link;
mod refusal;
mod tcp;
mod tunnel;

pub use glance::{Ends, Glance, glance};
pub use icmp::{IcmpError, IcmpKind, Quoted};
pub use ip::Ip;
pub use link::{LinkInfo, LinkType};
pub use refusal::Refusal;
pub use tcp::{Flags, OptionKind, Options, OptionsIter, Tcp};
pub use tunnel::Tunnel;

/// A frame, down to what it carries.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The innermost IP header.
    pub ip: Ip,
    /// What it carries.
    pub transport: Transport<'a>,
    /// The link layer around it all.
    pub link: LinkInfo,
    /// The innermost tunnel, where there is one.
    pub tunnel: Option<Tunnel>,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// An ICMP error that quotes a TCP segment.
    IcmpError(IcmpError),
    /// A later fragment: its TCP header went with the first one.
    Fragment,
    /// Another protocol, by its IP number.
    Other(u8),
}

/// Decodes one frame of this link type. `wire_len` is its length before the capture cut it.
///
/// # Errors
/// Why it cannot be read: an unknown link, no IP in it, a header that is cut or breaks its rules.
#[inline]
pub fn decode(link: LinkType, captured: &[u8], wire_len: u32) -> Result<Packet<'_>, Refusal> {
    match common(link, captured, wire_len) {
        Some(packet) => packet,
        None => any(link, captured, wire_len),
    }
}

/// The common case, TCP right behind IPv4 or IPv6 in plain Ethernet, on the shortest way; `None` for all
/// others.
#[inline]
fn common(link: LinkType, captured: &[u8], wire_len: u32) -> Option<Result<Packet<'_>, Refusal>> {
    let head = captured.first_chunk::<24>()?;
    // Not a later fragment: the offset's thirteen bits are 0.
    let whole = (head[20] & 0x1f, head[21]) == (0, 0);
    let v4 = head[12..14] == [0x08, 0x00] && head[23] == 6 && whole;
    let v6 = head[12..14] == [0x86, 0xdd] && head[20] == 6;
    if link != LinkType::ETHERNET || !(v4 || v6) {
        return None;
    }
    let (ethernet, rest) = captured.split_first_chunk::<14>()?;
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *ethernet;
    let link = LinkInfo {
        destination: Some([d0, d1, d2, d3, d4, d5]),
        source: Some([s0, s1, s2, s3, s4, s5]),
        ..LinkInfo::default()
    };
    let open = if v4 { ip::v4 } else { ip::v6 };
    let opened = open(rest, wire_len.saturating_sub(14));
    Some(opened.and_then(|opened| {
        Ok(Packet {
            ip: opened.ip,
            transport: Transport::Tcp(tcp::open(opened.body, opened.body_len)?),
            link,
            tunnel: None,
        })
    }))
}

#[inline(never)]
fn any(link: LinkType, captured: &[u8], wire_len: u32) -> Result<Packet<'_>, Refusal> {
    let (info, protocol, rest) = link::open(link, captured)?;
    let before = captured.len() - rest.len();
    let left = wire_len.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX));
    tunnel::open(info, protocol, rest, left)
}
