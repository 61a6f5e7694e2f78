//! Who a line speaks of: addresses with their ports, the program and process that wrote it.
//! Refuses to resolve names, and to take a time or a place in a source file for an address.

use std::net::{IpAddr, Ipv6Addr};

/// Addresses taken from one line at most.
const MOST: usize = 8;
/// Bytes of a line that are looked at.
const LOOKED_AT: usize = 4096;

/// An address in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// IPv4-mapped ones as IPv4.
    pub ip: IpAddr,
    /// Where one stands beside it.
    pub port: Option<u16>,
}

/// What a line says of who.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Addresses in their order.
    pub addresses: Vec<Address>,
    /// `name:port` of a host that is no address.
    pub host: Option<String>,
    /// The program's name before `[pid]:`.
    pub program: Option<String>,
    /// The process that wrote it, or that it names (`pid:7`).
    pub pid: Option<u32>,
}

/// Reads one line.
pub fn who(line: &[u8]) -> Who {
    let text = String::from_utf8_lossy(&line[..line.len().min(LOOKED_AT)]);
    let mut who = Who::default();
    (who.program, who.pid) = tag(&text);
    let words: Vec<&str> = text
        .split(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '(' | ')' | '=' | '<' | '{' | '}')
        })
        .filter(|word| !word.is_empty())
        .collect();
    for (index, word) in words.iter().enumerate() {
        // `10.0.0.2:5->10.0.0.1:6:`, `http://10.0.0.1:80/x`, `host/10.0.0.1:9092`.
        for part in word.split("->").flat_map(|part| part.split(['/', '>', '@'])) {
            if who.addresses.len() == MOST {
                return who;
            }
            if let Some(mut address) = address(part) {
                // sshd: `from 10.0.0.2 port 40022`.
                if address.port.is_none() && words.get(index + 1) == Some(&"port") {
                    address.port = words
                        .get(index + 2)
                        .and_then(|port| port.trim_end_matches([':', '.']).parse().ok());
                }
                if !who.addresses.contains(&address) {
                    who.addresses.push(address);
                }
            } else if who.host.is_none() {
                who.host = host(part);
            }
        }
    }
    who
}

/// `10.0.0.1`, `10.0.0.1:80`, `[::1]:80`, `::ffff:10.0.0.1`, `fe80::1`.
fn address(word: &str) -> Option<Address> {
    let word = word
        .trim_end_matches([':', '.', ';', ']'])
        .trim_start_matches("tcp:");
    // A trailing `]` belongs to `[::1]`, and nowhere else.
    let bracketed = word.strip_prefix('[');
    if let Some(rest) = bracketed {
        let (ip, port) = match rest.split_once("]:") {
            Some((ip, port)) => (ip, Some(port.parse().ok()?)),
            None => (rest.trim_end_matches(']'), None),
        };
        return made(ip, port);
    }
    let dots = word.bytes().filter(|b| *b == b'.').count();
    let colons = word.bytes().filter(|b| *b == b':').count();
    match (dots, colons) {
        (3, 0) => made(word, None),
        (3, 1) => {
            let (ip, port) = word.split_once(':')?;
            made(ip, Some(port.parse().ok()?))
        }
        // `12:00:01` is no address: one needs `::` or seven colons.
        (_, 2..) if word.contains("::") || colons == 7 => made(word, None),
        _ => None,
    }
}

fn made(ip: &str, port: Option<u16>) -> Option<Address> {
    let ip: IpAddr = ip.split('%').next()?.parse().ok()?;
    let ip = match ip {
        IpAddr::V6(v6) if v6 == Ipv6Addr::UNSPECIFIED && port.is_none() => return None,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    Some(Address { ip, port })
}

/// `api:443`; not `main.rs:12` and not `level:7`.
fn host(word: &str) -> Option<String> {
    const SOURCES: [&str; 16] = [
        "rs", "go", "js", "ts", "mjs", "cjs", "py", "java", "kt", "scala", "rb", "php", "c", "cc", "cpp",
        "cs",
    ];
    let (name, port) = word.trim_end_matches([':', '.', ';']).rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let spelt = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let ending = name.rsplit('.').next().unwrap_or_default();
    let is = name.len() <= 253
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.contains(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(spelt)
        && !(name.contains('.') && SOURCES.contains(&ending))
        && (name.contains('.') || port >= 21 && port != 1000)
        && !matches!(
            name,
            "pid"
                | "line"
                | "code"
                | "errno"
                | "level"
                | "id"
                | "port"
                | "timeout"
                | "node"
                | "native"
                | "status"
        );
    is.then(|| format!("{name}:{port}"))
}

/// `sshd[812]:`, `(pid:7)`, nginx's `812#812:`, Redis's `812:M `.
fn tag(text: &str) -> (Option<String>, Option<u32>) {
    let head: String = text.chars().take(200).collect();
    for (at, _) in head.match_indices('[') {
        let rest = &head[at + 1..];
        let Some(end) = rest.find(']') else { break };
        let Ok(pid) = rest[..end].parse::<u32>() else {
            continue;
        };
        let name: String = head[..at]
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@'))
            .collect();
        let name: String = name.chars().rev().collect();
        let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && rest[end..].starts_with("]:");
        return (named.then_some(name), Some(pid));
    }
    let after = |mark: &str| {
        let at = head.find(mark)? + mark.len();
        let digits = head[at..]
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(head.len() - at);
        head[at..at + digits].parse().ok()
    };
    let before = |mark: char| {
        let at = head.find(mark)?;
        let digits = head[..at]
            .rfind(|c: char| !c.is_ascii_digit())
            .map_or(0, |at| at + 1);
        head[digits..at].parse().ok()
    };
    let leading = || {
        let (pid, rest) = head.split_once(':')?;
        rest.starts_with(['M', 'S', 'C', 'X']).then(|| pid.parse().ok())?
    };
    (None, after("pid:").or_else(|| before('#')).or_else(leading))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> (Vec<String>, Option<String>, Option<String>, Option<u32>) {
        let who = who(line.as_bytes());
        let shown = |one: &Address| match one.port {
            Some(port) => format!("{} {port}", one.ip),
            None => one.ip.to_string(),
        };
        (
            who.addresses.iter().map(shown).collect(),
            who.host,
            who.program,
            who.pid,
        )
    }

    #[test]
    fn addresses_are_found_as_programs_write_them() {
        for (line, addresses) in [
            (
                "read tcp 10.0.0.2:5->10.0.0.1:6: read: connection reset",
                &["10.0.0.2 5", "10.0.0.1 6"][..],
            ),
            (
                "Connection reset by 10.0.0.2 port 40022 [preauth]",
                &["10.0.0.2 40022"],
            ),
            (
                "client: 10.0.0.2, server: x, upstream: \"http://10.0.0.1:8080/x\", host: \"x\"",
                &["10.0.0.2", "10.0.0.1 8080"],
            ),
            (
                "read tcp [::1]:5->[2001:db8::1]:443: EOF",
                &["::1 5", "2001:db8::1 443"],
            ),
            ("from ::ffff:10.0.0.2 at 12:00:01", &["10.0.0.2"]),
            ("connect ECONNREFUSED 127.0.0.1:80", &["127.0.0.1 80"]),
            ("at 12:00:01.123 version 1.2.3 main.rs:12", &[]),
            ("node -1 (broker/10.0.0.1:9093) terminated", &["10.0.0.1 9093"]),
        ] {
            assert_eq!(shown(line).0, addresses, "{line}");
        }
    }

    #[test]
    fn hosts_programs_and_processes() {
        assert_eq!(
            shown("SSL_connect in connection to api:443 ").1.as_deref(),
            Some("api:443")
        );
        assert_eq!(shown("main.go:123 failed").1, None);
        assert_eq!(
            shown("Nov 23 10:00:00 host sshd[812]: Connection closed"),
            (vec![], None, Some("sshd".into()), Some(812))
        );
        assert_eq!(shown("[CRITICAL] WORKER TIMEOUT (pid:77)").3, Some(77));
        assert_eq!(
            shown("2026/11/23 10:00:00 [error] 812#815: *1 recv()").3,
            Some(812)
        );
        assert_eq!(shown("91:M 23 Nov 2026 10:00:00.000 # Client").3, Some(91));
        let hostile = "1.2.3.4:5 ".repeat(100_000) + &"[".repeat(100_000);
        assert_eq!(shown(&hostile).0.len(), 1);
    }
}
