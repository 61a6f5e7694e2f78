//! The causes that messages rank, each with when it is this one and how to make sure. Refuses to
//! rank: the order belongs to the message.

/// A cause as a message sees it.
pub struct Likely {
    /// Id in the catalogue.
    pub cause: &'static str,
    /// Its everyday case, where it is one.
    pub situation: Option<&'static str>,
    /// When it is this one.
    pub when: &'static str,
    /// How to make sure.
    pub confirm: &'static str,
}

const fn likely(cause: &'static str, when: &'static str, confirm: &'static str) -> Likely {
    Likely {
        cause,
        situation: None,
        when,
        confirm,
    }
}

impl Likely {
    const fn case(mut self, situation: &'static str) -> Self {
        self.situation = Some(situation);
        self
    }
}

pub static STALE_POOL: Likely = likely(
    "write-after-close",
    "the connection came from a pool, and the server had closed it while it lay idle",
    "it fails on the first request after a pause, never on a fresh connection; `whyreset probe HOST:PORT --idle` measures the server's timeout; `Connection: close` cures it",
)
.case("stale-pool");
pub static RACE: Likely = likely(
    "keepalive-race",
    "the request crossed the server's idle close on the wire",
    "rare, never repeatable, and the silence before it equals the server's keep-alive timeout; a capture shows FIN and request crossing",
);
pub static LATE_WRITE: Likely = likely(
    "write-after-close",
    "the other end had closed, and this end went on writing",
    "a capture shows its FIN before the data; `sudo whyreset` at the other end names the process that closed",
);
pub static IDLE: Likely = likely(
    "idle-timeout",
    "a server, balancer or NAT drops what is silent for too long (NLB and AWS NAT 350 s, Azure 4 min, IPVS 900 s)",
    "the silence before each failure is the same; `whyreset probe HOST:PORT --idle` finds it",
);
pub static NAT: Likely = likely(
    "nat-state-lost",
    "a box that translates forgot the connection (reload, failover, table flush, INVALID packets)",
    "many connections die at once; `conntrack -S` counts `invalid`; a capture on both sides, `whyreset read a.pcap b.pcap`",
);
pub static UNREAD: Likely = likely(
    "unread-data",
    "the other program closed its socket with bytes that it had not read",
    "`sudo whyreset` on its host says how many bytes and which process",
);
pub static UPLOAD: Likely = likely(
    "unread-data",
    "the server answered (413, 401, 400) and closed before it had read the whole upload",
    "small requests work, large ones die; the server's access log has the status that never arrived",
)
.case("early-reject-upload");
pub static GAVE_UP: Likely = likely(
    "unread-data",
    "the client left (its timeout, Ctrl-C, a closed tab) with the answer unread",
    "the age of the request equals the client's timeout; the client's own log",
)
.case("client-gave-up");
pub static LINGER: Likely = likely(
    "linger-abort",
    "a program or proxy aborts on purpose (SO_LINGER 0)",
    "`strace -e setsockopt` shows SO_LINGER {on, 0}; `sudo whyreset` on its host names it",
);
pub static REJECTED: Likely = likely(
    "linger-abort",
    "a proxy's or server's rule aborts the connection on purpose",
    "only some names, addresses or requests are hit; the rules of the proxy (`reject`, `return 444`, `deny_info TCP_RESET`)",
)
.case("deliberate-reject");
pub static KILLED: Likely = likely(
    "process-killed",
    "the other process was killed (deploy, supervisor timeout, crash)",
    "its supervisor's log in the same second; `journalctl -u UNIT`; exit codes 137, 139, 143",
);
pub static OOM: Likely = likely(
    "oom-killed",
    "the kernel killed the other process for memory",
    "`dmesg | grep -i 'killed process'`, `kubectl describe pod` (OOMKilled) on its host",
);
pub static EXITED: Likely = likely(
    "process-exited",
    "the other process ended by itself with the connection open",
    "its own log and exit code",
);
pub static RESTART: Likely = likely(
    "never-accepted",
    "the server stopped or reloaded with connections waiting to be accepted",
    "it happens at deploys and reloads only; the listener's restart time",
);
pub static FORGOTTEN: Likely = likely(
    "connection-forgotten",
    "the host that answers has no such connection any more: reboot, failover, another machine behind the address",
    "its uptime is less than the connection's age; the failover's log",
);
pub static OVERFLOW: Likely = likely(
    "accept-queue-overflow",
    "the server accepts too slowly and its queue is full",
    "`nstat -az TcpExtListenOverflows` grows on the server; `ss -ltn` shows Recv-Q at Send-Q",
);
pub static FD_LIMIT: Likely = likely(
    "fd-limit",
    "the server has no descriptor left and drops what it accepts",
    "EMFILE in its log; `ls /proc/PID/fd | wc -l` against `ulimit -n`",
);
pub static FIREWALL: Likely = likely(
    "firewall-reject",
    "a packet filter rejects with a reset",
    "at once, for some ports or hosts only; rule counters (`nft list ruleset`, `iptables -nvL`); `whyreset probe HOST:PORT --trace` says which hop answers",
);
pub static INJECTED: Likely = likely(
    "injected-reset",
    "something on the path forges resets (inspection, a corporate proxy, an IDS)",
    "only in one network or for one name; captures at both ends, `whyreset read a.pcap b.pcap`: what arrived was never sent",
);
pub static WRONG: Likely = likely(
    "wrong-protocol",
    "wrong port or protocol: TLS to a plain port, plain text to a TLS port, a missing PROXY header",
    "it fails always and at once; `openssl s_client -connect HOST:PORT`, `whyreset probe HOST:PORT --tls`",
);
pub static NO_LISTENER: Likely = likely(
    "no-listener",
    "nothing listens there: service down, wrong port, bound to another address (127.0.0.1) or namespace",
    "`ss -ltnp` on the server; `whyreset probe HOST:PORT`",
);
pub static SILENCE: Likely = likely(
    "retransmission-timeout",
    "what was sent was never acknowledged: a dropping firewall, a dead host or path",
    "`ss -tino` shows retransmissions; `whyreset probe HOST:PORT --trace` shows where silence begins",
);
pub static USER_TIMEOUT: Likely = likely(
    "user-timeout",
    "TCP_USER_TIMEOUT ran out (gRPC, Redis and database drivers set it)",
    "the age of the unacknowledged data equals the setting",
);
pub static PROBES: Likely = likely(
    "keepalive-timeout",
    "keep-alive probes went unanswered: the other end or the path is gone",
    "`ss -tno` shows timer:(keepalive,...) with retries before it",
);
pub static ADMIN: Likely = likely(
    "admin-abort",
    "somebody destroyed the socket on this host (`ss -K`, SOCK_DESTROY, an agent of the container network)",
    "many at once; `sudo whyreset` names who did it",
);
pub static CHECK: Likely = likely(
    "scan-or-healthcheck",
    "a health check or a scanner opens and drops connections: harmless",
    "it comes from the balancer's addresses at a regular interval, without a byte of data",
);
pub static CONNTRACK: Likely = likely(
    "conntrack-full",
    "a host's table of tracked connections is full",
    "`nf_conntrack: table full` in dmesg; `conntrack -C` against `nf_conntrack_max`",
);

/// A read on a pooled client connection that a reset ended.
pub static READ_RESET: [&Likely; 9] = [
    &STALE_POOL,
    &IDLE,
    &UNREAD,
    &UPLOAD,
    &KILLED,
    &FORGOTTEN,
    &LINGER,
    &FIREWALL,
    &INJECTED,
];
/// A write that found the other end gone.
pub static WRITE_BROKEN: [&Likely; 6] = [&LATE_WRITE, &STALE_POOL, &UPLOAD, &KILLED, &EXITED, &IDLE];
/// An orderly end before the answer.
pub static EARLY_END: [&Likely; 6] = [&STALE_POOL, &RACE, &EXITED, &KILLED, &FD_LIMIT, &WRONG];
/// An orderly end within the answer.
pub static CUT_SHORT: [&Likely; 4] = [&EXITED, &KILLED, &OOM, &IDLE];
/// A SYN that a reset answered.
pub static REFUSED: [&Likely; 2] = [&NO_LISTENER, &FIREWALL];
/// Nothing came back.
pub static NO_ANSWER: [&Likely; 5] = [&SILENCE, &IDLE, &CONNTRACK, &USER_TIMEOUT, &PROBES];
/// An end during the TLS handshake.
pub static IN_HANDSHAKE: [&Likely; 6] = [&WRONG, &INJECTED, &FIREWALL, &RESTART, &OVERFLOW, &KILLED];
/// What a server sees of clients that leave.
pub static CLIENT_LEFT: [&Likely; 5] = [&GAVE_UP, &KILLED, &IDLE, &CHECK, &LINGER];
/// What a proxy sees of its upstream.
pub static UPSTREAM_RESET: [&Likely; 8] = [
    &STALE_POOL,
    &RACE,
    &KILLED,
    &OOM,
    &UNREAD,
    &RESTART,
    &IDLE,
    &OVERFLOW,
];
/// A session with a database or broker that ended.
pub static SESSION_LOST: [&Likely; 7] = [&IDLE, &KILLED, &OOM, &FORGOTTEN, &NAT, &STALE_POOL, &PROBES];
