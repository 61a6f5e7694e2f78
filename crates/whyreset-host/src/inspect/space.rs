//! Network namespaces, each entered by a thread that does nothing else and looked at from inside:
//! sysctls show the namespace of who reads them. Refuses to enter more than [`MOST`].

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::counters::{Counters, Use};
use super::listing::{self, Sock};
use crate::netns;
use crate::rules::{ResetRule, Rules};

/// Namespaces that are entered.
const MOST: usize = 256;
/// Bytes of a sysctl's value.
const VALUE: usize = 256;

/// One network namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    /// Its inode.
    pub inode: u32,
    /// Whether this program runs in it.
    pub own: bool,
    /// Counters since it was made.
    pub counters: Counters,
    /// The same over a while, where one was waited for.
    pub lately: Option<Counters>,
    /// What TCP uses.
    pub used: Option<Use>,
    /// Its TCP sockets.
    pub sockets: Vec<Sock>,
    /// Rules of its packet filter that answer with a reset.
    pub rules: Vec<ResetRule>,
    /// Settings by name (`net.ipv4.tcp_fin_timeout`); those that are not there are left out.
    pub sysctls: BTreeMap<&'static str, String>,
}

impl Space {
    /// A setting that is one number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.sysctls.get(name)?.parse().ok()
    }

    /// A setting that is several numbers.
    pub fn numbers(&self, name: &str) -> Option<Vec<u64>> {
        let value = self.sysctls.get(name)?;
        value.split_whitespace().map(|word| word.parse().ok()).collect()
    }
}

/// What could not be read, and what would let it be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// What.
    pub what: String,
    /// Why, and the cure.
    pub cure: String,
}

/// Looks at the namespace with this inode, or at this program's own and all others; with these
/// sysctls.
pub fn spaces(only: Option<u32>, sysctls: &'static [&'static str]) -> (Vec<Space>, Vec<Unread>) {
    enter(only, move |inode, own, unread| look(inode, own, sysctls, unread))
}

/// The counters alone, by the inode of their namespace.
pub fn tally(only: Option<u32>) -> BTreeMap<u32, Counters> {
    let (all, _) = enter(only, |inode, _, _| Some((inode, Counters::read(net())?)));
    all.into_iter().collect()
}

/// `self` would be the first thread's namespace.
fn net() -> &'static Path {
    Path::new("/proc/thread-self/net")
}

fn enter<T: Send + 'static>(
    only: Option<u32>,
    work: impl Fn(u32, bool, &mut Vec<Unread>) -> Option<T> + Send + 'static,
) -> (Vec<T>, Vec<Unread>) {
    let entering = std::thread::spawn(move || {
        let own = netns::current();
        let (mut all, mut unread) = (Vec::new(), Vec::new());
        if only.is_none_or(|inode| inode == own) {
            all.extend(work(own, true, &mut unread));
        }
        let mut refused = None;
        let others = netns::others(only, MOST);
        if others.len() == MOST {
            unread.push(Unread {
                what: format!("network namespaces beyond the first {MOST}"),
                cure: "name one with --netns".to_owned(),
            });
        }
        for (inode, file) in others {
            match move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)) {
                Ok(()) => all.extend(work(inode, false, &mut unread)),
                Err(error) => refused = Some(error),
            }
        }
        if let Some(error) = refused {
            unread.push(Unread {
                what: "other network namespaces".to_owned(),
                cure: format!("entering them: {error}; run as root (CAP_SYS_ADMIN)"),
            });
        }
        (all, unread)
    });
    entering.join().unwrap_or_default()
}

fn look(inode: u32, own: bool, sysctls: &'static [&'static str], unread: &mut Vec<Unread>) -> Option<Space> {
    let mut tell = |what: String, cure: String| unread.push(Unread { what, cure });
    let Some(counters) = Counters::read(net()) else {
        tell(
            format!("the counters of namespace {inode}"),
            "/proc/thread-self/net/snmp cannot be read; mount /proc".to_owned(),
        );
        return None;
    };
    let sockets = match listing::list() {
        Ok((sockets, whole)) => {
            if !whole {
                tell(
                    format!("sockets of namespace {inode} beyond the first {}", sockets.len()),
                    "memory is bounded; `ss -tan` lists all".to_owned(),
                );
            }
            sockets
        }
        Err(error) => {
            tell(
                format!("the sockets of namespace {inode}"),
                format!("sock_diag: {error}; load the module tcp_diag"),
            );
            Vec::new()
        }
    };
    let rules = match Rules::read() {
        Ok(mut rules) => {
            if !rules.is_whole() {
                tell(
                    format!("all rules of the packet filter in namespace {inode}"),
                    "one of nft and iptables-save failed; run them by hand".to_owned(),
                );
            }
            rules.resetting()
        }
        Err(why) => {
            tell(
                format!("the packet filter's rules in namespace {inode}"),
                why.to_string(),
            );
            Vec::new()
        }
    };
    Some(Space {
        inode,
        own,
        counters,
        lately: None,
        used: Use::read(net()),
        sockets,
        rules,
        sysctls: settings(Path::new("/proc/sys"), sysctls),
    })
}

fn settings(root: &Path, names: &'static [&'static str]) -> BTreeMap<&'static str, String> {
    let read = |name: &&'static str| {
        let text = fs::read_to_string(root.join(name.replace('.', "/"))).ok()?;
        let text = text.trim();
        (text.len() <= VALUE).then(|| (*name, text.to_owned()))
    };
    names.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn settings_are_read_and_missing_ones_left_out() {
        const NAMES: &[&str] = &["net.ipv4.tcp_mem", "net.ipv4.tcp_retries2", "net.ipv4.gone"];
        let fake = Fake::new();
        fake.write("net/ipv4/tcp_mem", "1\t2\t3\n");
        fake.write("net/ipv4/tcp_retries2", "15\n");
        let space = Space {
            sysctls: settings(fake.root(), NAMES),
            ..Space::default()
        };
        assert_eq!(space.numbers("net.ipv4.tcp_mem"), Some(vec![1, 2, 3]));
        assert_eq!(space.number("net.ipv4.tcp_retries2"), Some(15));
        assert_eq!(space.number("net.ipv4.tcp_mem"), None);
        assert_eq!(space.number("net.ipv4.gone"), None);
    }

    #[test]
    fn the_own_namespace_is_always_looked_at() {
        let own = netns::current();
        let (all, _) = spaces(Some(own), &["net.ipv4.tcp_fin_timeout"]);
        assert_eq!(all.len(), 1);
        assert!(all[0].own && all[0].inode == own);
        assert!(all[0].number("net.ipv4.tcp_fin_timeout").is_some());
        assert!(all[0].counters.get("TcpExtTCPAbortOnClose").is_some());
        assert!(tally(Some(own)).contains_key(&own));
    }
}
