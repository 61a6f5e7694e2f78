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

/// What any sum of 16-bit words in one's complement is held against: a carry is worth 1.
const ALL: u64 = 0xffff;

/// Adds two sums (RFC 1071 §2).
#[inline]
pub(crate) const fn add(one: u64, two: u64) -> u64 {
    let (sum, carry) = one.overflowing_add(two);
    sum.wrapping_add(carry as u64)
}

/// The sum of 16-bit words with the least byte first, as of words four times as long: it is the same but
/// for carries, and that of swapped words is the swapped sum (RFC 1071 §2 (A) and (B)).
#[inline]
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    words
        .iter()
        .fold(last(bytes, rest), |sum, word| add(sum, u64::from_le_bytes(*word)))
}

/// The `rest` at the end of `bytes` that fills no word, as the beginning of one.
#[inline]
fn last(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(last) = bytes.last_chunk::<8>() {
        // In two steps, for no word can be shifted by all that it has.
        let old = (7 - (rest.len() & 7)) * 8;
        return u64::from_le_bytes(*last) >> 8 >> old;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_le_bytes(last)
}

/// Checks a segment between these two ends.
#[inline]
pub fn check(ip: &Ip, tcp: &Tcp<'_>) -> Checksum {
    let addresses = match (ip.source, ip.destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => add(sum(&from.octets()), sum(&to.octets())),
        (IpAddr::V6(from), IpAddr::V6(to)) => add(sum(&from.octets()), sum(&to.octets())),
        _ => return Checksum::Unknown,
    };
    told(addresses, tcp)
}

/// What the checksum tells of a segment between ends whose addresses have this sum.
#[inline(always)]
pub(crate) fn told(addresses: u64, tcp: &Tcp<'_>) -> Checksum {
    /// Of the pseudo header (RFC 9293 §3.1).
    const TCP: u64 = 6 << 8;
    let header = (tcp.bytes.len() - tcp.payload.len()) as u64;
    let whole = u64::from(tcp.payload_len) == tcp.payload.len() as u64 && !tcp.cut;
    let len = ((u64::from(tcp.payload_len) + header) & 0xffff_ffff) as u32;
    let pseudo = add(addresses, TCP + u64::from(len.swap_bytes()));
    if whole && add(pseudo, sum(tcp.bytes)).is_multiple_of(ALL) {
        return Checksum::Good;
    }
    // No sum of what is not nothing is 0.
    let pseudo = match (pseudo % ALL) as u16 {
        0 => u16::MAX,
        sum => sum,
    };
    if tcp.checksum == pseudo.swap_bytes() {
        Checksum::Partial
    } else if whole {
        Checksum::Bad
    } else {
        Checksum::Unknown
    }
}
