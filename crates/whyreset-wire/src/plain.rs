//! The common form of a segment read whole, on the shortest way: TCP in IPv4 or IPv6 in plain Ethernet,
//! without IP options, tunnels or fragments. Refuses everything else, and whatever breaks a rule, for
//! which [`crate::decode`] is there.

use crate::bytes::{chunk, u32_at};
use crate::checksum::{self, Checksum};
use crate::{Ends, LinkType, Tcp, tcp};

/// Ethernet, and the IPv4 header behind it without options.
const V4: usize = 14 + 20;
/// Ethernet, and the IPv6 header behind it.
const V6: usize = 14 + 40;

/// A segment, and the IP and Ethernet headers around it, whose fields are read when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// As much as both kinds have.
    head: &'a [u8; V4],
    /// All of it, where it is IPv6.
    six: Option<&'a [u8; V6]>,
    /// The segment.
    pub tcp: Tcp<'a>,
}

/// Reads a frame of this form; `None` is no answer, not even that it holds no TCP. `wire_len` is its
/// length before the capture cut it.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
pub fn plain(link: LinkType, captured: &[u8], wire_len: u32) -> Option<Plain<'_>> {
    if link != LinkType::ETHERNET {
        return None;
    }
    let head = captured.first_chunk::<V4>()?;
    let two = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    // No fragment at all, not even a first one.
    let four = head[12..15] == [0x08, 0x00, 0x45] && head[23] == 6 && two(20).trailing_zeros() >= 14;
    let (six, before, len) = if four {
        // Offloaded segments are captured before their length is known.
        let total = match u32::from(two(16)) {
            0 => wire_len.saturating_sub(14),
            total => total,
        };
        (None, V4, total.checked_sub(20)?)
    } else if head[12..14] == [0x86, 0xdd] && head[14] >> 4 == 6 && head[20] == 6 {
        let payload = match u32::from(two(18)) {
            0 => wire_len.saturating_sub(54),
            payload => payload,
        };
        (Some(captured.first_chunk::<V6>()?), V6, payload)
    } else {
        return None;
    };
    let rest = captured.get(before..)?;
    // Without what the link added behind it.
    let body = rest.get(..len as usize).unwrap_or(rest);
    Some(Plain {
        head,
        six,
        tcp: tcp::open(body, len).ok()?,
    })
}

impl Plain<'_> {
    /// Who sent it, and for whom.
    #[inline]
    pub fn ends(&self) -> Ends {
        match self.six {
            None => {
                let four = |at| u32_at(self.head, at).unwrap_or_default();
                Ends::V4(four(26), four(30))
            }
            Some(head) => {
                let six = |at| chunk(head, at).unwrap_or_default();
                Ends::V6(six(22), six(38))
            }
        }
    }

    /// TTL, or hop limit.
    #[inline]
    pub const fn hop_limit(&self) -> u8 {
        self.head[if self.six.is_none() { 22 } else { 21 }]
    }

    /// Identification; `None` for IPv6.
    #[inline]
    pub const fn id(&self) -> Option<u16> {
        match self.six {
            None => Some(u16::from_be_bytes([self.head[18], self.head[19]])),
            Some(_) => None,
        }
    }

    /// The sender's link-layer address.
    #[inline]
    pub const fn device(&self) -> [u8; 6] {
        let [_, _, _, _, _, _, s0, s1, s2, s3, s4, s5, ..] = *self.head;
        [s0, s1, s2, s3, s4, s5]
    }

    /// What its checksum tells. Reads all of it.
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    pub fn checksum(&self) -> Checksum {
        let addresses = match self.six {
            None => checksum::sum(&self.head[26..]),
            Some(head) => checksum::sum(&head[22..]),
        };
        checksum::told(addresses, &self.tcp)
    }
}
