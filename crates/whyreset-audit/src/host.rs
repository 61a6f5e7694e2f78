//! All that was read of this host, before any check asks. Refuses to change anything.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::{self, Census, Group, Holder, Options, Restarts, Sock, Space, Unread};

use crate::software::{self, Timers};

/// Settings that checks ask for.
pub const SYSCTLS: &[&str] = &[
    "net.core.somaxconn",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv6.conf.all.forwarding",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
];

/// Sockets that are asked for their options.
const ASKED: usize = 2_000;

/// This host as it was found.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Network namespaces.
    pub spaces: Vec<Space>,
    /// Processes that hold sockets.
    pub census: Census,
    /// Control groups of these processes, by path.
    pub groups: HashMap<String, Group>,
    /// Units of these processes that were restarted.
    pub restarts: Vec<Restarts>,
    /// What was asked of sockets, by inode.
    pub options: HashMap<u64, Options>,
    /// Idle timers of programs whose configuration can be read, by process id.
    pub(crate) timers: HashMap<u32, Arc<Timers>>,
    /// How long counters were watched.
    pub watched: Option<Duration>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Host {
    /// Reads this host: the namespace with this inode alone, or all. `wait` is called once between
    /// two looks at the counters, where there shall be two.
    pub fn look(only: Option<u32>, watch: Option<(Duration, &dyn Fn())>) -> Self {
        let before = watch.map(|(_, wait)| {
            let before = inspect::tally(only);
            wait();
            before
        });
        let (mut spaces, mut unread) = inspect::spaces(only, SYSCTLS);
        for space in &mut spaces {
            let earlier = before.as_ref().and_then(|before| before.get(&space.inode));
            space.lately = earlier.map(|earlier| space.counters.since(earlier));
        }
        let mut census = Census::take();
        if let Some(only) = only {
            let sockets = spaces.iter().flat_map(|space| &space.sockets);
            let places = sockets.filter_map(|sock| census.places.get(&sock.inode));
            let within: HashSet<u32> = places.map(|(pid, _)| *pid).collect();
            census
                .holders
                .retain(|pid, holder| holder.netns == only || within.contains(pid));
        }
        if census.closed > 0 {
            unread.push(Unread {
                what: format!("which sockets {} other processes hold", census.closed),
                cure: "/proc/PID/fd may not be read; run as root (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH)"
                    .to_owned(),
            });
        }
        if !census.whole {
            unread.push(Unread {
                what: "the sockets of all processes: there are too many".to_owned(),
                cure: "look at one namespace with --netns".to_owned(),
            });
        }
        let mut host = Self {
            spaces,
            watched: watch.map(|(span, _)| span),
            unread,
            census,
            ..Self::default()
        };
        host.ask_groups();
        host.ask_sockets();
        host.timers = software::timers(&host.census, &mut host.unread);
        host
    }

    fn ask_groups(&mut self) {
        let holders = self.census.holders.values();
        let paths: HashSet<&str> = holders
            .filter_map(|holder| holder.process.cgroup.as_deref())
            .collect();
        self.groups = inspect::groups(paths.into_iter());
        let holders = self.census.holders.values();
        let units: HashSet<&str> = holders
            .filter_map(|holder| holder.process.unit.as_deref())
            .collect();
        match inspect::restarts(units.into_iter()) {
            Some(restarts) => self.restarts = restarts,
            None => self.unread.push(Unread {
                what: "how often services were restarted".to_owned(),
                cure: "no systemd answers `systemctl show`; ask what starts them".to_owned(),
            }),
        }
    }

    /// Listeners first: connections inherit what was asked of them.
    fn ask_sockets(&mut self) {
        let sockets = self.spaces.iter().flat_map(|space| &space.sockets);
        let of = |state| sockets.clone().filter(move |sock: &&Sock| sock.state == state);
        let mut wanted: Vec<u64> = of(TcpState::Listen)
            .chain(of(TcpState::Established))
            .map(|sock| sock.inode)
            .filter(|inode| *inode != 0)
            .collect();
        let mut refused = wanted.len().saturating_sub(ASKED);
        wanted.truncate(ASKED);
        for inode in wanted {
            let Some(&(pid, fd)) = self.census.places.get(&inode) else {
                continue;
            };
            match inspect::options(pid, fd) {
                Some(options) => _ = self.options.insert(inode, options),
                None => refused += 1,
            }
        }
        if refused > 0 {
            self.unread.push(Unread {
                what: format!("SO_LINGER and keep-alive times of {refused} sockets"),
                cure: format!(
                    "{ASKED} are asked at most; pidfd_getfd() needs root (CAP_SYS_PTRACE) and Linux 5.6"
                ),
            });
        }
    }

    /// The process that holds this socket, where it is one that was looked for.
    pub fn holder(&self, sock: &Sock) -> Option<&Holder> {
        self.census.holder(sock.inode)
    }

    /// `nginx[812]`, or what is known instead.
    pub fn who(&self, sock: &Sock) -> String {
        self.holder(sock)
            .map_or_else(|| "a process not seen".to_owned(), name)
    }

    /// What stands before a command so that it works in this namespace.
    pub fn inside(&self, space: &Space) -> String {
        if space.own {
            return String::new();
        }
        let within = self
            .census
            .holders
            .values()
            .filter(|holder| holder.netns == space.inode);
        match within.map(|holder| holder.process.pid).min() {
            Some(pid) => format!("nsenter -t {pid} -n "),
            None => "ip netns exec NAME ".to_owned(),
        }
    }

    /// The command that sets a sysctl in this namespace.
    pub fn sysctl(&self, space: &Space, name: &str, value: impl core::fmt::Display) -> String {
        format!("{}sysctl -w {name}={value}", self.inside(space))
    }

    /// Addresses of this host, as far as its sockets tell.
    pub fn addresses(&self) -> HashSet<IpAddr> {
        let sockets = self.spaces.iter().flat_map(|space| &space.sockets);
        sockets.map(|sock| sock.local.ip()).collect()
    }
}

/// `nginx[812]`.
pub(crate) fn name(holder: &Holder) -> String {
    format!("{}[{}]", holder.process.name, holder.process.pid)
}
