//! Where a capture point stands on the way of a connection, by what it saw of it. Refuses to compare
//! clocks of different points.

use core::cmp::Ordering;

use super::Seen;
use crate::key::Direction;

/// A capture point as one connection shows it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Index of the point.
    pub point: usize,
    /// It has the connection under the same two addresses as the point that tells of it.
    pub same_name: bool,
    /// What was left of the TTLs of the client's and the server's segments: smallest and greatest,
    /// added up. A router that was captured on both sides saw two of each.
    ttl: [Option<u16>; 2],
    /// From SYN to SYN-ACK, longest at the client.
    wait: Option<u64>,
}

impl Place {
    /// A point that saw the connection so; `client` is the direction of its client's segments.
    pub fn new(point: usize, seen: &Seen, client: Option<Direction>, same_name: bool) -> Self {
        let ttl = |direction: Direction| {
            seen.ttl[direction.index()].map(|(low, high)| u16::from(low) + u16::from(high))
        };
        Self {
            point,
            same_name,
            ttl: client.map_or([None; 2], |client| [ttl(client), ttl(client.other())]),
            wait: seen.wait(),
        }
    }

    /// Whether it saw ordinary segments of this end: the client is 0.
    pub fn saw(&self, end: usize) -> bool {
        self.ttl.get(end).is_some_and(Option::is_some)
    }

    /// How much nearer to the client than `other`, in hops on both ways; 0 where no TTL tells.
    fn ahead(&self, other: &Self) -> i32 {
        let apart = |end: usize| match (self.ttl[end], other.ttl[end]) {
            (Some(one), Some(two)) => i32::from(one) - i32::from(two),
            _ => 0,
        };
        apart(0) - apart(1)
    }
}

/// Which of two places stands nearer to the sender: greater is nearer.
pub fn to_sender(one: &Place, two: &Place, from_client: bool) -> Ordering {
    let to_client = one.ahead(two).cmp(&0).then_with(|| match (one.wait, two.wait) {
        (Some(one), Some(two)) => one.cmp(&two),
        _ => Ordering::Equal,
    });
    if from_client {
        to_client
    } else {
        to_client.reverse()
    }
}
