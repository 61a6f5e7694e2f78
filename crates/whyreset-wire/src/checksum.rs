//! Whether a segment's checksum holds, for whoever asks. Refuses to be asked of every packet: it
//! reads all of it.

use core::net::IpAddr;

use crate::{Ip, Tcp};

/// What a checksum tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It holds.
    Good,
    /// It does not: the segment was damaged on its way, or never left its sender like this.
    Bad,
    /// It covers the pseudo header alone: its sender leaves the rest to the network card.
    Partial,
    /// The segment was not captured whole.
    Unknown,
}

/// The sum of 16-bit words as RFC 1071 has it, carries folded in. Taken from words twice as long, which
/// gives the same (§2 (A) and (B) there), twice as fast.
#[inline]
fn sum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words
        .iter()
        .fold(0_u64, |sum, word| sum + u64::from(u32::from_be_bytes(*word)));
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut sum = sum + u64::from(u32::from_be_bytes(last));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum & 0xffff) as u32
}

/// Checks the segment `bytes` (header and payload), which `tcp` was read from.
#[inline]
pub fn check(ip: &Ip, tcp: &Tcp<'_>, bytes: &[u8]) -> Checksum {
    let header = bytes.len().saturating_sub(tcp.payload.len());
    let whole = u64::from(tcp.payload_len) == tcp.payload.len() as u64 && !tcp.cut;
    let len = u32::try_from(header)
        .unwrap_or(u32::MAX)
        .saturating_add(tcp.payload_len);
    let pseudo = match (ip.source, ip.destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
        _ => return Checksum::Unknown,
    };
    let [high, low] = [(len >> 16) as u16, (len & 0xffff) as u16];
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let pseudo = fold(pseudo + u32::from(high) + u32::from(low) + 6);
    if u32::from(tcp.checksum) == fold(pseudo) {
        return Checksum::Partial;
    }
    if !whole {
        return Checksum::Unknown;
    }
    if fold(fold(pseudo + sum(bytes))) == 0xffff {
        Checksum::Good
    } else {
        Checksum::Bad
    }
}
