//! Which endpoint is asked: `HOST:PORT` to addresses, in the order of RFC 8305. Refuses to connect.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Addresses of one name that are tried at most.
const MOST: usize = 16;
/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One endpoint, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Target {
    /// Reads `name:443`, `10.0.0.1:443` or `[::1]:443`.
    ///
    /// # Errors
    /// What is missing, and how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let how = "it is written NAME:PORT, 10.0.0.1:443 or [2001:db8::1]:443";
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest
                .split_once("]:")
                .ok_or_else(|| format!("{text:?} has no port after the bracket; {how}"))?,
            None => text
                .rsplit_once(':')
                .ok_or_else(|| format!("{text:?} names no port; {how}"))?,
        };
        if !text.starts_with('[') && host.contains(':') {
            return Err(format!("{text:?} is an IPv6 address without brackets; {how}"));
        }
        let visible = |c: char| c.is_ascii_graphic() && !"/[]@".contains(c);
        if host.is_empty() || host.len() > 255 || !host.chars().all(visible) {
            return Err(format!("{host:?} is no host; {how}"));
        }
        match port.parse() {
            Ok(port) if port != 0 => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(format!("{port:?} is no port from 1 to 65535; {how}")),
        }
    }

    /// Its addresses, the two families in turn, IPv6 first where the system prefers it.
    ///
    /// # Errors
    /// The name has none, or nobody answered.
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        let (tell, told) = mpsc::channel();
        let question = (self.host.clone(), self.port);
        // The system's resolver cannot be interrupted: its thread is left behind.
        thread::spawn(move || {
            _ = tell.send(question.to_socket_addrs().map(Iterator::collect::<Vec<_>>));
        });
        let found = told
            .recv_timeout(PATIENCE)
            .map_err(|_| {
                format!(
                    "no name server answered for {} within {PATIENCE:?}; try its address instead",
                    self.host
                )
            })?
            .map_err(|error| format!("{} has no address: {error}; check the name", self.host))?;
        if found.is_empty() {
            return Err(format!("{} has no address; check the name", self.host));
        }
        Ok(in_turn(&found))
    }
}

/// RFC 8305 §4: the first family first, then in turn.
fn in_turn(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in found {
        // An IPv4 address in IPv6's clothes is connected to as what it is.
        let address = SocketAddr::new(canonical(address.ip()), address.port());
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let first_is_v6 = unique.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (Vec<_>, Vec<_>) = unique
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    one.reverse();
    other.reverse();
    let mut order = Vec::new();
    while order.len() < MOST && !(one.is_empty() && other.is_empty()) {
        order.extend(one.pop());
        order.extend(other.pop());
    }
    order.truncate(MOST);
    order
}

const fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_canonical(),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_they_are_written() {
        for (text, host, port) in [
            ("example.com:443", "example.com", 443),
            ("[::1]:22", "::1", 22),
            ("10.0.0.1:1", "10.0.0.1", 1),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((&*target.host, target.port), (host, port));
            assert_eq!(target.to_string(), text);
        }
        for bad in [
            "example.com",
            "::1:22",
            "[::1]",
            ":80",
            "a:0",
            "a:70000",
            "http://a:80",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn families_take_turns_and_are_bounded() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = [
            at("[::1]:1"),
            at("[::2]:1"),
            at("1.1.1.1:1"),
            at("[::ffff:1.1.1.1]:1"),
        ];
        assert_eq!(in_turn(&found), [at("[::1]:1"), at("1.1.1.1:1"), at("[::2]:1")]);
        let many: Vec<SocketAddr> = (1..100).map(|n| SocketAddr::from(([10, 0, 0, n], 1))).collect();
        assert_eq!(in_turn(&many).len(), MOST);
    }
}
