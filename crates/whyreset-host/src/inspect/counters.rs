//! The kernel's counters of one network namespace: `/proc/net/snmp`, `/proc/net/netstat`,
//! `/proc/net/sockstat` and `/proc/net/stat/nf_conntrack`. Takes any text; a counter that is not
//! there is `None`, never 0.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Counters by their kernel names, `TcpExtListenOverflows` as `nstat` prints it; since the
/// namespace was made, or over a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, u64>);

/// What TCP uses at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Closed by their programs and not yet ended, in the whole host.
    pub orphans: u64,
    /// Pages of buffers, in the whole host.
    pub pages: u64,
    /// Sockets in TIME_WAIT, in this namespace.
    pub time_wait: u64,
}

impl Counters {
    /// Reads all files below `net` (`/proc/thread-self/net`); `None` where the first is not there.
    pub(crate) fn read(net: &Path) -> Option<Self> {
        let mut all = Self::default();
        all.take(&fs::read_to_string(net.join("snmp")).ok()?);
        all.take(&fs::read_to_string(net.join("netstat")).unwrap_or_default());
        all.take_tracking(&fs::read_to_string(net.join("stat/nf_conntrack")).unwrap_or_default());
        Some(all)
    }

    /// One counter.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// Sets one counter.
    pub fn set(&mut self, name: &str, value: u64) {
        self.0.insert(name.to_owned(), value);
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let grown = |(name, value): (&String, &u64)| {
            let before = earlier.get(name).unwrap_or(0);
            (name.clone(), value.saturating_sub(before))
        };
        Self(self.0.iter().map(grown).collect())
    }

    /// Pairs of lines: names, then values, each after `Tcp:`.
    fn take(&mut self, text: &str) {
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            let (Some((group, names)), Some((same, values))) =
                (names.split_once(':'), values.split_once(':'))
            else {
                return;
            };
            if group != same || !matches!(group, "Tcp" | "TcpExt") {
                continue;
            }
            for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
                // MaxConn may be -1.
                if let Ok(value) = value.parse() {
                    self.0.insert(format!("{group}{name}"), value);
                }
            }
        }
    }

    /// One line of hexadecimal numbers a processor; the first column is the table's and not one's.
    fn take_tracking(&mut self, text: &str) {
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
        for line in lines {
            for (name, value) in names.iter().zip(line.split_whitespace()).skip(1) {
                let Ok(value) = u64::from_str_radix(value, 16) else {
                    continue;
                };
                let sum = self.0.entry(format!("nf_conntrack.{name}")).or_default();
                *sum = sum.saturating_add(value);
            }
        }
    }
}

impl Use {
    pub(crate) fn read(net: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(net.join("sockstat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            words.get(at + 1)?.parse().ok()
        };
        Some(Self {
            orphans: number("orphan")?,
            pages: number("mem")?,
            time_wait: number("tw")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn counters_are_read_by_their_names() {
        let fake = Fake::new();
        fake.write(
            "net/snmp",
            "Ip: Forwarding\nIp: 1\nTcp: MaxConn EstabResets\nTcp: -1 7\n",
        );
        fake.write(
            "net/netstat",
            "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 4\nIpExt: A\nIpExt: 1\n",
        );
        fake.write(
            "net/stat/nf_conntrack",
            "entries  clashres found invalid\n00000005 00000000 00000000 0000000a\n00000005 00000000 00000000 00000001\n",
        );
        let all = Counters::read(&fake.root().join("net")).unwrap();
        assert_eq!(all.get("TcpEstabResets"), Some(7));
        assert_eq!(all.get("TcpExtListenDrops"), Some(4));
        assert_eq!(all.get("nf_conntrack.invalid"), Some(11));
        assert_eq!(all.get("TcpMaxConn"), None);
        assert_eq!(all.get("IpForwarding"), None);
        let mut earlier = all.clone();
        earlier.set("TcpExtListenDrops", 1);
        assert_eq!(all.since(&earlier).get("TcpExtListenDrops"), Some(3));
        assert_eq!(all.since(&earlier).get("TcpEstabResets"), Some(0));
        assert_eq!(Counters::read(fake.root()), None);
    }

    #[test]
    fn any_text_is_taken() {
        for text in [
            "",
            "Tcp:",
            "Tcp: a b\nTcp: 1",
            "Tcp: a\nTcpExt: 1\n",
            "x\ny\n",
            "Tcp: a\nTcp: 99999999999999999999999\n",
        ] {
            let mut all = Counters::default();
            all.take(text);
            all.take_tracking(text);
            assert_eq!(Use::parse(text), None);
        }
    }

    #[test]
    fn what_is_in_use_is_read() {
        let text = "sockets: used 9\nTCP: inuse 4 orphan 2 tw 3 alloc 8 mem 5\nUDP: inuse 1 mem 0\n";
        assert_eq!(
            Use::parse(text),
            Some(Use {
                orphans: 2,
                pages: 5,
                time_wait: 3
            })
        );
    }
}
