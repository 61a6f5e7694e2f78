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

/// The sum of 16-bit words as RFC 1071 has it, carries folded in. Taken from words four times as long,
/// least byte first, which gives the same (§2 (B) there), several times as fast.
#[inline]
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let halves = |word: [u8; 8]| {
        let word = u64::from_le_bytes(word);
        (word >> 32) + (word & 0xffff_ffff)
    };
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let sum = words.iter().fold(halves(last), |sum, word| sum + halves(*word));
    // Of a packet's length no carry is left then.
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum & 0xffff) as u16).swap_bytes().into()
}

/// Checks a segment between these two ends.
#[inline]
pub fn check(ip: &Ip, tcp: &Tcp<'_>) -> Checksum {
    let addresses = match (ip.source, ip.destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
        _ => return Checksum::Unknown,
    };
    told(addresses, tcp)
}

/// What the checksum tells of a segment between ends whose addresses have this sum.
#[inline]
pub(crate) fn told(addresses: u32, tcp: &Tcp<'_>) -> Checksum {
    let header = tcp.bytes.len().saturating_sub(tcp.payload.len());
    let whole = u64::from(tcp.payload_len) == tcp.payload.len() as u64 && !tcp.cut;
    let len = u32::try_from(header)
        .unwrap_or(u32::MAX)
        .saturating_add(tcp.payload_len);
    let [high, low] = [(len >> 16) as u16, (len & 0xffff) as u16];
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let pseudo = fold(addresses + u32::from(high) + u32::from(low) + 6);
    if u32::from(tcp.checksum) == fold(pseudo) {
        return Checksum::Partial;
    }
    if !whole {
        return Checksum::Unknown;
    }
    if fold(fold(pseudo + sum(tcp.bytes))) == 0xffff {
        Checksum::Good
    } else {
        Checksum::Bad
    }
}
