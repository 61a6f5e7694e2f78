//! FILTER: the part of pcap-filter(7) that makes sense for one connection. Reads an expression
//! and holds a verdict's connection against it. Refuses names (`host example.org`): this program
//! asks no resolver.

mod lexer;
mod parser;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use whyreset_evidence::{Origin, Verdict};

pub use parser::parse;

/// Which end of the reset a primitive speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Either end.
    #[default]
    Any,
    /// The end the reset came from.
    Source,
    /// The end it went to.
    Destination,
}

/// One thing to hold an address against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// This address.
    Host(IpAddr),
    /// This prefix: address and length in bits.
    Net(IpAddr, u8),
    /// These ports, both included.
    Ports(u16, u16),
    /// IPv4, or with `true` IPv6.
    Family(bool),
    /// TCP: always.
    Tcp,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// One primitive.
    Is(Direction, Primitive),
    /// Negation.
    Not(Box<Filter>),
    /// Both.
    And(Box<Filter>, Box<Filter>),
    /// Either.
    Or(Box<Filter>, Box<Filter>),
}

/// An expression that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The expression.
    pub text: String,
    /// Byte offset of the word that is wrong.
    pub at: usize,
    /// What is wrong, and what could stand there.
    pub why: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the filter cannot be read: {}", self.why)?;
        // A filter may be put together from something that was pasted; one column a character.
        let shown: String = self
            .text
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        writeln!(f, "  {shown}")?;
        write!(
            f,
            "  {:width$}^",
            "",
            width = self.text[..self.at.min(self.text.len())].chars().count()
        )
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Whether this verdict's connection is meant. Where nobody knows which end a reset came
    /// from, either end will do for `src` and `dst`.
    pub fn takes(&self, verdict: &Verdict) -> bool {
        let flow = verdict.connection.flow;
        let (source, destination) = match verdict.reset.from {
            Origin::End(side) => (vec![flow.addr(side)], vec![flow.addr(side.other())]),
            _ => (vec![flow.client, flow.server], vec![flow.client, flow.server]),
        };
        self.holds(&source, &destination)
    }

    fn holds(&self, source: &[SocketAddr], destination: &[SocketAddr]) -> bool {
        match self {
            Self::Is(direction, primitive) => {
                let ends = |of: &[SocketAddr]| of.iter().any(|end| primitive.matches(*end));
                match direction {
                    Direction::Any => ends(source) || ends(destination),
                    Direction::Source => ends(source),
                    Direction::Destination => ends(destination),
                }
            }
            Self::Not(inner) => !inner.holds(source, destination),
            Self::And(a, b) => a.holds(source, destination) && b.holds(source, destination),
            Self::Or(a, b) => a.holds(source, destination) || b.holds(source, destination),
        }
    }
}

impl Primitive {
    fn matches(&self, end: SocketAddr) -> bool {
        match self {
            Self::Host(ip) => end.ip() == *ip,
            Self::Net(net, bits) => in_prefix(end.ip(), *net, *bits),
            Self::Ports(low, high) => (*low..=*high).contains(&end.port()),
            Self::Family(v6) => end.is_ipv6() == *v6,
            Self::Tcp => true,
        }
    }
}

fn in_prefix(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    let shared = |a: u128, b: u128, width: u8| {
        let shift = u32::from(width.saturating_sub(bits));
        bits == 0 || (a ^ b).checked_shr(shift).unwrap_or(0) == 0
    };
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => shared(ip.to_bits().into(), net.to_bits().into(), 32),
        (IpAddr::V6(ip), IpAddr::V6(net)) => shared(ip.to_bits(), net.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
