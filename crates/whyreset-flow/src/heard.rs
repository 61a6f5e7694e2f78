//! Who answered: the TTLs that hosts opened connections with, and when a port last took one. Refuses to
//! grow beyond a bound: hosts and ports that come later are not known.

use crate::key::End;
use crate::known::Known;

/// Hosts, and ports, that are remembered.
const MOST: usize = 1 << 16;

/// What SYN-ACKs told.
#[derive(Debug)]
pub struct Heard {
    /// The smallest and greatest TTL.
    hosts: Known<(u8, u8)>,
    /// When a port last took a connection, and the time before that.
    ports: Known<(u64, Option<u64>)>,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            hosts: Known::new(MOST),
            ports: Known::new(MOST),
        }
    }
}

impl Heard {
    /// A SYN-ACK of this end, at a time in nanoseconds.
    pub fn note(&mut self, end: End, ttl: u8, at: u64) {
        if let Some((low, high)) = self.hosts.entry(end.host(), || (ttl, ttl)) {
            (*low, *high) = ((*low).min(ttl), (*high).max(ttl));
        }
        let mut fresh = false;
        let first = || {
            fresh = true;
            (at, None)
        };
        if let Some(times) = self.ports.entry(end, first)
            && !fresh
        {
            *times = (at, Some(times.0));
        }
    }

    /// The smallest and greatest TTL of a host's SYN-ACKs.
    pub fn ttl(&self, end: End) -> Option<(u8, u8)> {
        self.hosts.get(end.host()).copied()
    }

    /// Whether the last two connections that a port took were one before and one after this time.
    pub fn took_around(&self, port: End, at: u64) -> bool {
        matches!(self.ports.get(port), Some((last, Some(before))) if *before < at && at < *last)
    }
}
