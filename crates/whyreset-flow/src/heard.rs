//! Who answered: the TTLs that hosts opened connections with, and when a port last took one. Refuses to
//! grow beyond a bound: hosts and ports that come later are not known.

use alloc::collections::BTreeMap;
use core::net::{IpAddr, SocketAddr};

use crate::key::Address;

/// Hosts, and ports, that are remembered.
const MOST: usize = 1 << 16;

/// What SYN-ACKs told.
#[derive(Debug, Default)]
pub struct Heard {
    /// The smallest and greatest TTL.
    hosts: BTreeMap<Address, (u8, u8)>,
    /// When a port last took a connection, and the time before that.
    ports: BTreeMap<(Address, u16), (u64, Option<u64>)>,
}

impl Heard {
    /// A SYN-ACK of this end, at a time in nanoseconds.
    pub fn note(&mut self, end: SocketAddr, ttl: u8, at: u64) {
        let host = Address::of(end.ip());
        if let Some((low, high)) = self.hosts.get_mut(&host) {
            (*low, *high) = ((*low).min(ttl), (*high).max(ttl));
        } else if self.hosts.len() < MOST {
            self.hosts.insert(host, (ttl, ttl));
        }
        let port = (host, end.port());
        if let Some(times) = self.ports.get_mut(&port) {
            *times = (at, Some(times.0));
        } else if self.ports.len() < MOST {
            self.ports.insert(port, (at, None));
        }
    }

    /// The smallest and greatest TTL of a host's SYN-ACKs.
    pub fn ttl(&self, host: IpAddr) -> Option<(u8, u8)> {
        self.hosts.get(&Address::of(host)).copied()
    }

    /// Whether the last two connections that a port took were one before and one after this time.
    pub fn took_around(&self, port: SocketAddr, at: u64) -> bool {
        let times = self.ports.get(&(Address::of(port.ip()), port.port()));
        matches!(times, Some((last, Some(before))) if *before < at && at < *last)
    }
}
