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
mod plain;
mod refusal;
mod tcp;
mod tunnel;

pub use glance::{Ends, Glance, glance};
pub use icmp::{IcmpError, IcmpKind, Quoted};
pub use ip::Ip;
pub use link::{LinkInfo, LinkType};
pub use plain::{Plain, plain};
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
pub fn decode(link: LinkType, captured: &[u8], wire_len: u32) -> Result<Packet<'_>, Refusal> {
    let (info, protocol, rest) = link::open(link, captured)?;
    let before = captured.len() - rest.len();
    let left = wire_len.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX));
    tunnel::open(info, protocol, rest, left)
}
