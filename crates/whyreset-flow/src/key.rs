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

const fn octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address((octets, port): ([u8; 16], u16)) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), port)
}

impl Key {
    /// The connection of a segment, and which way it goes.
    pub fn of(source: SocketAddr, destination: SocketAddr) -> (Self, Direction) {
        let from = (octets(source.ip()), source.port());
        let to = (octets(destination.ip()), destination.port());
        if from <= to {
            (Self { low: from, high: to }, Direction::Low)
        } else {
            (Self { low: to, high: from }, Direction::High)
        }
    }

    /// The address of one end.
    pub fn addr(&self, direction: Direction) -> SocketAddr {
        address(match direction {
            Direction::Low => self.low,
            Direction::High => self.high,
        })
    }

    /// A hash that is the same both ways. No secret is in it: a table that must stand against an
    /// adversary bounds its chains.
    pub fn hash(&self) -> u64 {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        let word = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u64, |word, &byte| (word << 8) | u64::from(byte))
        };
        let mut hash = u64::from(self.low.1) << 16 | u64::from(self.high.1);
        for part in [
            &self.low.0[..8],
            &self.low.0[8..],
            &self.high.0[..8],
            &self.high.0[8..],
        ] {
            hash = (hash ^ word(part)).wrapping_mul(K);
            hash ^= hash >> 31;
        }
        hash.wrapping_mul(K) ^ (hash >> 29)
    }
}
