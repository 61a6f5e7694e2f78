//! The name of a connection whichever way a segment goes, and its hash. Refuses IPv4 and IPv6 two
//! code paths: an IPv4 address is its mapped form.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Both ends, the smaller one first. Addresses are numbers, for these are compared in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
// Without the four bytes that would fill it up: there is one in each connection.
#[repr(Rust, packed(4))]
pub struct Key {
    low: Address,
    high: Address,
    low_port: u16,
    high_port: u16,
}

/// An IPv6 address, or an IPv4 address in its mapped form, as two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address(u64, u64);

/// One end: its address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End(Address, u16);

impl End {
    #[inline]
    pub(crate) fn of(end: SocketAddr) -> Self {
        Self(Address::of(end.ip()), end.port())
    }

    /// The same of all its ports.
    pub(crate) const fn host(self) -> Self {
        Self(self.0, 0)
    }
}

/// A number in which all bits of an end have a part.
#[inline]
pub(crate) const fn mixed(End(Address(high, low), port): End) -> u64 {
    mix(mix(mix(high).wrapping_add(low)).wrapping_add(port as u64))
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

/// Above the address in an IPv4 address's mapped form (RFC 4291 §2.5.5.2).
const MAPPED: u64 = 0xffff << 32;

impl Address {
    #[inline]
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self(0, MAPPED | u64::from(v4.to_bits())),
            IpAddr::V6(v6) => Self::of_bits(v6.to_bits()),
        }
    }

    #[inline]
    const fn of_bits(bits: u128) -> Self {
        Self((bits >> 64) as u64, (bits & 0xffff_ffff_ffff_ffff) as u64)
    }

    /// The IPv4 address that it stands for, if it does.
    #[inline]
    const fn mapped(self) -> Option<u32> {
        if self.0 == 0 && self.1 & !0xffff_ffff == MAPPED {
            Some((self.1 & 0xffff_ffff) as u32)
        } else {
            None
        }
    }

    fn ip(self) -> IpAddr {
        let bits = u128::from(self.0) << 64 | u128::from(self.1);
        Ipv6Addr::from_bits(bits).to_canonical()
    }
}

impl Key {
    /// The connection of a segment, and which way it goes.
    #[inline]
    pub fn of(source: SocketAddr, destination: SocketAddr) -> (Self, Direction) {
        let bits = |ip| match ip {
            IpAddr::V4(v4) => Ipv4Addr::to_ipv6_mapped(&v4).to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Self::of_bits(
            bits(source.ip()),
            source.port(),
            bits(destination.ip()),
            destination.port(),
        )
    }

    /// The same of IPv4 addresses, in host order.
    #[inline]
    pub const fn of_v4(
        source: u32,
        source_port: u16,
        destination: u32,
        destination_port: u16,
    ) -> (Self, Direction) {
        let (source, destination) = (
            (source as u64) << 16 | source_port as u64,
            (destination as u64) << 16 | destination_port as u64,
        );
        let forth = source <= destination;
        // Without a branch: which way the next segment goes cannot be guessed.
        let swap = (source ^ destination) & (forth as u64).wrapping_sub(1);
        let (low, high) = (source ^ swap, destination ^ swap);
        let key = Self {
            low: Address(0, MAPPED | low >> 16),
            high: Address(0, MAPPED | high >> 16),
            low_port: (low & 0xffff) as u16,
            high_port: (high & 0xffff) as u16,
        };
        (key, if forth { Direction::Low } else { Direction::High })
    }

    /// The same of IPv6 addresses as numbers, or of IPv4 addresses in their mapped form.
    #[inline]
    pub const fn of_bits(
        source: u128,
        source_port: u16,
        destination: u128,
        destination_port: u16,
    ) -> (Self, Direction) {
        // Without a branch: which way the next segment goes cannot be guessed.
        #[expect(clippy::needless_bitwise_bool, reason = "lazy operators are branches")]
        let forth = (source < destination) | (source == destination) & (source_port <= destination_port);
        let other = (forth as u128).wrapping_sub(1);
        let swap = (source ^ destination) & other;
        let swap_port = (source_port ^ destination_port) & (other & 0xffff) as u16;
        let key = Self {
            low: Address::of_bits(source ^ swap),
            high: Address::of_bits(destination ^ swap),
            low_port: source_port ^ swap_port,
            high_port: destination_port ^ swap_port,
        };
        (key, if forth { Direction::Low } else { Direction::High })
    }

    /// Reads a word of each cache line that it may lie in. The number means nothing.
    #[inline]
    pub const fn touch(&self) -> u64 {
        self.low.0 ^ self.high.1 ^ self.low_port as u64
    }

    /// One end.
    #[inline]
    pub(crate) const fn end(&self, direction: Direction) -> End {
        match direction {
            Direction::Low => End(self.low, self.low_port),
            Direction::High => End(self.high, self.high_port),
        }
    }

    /// The address of one end.
    pub fn addr(&self, direction: Direction) -> SocketAddr {
        match direction {
            Direction::Low => SocketAddr::new(self.low.ip(), self.low_port),
            Direction::High => SocketAddr::new(self.high.ip(), self.high_port),
        }
    }

    /// A hash that is the same both ways; see [`hash_v4`].
    #[inline]
    pub fn hash(&self) -> u32 {
        of_both(self.low, self.low_port, self.high, self.high_port)
    }
}

const K: u64 = 0x9e37_79b9_7f4a_7c15;

pub(crate) const fn mix(word: u64) -> u64 {
    let mixed = word.wrapping_mul(K);
    mixed ^ (mixed >> 32)
}

/// Both ends in one, whichever comes first: of their product the bits that all of theirs have a part in.
/// No IPv4 end makes it 0, for K is longer.
const fn both(one: u64, two: u64) -> u32 {
    let product = (one ^ K) as u128 * (two ^ K) as u128;
    ((product >> 48) & 0xffff_ffff) as u32
}

/// The hash of a connection between two IPv4 addresses, the same both ways. No secret is in it. Of the
/// bytes as they stand in headers, which then need not be turned round.
#[inline]
pub const fn hash_v4(source: u32, source_port: u16, destination: u32, destination_port: u16) -> u32 {
    both(end_v4(source, source_port), end_v4(destination, destination_port))
}

const fn end_v4(address: u32, port: u16) -> u64 {
    address.swap_bytes() as u64 | (port.swap_bytes() as u64) << 32
}

/// The same of IPv6 addresses, or of IPv4 addresses in their mapped form.
#[inline]
pub fn hash(source: [u8; 16], source_port: u16, destination: [u8; 16], destination_port: u16) -> u32 {
    let [source, destination] =
        [source, destination].map(|octets| Address::of_bits(u128::from_be_bytes(octets)));
    of_both(source, source_port, destination, destination_port)
}

#[inline]
fn of_both(source: Address, source_port: u16, destination: Address, destination_port: u16) -> u32 {
    if let (Some(source), Some(destination)) = (source.mapped(), destination.mapped()) {
        return hash_v4(source, source_port, destination, destination_port);
    }
    let one = |Address(high, low): Address, port: u16| {
        // A neighbour's next port must not be this one's.
        mix(mix(high).wrapping_add(low).wrapping_add(u64::from(port) << 48))
    };
    both(one(source, source_port), one(destination, destination_port))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use core::net::Ipv4Addr;

    use super::*;

    /// One rule, on a shorter way.
    #[test]
    fn an_ipv4_key_is_that_of_its_mapped_form() {
        let numbers = [0, 1, 2, 0x0a00_0001, 0x0a00_0002, 0xc0a8_0001, u32::MAX];
        let ports = [0, 1, 443, 32_768, u16::MAX];
        for (one, two) in numbers.iter().flat_map(|one| numbers.map(|two| (*one, two))) {
            for (from, to) in ports.iter().flat_map(|from| ports.map(|to| (*from, to))) {
                let mapped = |v4| Ipv4Addr::from_bits(v4).to_ipv6_mapped().to_bits();
                let long = Key::of_bits(mapped(one), from, mapped(two), to);
                assert_eq!(Key::of_v4(one, from, two, to), long);
            }
        }
    }

    /// Neighbouring addresses and ports, as networks and kernels hand them out.
    #[test]
    fn neighbours_have_hashes_of_their_own() {
        let hashes = |client: &dyn Fn(u16) -> IpAddr, server: IpAddr| {
            let mut hashes = BTreeSet::new();
            for host in 0..200 {
                for port in 0..50 {
                    let client = SocketAddr::new(client(host), 32_768 + port);
                    hashes.insert(Key::of(client, SocketAddr::new(server, 443)).0.hash());
                }
            }
            hashes.len()
        };
        let v6 = |host| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into();
        let v4 = |host: u16| Ipv4Addr::from(0x0a00_0000 | u32::from(host)).into();
        assert!(hashes(&v6, v6(0xffff)) > 9_990, "{}", hashes(&v6, v6(0xffff)));
        assert!(hashes(&v4, v4(0xffff)) > 9_990, "{}", hashes(&v4, v4(0xffff)));
    }
}
