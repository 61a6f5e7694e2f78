//! The name of a connection whichever way a segment goes, and its hash. Refuses IPv4 and IPv6 two
//! code paths: an IPv4 address is its mapped form.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Both ends, the smaller one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    low: ([u8; 16], u16),
    high: ([u8; 16], u16),
}

/// Which end of a [`Key`] sent a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smaller address.
    Low,
    /// The greater one.
    High,
}

impl Direction {
    /// As an index.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The other way.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

#[inline]
const fn octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address((octets, port): ([u8; 16], u16)) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), port)
}

/// Whether the first end is not greater than the second one, IPv4 addresses taken in their mapped form.
#[inline]
fn in_order(one: SocketAddr, two: SocketAddr) -> bool {
    if let (SocketAddr::V4(one), SocketAddr::V4(two)) = (one, two) {
        let [one, two] = [one, two].map(|end| u64::from(end.ip().to_bits()) << 16 | u64::from(end.port()));
        return one <= two;
    }
    let [one, two] = [one, two].map(|end| (u128::from_be_bytes(octets(end.ip())), end.port()));
    one <= two
}

impl Key {
    /// The connection of a segment, and which way it goes.
    #[inline]
    pub fn of(source: SocketAddr, destination: SocketAddr) -> (Self, Direction) {
        let from = (octets(source.ip()), source.port());
        let to = (octets(destination.ip()), destination.port());
        if in_order(source, destination) {
            (Self { low: from, high: to }, Direction::Low)
        } else {
            (Self { low: to, high: from }, Direction::High)
        }
    }

    /// Reads a word of each end. The number means nothing.
    #[inline]
    pub const fn touch(&self) -> u32 {
        self.low.1 as u32 ^ self.high.1 as u32
    }

    /// The address of one end.
    pub fn addr(&self, direction: Direction) -> SocketAddr {
        address(match direction {
            Direction::Low => self.low,
            Direction::High => self.high,
        })
    }

    /// A hash that is the same both ways; see [`hash`].
    #[inline]
    pub fn hash(&self) -> u64 {
        hash(self.low.0, self.low.1, self.high.0, self.high.1)
    }
}

const K: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(word: u64) -> u64 {
    let mixed = word.wrapping_mul(K);
    mixed ^ (mixed >> 32)
}

/// The hash of a connection between two IPv4 addresses, the same both ways. No secret is in it: a
/// table that must stand against an adversary bounds its chains.
#[inline]
pub const fn hash_v4(source: u32, source_port: u16, destination: u32, destination_port: u16) -> u64 {
    let one = mix((source as u64) << 16 | source_port as u64);
    let two = mix((destination as u64) << 16 | destination_port as u64);
    mix(one.wrapping_add(two))
}

/// The same of IPv6 addresses, or of IPv4 addresses in their mapped form.
#[inline]
pub fn hash(source: [u8; 16], source_port: u16, destination: [u8; 16], destination_port: u16) -> u64 {
    let words = |octets: &[u8; 16]| {
        let word = |half: &[u8]| half.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight));
        let (high, low) = octets.split_at(8);
        (word(high), word(low))
    };
    let ((a, b), (c, d)) = (words(&source), words(&destination));
    let is_mapped = |high: u64, word: u64| high == 0 && word >> 32 == 0xffff;
    if is_mapped(a, b) && is_mapped(c, d) {
        let low = |word: u64| (word & 0xffff_ffff) as u32;
        return hash_v4(low(b), source_port, low(d), destination_port);
    }
    let one = mix(mix(a).wrapping_add(b).wrapping_add(u64::from(source_port)));
    let two = mix(mix(c).wrapping_add(d).wrapping_add(u64::from(destination_port)));
    mix(one.wrapping_add(two))
}
