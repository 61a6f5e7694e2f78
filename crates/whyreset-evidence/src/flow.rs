//! One TCP connection's two ends and who opened it.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who sent the first SYN.
    Client,
    /// Who listened.
    Server,
}

impl Side {
    /// The end across the wire.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// `client` or `server`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How sure it is which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Roles {
    /// The start was seen, or the socket itself tells.
    Known,
    /// Inferred from port numbers.
    Guessed,
}

/// The 4-tuple, oriented from client to server. IPv4-mapped IPv6 addresses are stored as IPv4,
/// so that both ends of one connection spell it the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Who sent the first SYN.
    pub client: SocketAddr,
    /// Who was to answer it.
    pub server: SocketAddr,
    /// Whether the orientation is known or guessed.
    pub roles: Roles,
}

impl Flow {
    /// A flow whose orientation is known.
    pub fn new(client: SocketAddr, server: SocketAddr) -> Self {
        Self {
            client: canonical(client),
            server: canonical(server),
            roles: Roles::Known,
        }
    }

    /// A flow whose orientation nothing told: the lower port is taken for the server's.
    pub fn guessed(one: SocketAddr, other: SocketAddr) -> Self {
        let (client, server) = if one.port() < other.port() {
            (other, one)
        } else {
            (one, other)
        };
        Self {
            roles: Roles::Guessed,
            ..Self::new(client, server)
        }
    }

    /// The address of one end.
    pub const fn addr(&self, side: Side) -> SocketAddr {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Which end has this address; `None` where neither (or both) has.
    pub fn side_of(&self, addr: SocketAddr) -> Option<Side> {
        let addr = canonical(addr);
        match (addr == self.client, addr == self.server) {
            (true, false) => Some(Side::Client),
            (false, true) => Some(Side::Server),
            _ => None,
        }
    }
}

fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), addr.port()),
            None => addr,
        },
        IpAddr::V4(_) => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_meet_their_ipv4_twin() {
        let mapped: SocketAddr = "[::ffff:10.0.0.1]:80".parse().unwrap();
        let plain: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let client: SocketAddr = "10.0.0.2:5000".parse().unwrap();
        let flow = Flow::new(client, mapped);
        assert_eq!(flow.server, plain);
        assert_eq!(flow.side_of(plain), Some(Side::Server));
        assert_eq!(flow.side_of(mapped), Some(Side::Server));
    }

    #[test]
    fn a_guess_takes_the_lower_port_for_the_server() {
        let high: SocketAddr = "10.0.0.2:50000".parse().unwrap();
        let low: SocketAddr = "10.0.0.1:443".parse().unwrap();
        for flow in [Flow::guessed(high, low), Flow::guessed(low, high)] {
            assert_eq!(
                (flow.client, flow.server, flow.roles),
                (high, low, Roles::Guessed)
            );
        }
    }
}
