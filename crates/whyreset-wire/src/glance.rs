//! The common case at a glance: TCP in IPv4 or IPv6 in plain Ethernet, without options, tunnels or
//! fragments. Refuses everything else, for which [`crate::decode`] is there.

use crate::LinkType;
use crate::tcp::Flags;

/// The two ends and the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Whose addresses.
    pub ends: Ends,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The flags.
    pub flags: Flags,
}

/// The addresses of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Source and destination, in host order.
    V4(u32, u32),
    /// Source and destination.
    V6([u8; 16], [u8; 16]),
}

/// Looks at a frame; `None` is no answer, not even that it holds no TCP.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
pub fn glance(link: LinkType, bytes: &[u8]) -> Option<Glance> {
    if link != LinkType::ETHERNET {
        return None;
    }
    if let Some(head) = bytes.first_chunk::<48>()
        && head[12..15] == [0x08, 0x00, 0x45]
        && head[23] == 6
        && u16::from_be_bytes([head[20], head[21]]).trailing_zeros() >= 14
    {
        let four = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let two = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        return Some(Glance {
            ends: Ends::V4(four(26), four(30)),
            source_port: two(34),
            destination_port: two(36),
            flags: Flags(two(46) & 0x0fff),
        });
    }
    let head = bytes.first_chunk::<68>()?;
    if head[12..14] != [0x86, 0xdd] || head[14] >> 4 != 6 || head[20] != 6 {
        return None;
    }
    let two = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (source, rest) = head[22..].split_first_chunk::<16>()?;
    let destination = rest.first_chunk::<16>()?;
    Some(Glance {
        ends: Ends::V6(*source, *destination),
        source_port: two(54),
        destination_port: two(56),
        flags: Flags(two(66) & 0x0fff),
    })
}
