//! Something observed, with the place it can be looked up.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::fmt;
use core::net::SocketAddr;

use crate::{Alike, Logged, Passed, Process, Segment, Side, Socket, TcpState, Timestamp};

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// When it happened.
    pub at: Timestamp,
    /// The end of the connection it happened at; `None` for something between the ends.
    pub side: Option<Side>,
    /// What was observed.
    pub what: What,
    /// Where it was read: `kernel:tcp_send_reset reason=NO_SOCKET`, `frame:12`, `sysctl:...`.
    pub cite: String,
}

/// The kinds of observation.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// This end's kernel sent a reset.
    Sent(Sent),
    /// This end received a reset.
    Received(Received),
    /// This end's socket came to an end, now or earlier (the tombstone of a connection).
    Ended(Ended),
    /// This end's socket was found open on this host after a reset in its name had arrived.
    Standing(TcpState),
    /// The one open socket of this end's address is connected with another one.
    OnlyWith(SocketAddr),
    /// This end went on with the connection after a reset in its name had arrived.
    WentOn(Segment),
    /// The socket of this end was left with an error.
    Errored(Errno),
    /// A segment was dropped before TCP's own code took it.
    Drop(Drop),
    /// A process was sent a deadly signal.
    Killed(Killed),
    /// This process held this end's socket.
    Owner(Process),
    /// This process holds the listening socket of this end's port.
    Listener(Process),
    /// This process was in the call in which the kernel acted on a socket that it uses itself: the
    /// process asked for it, and holds no such socket.
    AskedBy(Process),
    /// What a process of this end held when the event was read.
    Holds(Holdings),
    /// Connection tracking had forgotten how to translate this connection's addresses.
    Translation(Translation),
    /// IPVS of the answering host balances what goes to this address, and did not know this connection.
    Balanced(Balanced),
    /// Rules of this host's packet filters that can have met a dropped segment.
    Ruled(Ruled),
    /// How full the table of tracked connections was where a filter dropped a segment.
    Tracking(Tracking),
    /// Other connections of the same observer were reset after the same silence.
    Alike(Alike),
    /// A line of a log that most likely speaks of this connection.
    Logged(Logged),
    /// A reset in this end's name passed a capture point.
    Passed(Box<Passed>),
}

impl What {
    /// The kernel event this fact is, as a citation.
    pub fn kernel_cite(&self) -> String {
        match self {
            Self::Sent(sent) => match &sent.reason {
                Some(reason) => format!("kernel:tcp_send_reset reason={reason}"),
                None => "kernel:tcp_send_reset".to_owned(),
            },
            Self::Received(received) if received.accepted => "kernel:tcp_receive_reset".to_owned(),
            Self::Received(_) => "kernel:kfree_skb".to_owned(),
            Self::Ended(ended) => format!("kernel:inet_sock_set_state {}->{}", ended.from, ended.to),
            Self::Errored(errno) => format!("kernel:inet_sock_set_state sk_err={errno}"),
            Self::Standing(_) | Self::OnlyWith(_) => "sock_diag".to_owned(),
            Self::WentOn(_) => "kernel:tcp_send_reset".to_owned(),
            Self::Drop(drop) => format!("kernel:kfree_skb reason={}", drop.reason),
            Self::Killed(killed) => format!("kernel:signal_generate sig={}", killed.signal),
            Self::AskedBy(process) => format!("kernel:current pid={}", process.pid),
            Self::Owner(process) | Self::Listener(process) => format!("proc:/proc/{}/fd", process.pid),
            Self::Holds(holdings) => {
                let pid = holdings.process.pid;
                format!("proc:/proc/{pid}/fd, proc:/proc/{pid}/limits")
            }
            Self::Translation(entry) if entry.stands => "kernel:ctnetlink IPCTNL_MSG_CT_GET".to_owned(),
            Self::Translation(_) => "kernel:ctnetlink IPCT_DESTROY".to_owned(),
            Self::Balanced(_) => "proc:/proc/net/ip_vs".to_owned(),
            Self::Ruled(_) => "the ruleset".to_owned(),
            Self::Tracking(_) => {
                "sysctl:net.netfilter.nf_conntrack_count, net.netfilter.nf_conntrack_max".to_owned()
            }
            Self::Alike(_) => "kernel:tcp_receive_reset lsndtime rcv_tstamp".to_owned(),
            Self::Logged(_) => "log".to_owned(),
            Self::Passed(_) => "frame".to_owned(),
        }
    }
}

/// A reset leaving this host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// The socket it was sent for; `None` where the kernel had none.
    pub socket: Option<Socket>,
    /// The segment it answers; `None` where a process or a timer decided.
    pub trigger: Option<Segment>,
    /// The kernel's own `sk_rst_reason`, verbatim, without its prefix.
    pub reason: Option<String>,
    /// Who was running. The actor only where no segment and no timer drew the reset: an
    /// observer fills it in for those alone.
    pub actor: Option<Process>,
}

/// A reset arriving at this host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    /// The socket it hit, as it was before the reset; `None` where there was none.
    pub socket: Option<Socket>,
    /// Whether the stack took it (RFC 5961: the exact sequence number).
    pub accepted: bool,
    /// The reset's own header, where the observer could see it.
    pub header: Option<Segment>,
    /// Resets that came right after it in the same name, each with a number further ahead of all that
    /// had been asked for; 0 where nobody looked.
    pub guesses: u32,
}

/// How one end's socket came to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// The state it left.
    pub from: TcpState,
    /// The state it entered.
    pub to: TcpState,
    /// The process that closed it, where one did.
    pub by: Option<Process>,
    /// The error it was left with, where one ended it.
    pub error: Option<Errno>,
    /// The socket at that moment.
    pub socket: Socket,
    /// The sequence number of its own FIN, where a process closed it in good order.
    pub fin_seq: Option<u32>,
    /// `rcv_nxt`: what it expected next then, where a process closed it in good order (RFC 9293 §3.3.1).
    pub rcv_nxt: Option<u32>,
}

/// A segment that was dropped, and the kernel's word for why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drop {
    /// The segment.
    pub segment: Segment,
    /// `skb_drop_reason`, verbatim, without its prefix.
    pub reason: String,
    /// Inode of the network namespace where it was dropped; 0 where that is not known.
    pub netns: u32,
    /// Index of the device that it came in by or was to leave by; 0 where it had none yet.
    pub device: u32,
}

/// A deadly signal and who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Killed {
    /// Who received it.
    pub victim: u32,
    /// Signal number.
    pub signal: u8,
    /// Who sent it.
    pub by: Process,
}

/// Rules that can have met a segment which a packet filter dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruled {
    /// Those that answer with a reset (`reject with tcp reset`).
    pub resets: Vec<Rule>,
    /// Those that drop in silence.
    pub drops: Vec<Rule>,
    /// Every rule on the way was understood, so that what is not listed did not do it.
    pub whole: bool,
}

/// A packet filter's rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// As its own tool prints it, with table, chain and handle or number.
    pub text: String,
    /// It meets the segment for certain, and not only perhaps.
    pub surely: bool,
    /// Packets that it has met so far, where it counts.
    pub packets: Option<u64>,
}

impl Ruled {
    /// The one rule that answered with a reset, where no other can have.
    pub fn the_one(&self) -> Option<&Rule> {
        match self.resets.as_slice() {
            [rule] if rule.surely || self.whole && self.drops.is_empty() => Some(rule),
            _ => None,
        }
    }
}

/// The connections that a network namespace tracks, of what it may track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// `nf_conntrack_count`: entries in the table.
    pub entries: u64,
    /// `nf_conntrack_max`: what the table may hold; a packet that needs a new entry is dropped then.
    pub most: u64,
}

/// An entry of connection tracking that named the segment at hand and translates (SRC_NAT or DST_NAT):
/// one that was removed while its connection was not over (IPCT_DESTROY of ctnetlink), or one that
/// stands, and still the segment was not translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The connection under its other name: source and destination of what went the same way.
    pub other: (SocketAddr, SocketAddr),
    /// The segment at hand is an answer to the connection's opener.
    pub reply: bool,
    /// `enum tcp_conntrack`, the state that the entry was in: 3 is ESTABLISHED.
    pub state: u8,
    /// How long an entry in this state lasts without a packet, ms.
    pub timeout_ms: u64,
    /// It is there still: the segment was invalid to connection tracking, which lets such through as they
    /// are.
    pub stands: bool,
    /// Somebody had it removed; else it had run out.
    pub asked: bool,
    /// Who that was, where it is known.
    pub by: Option<Process>,
}

impl Translation {
    /// `enum tcp_conntrack`, as conntrack(8) prints it.
    pub fn state_name(&self) -> &'static str {
        const NAMES: [&str; 9] = [
            "NONE",
            "SYN_SENT",
            "SYN_RECV",
            "ESTABLISHED",
            "FIN_WAIT",
            "CLOSE_WAIT",
            "LAST_ACK",
            "TIME_WAIT",
            "CLOSE",
        ];
        NAMES.get(usize::from(self.state)).copied().unwrap_or("unknown")
    }
}

/// A service of IPVS (ip_vs(8)): its kernel passes connections to this address on to one of several
/// servers, and takes only segments that it has an entry for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balanced {
    /// The address that clients use.
    pub service: SocketAddr,
    /// How it chooses the server: `rr`, `wlc`, ...
    pub scheduler: String,
    /// How long an entry of an open connection lasts without a packet, ms; 0 where it is not known.
    pub timeout_ms: u64,
}

/// What a process held, of what it may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Which process.
    pub process: Process,
    /// File descriptors that were open.
    pub fds: u64,
    /// How many may be open at most (`RLIMIT_NOFILE`, soft).
    pub fd_limit: u64,
    /// How long it had been running.
    pub age_ms: Option<u64>,
    /// Memory of the control group around it that is nearest to its limit.
    pub memory: Option<Memory>,
}

/// Memory that a control group used, of what it may use (`memory.current`, `memory.max`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in use.
    pub used: u64,
    /// Bytes it may use at most.
    pub limit: u64,
}

/// The errors a TCP application meets, by the name `errno.h` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// 104, "Connection reset by peer".
    ConnReset,
    /// 111, "Connection refused".
    ConnRefused,
    /// 32, "Broken pipe".
    Pipe,
    /// 110, "Connection timed out".
    TimedOut,
    /// 103, "Software caused connection abort".
    ConnAborted,
    /// 113, "No route to host".
    HostUnreach,
    /// 101, "Network is unreachable".
    NetUnreach,
    /// Any other number, kept.
    Other(u16),
}

const ERRNOS: [(u16, Errno, &str); 7] = [
    (104, Errno::ConnReset, "ECONNRESET"),
    (111, Errno::ConnRefused, "ECONNREFUSED"),
    (32, Errno::Pipe, "EPIPE"),
    (110, Errno::TimedOut, "ETIMEDOUT"),
    (103, Errno::ConnAborted, "ECONNABORTED"),
    (113, Errno::HostUnreach, "EHOSTUNREACH"),
    (101, Errno::NetUnreach, "ENETUNREACH"),
];

impl Errno {
    /// From Linux's generic number.
    pub fn from_number(number: u16) -> Self {
        ERRNOS
            .iter()
            .find(|(n, ..)| *n == number)
            .map_or(Self::Other(number), |(_, errno, _)| *errno)
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        ERRNOS
            .iter()
            .find(|(.., n)| *n == name)
            .map(|(_, errno, _)| *errno)
            .or_else(|| name.strip_prefix("errno-")?.parse().ok().map(Self::Other))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (ERRNOS.iter().find(|(_, errno, _)| errno == self), self) {
            (Some((.., name)), _) => f.write_str(name),
            (None, Self::Other(number)) => write!(f, "errno-{number}"),
            (None, _) => Ok(()),
        }
    }
}
