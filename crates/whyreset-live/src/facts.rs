//! One kernel event to facts about one connection. Pure: looks nothing up, reads no clock.
//!
//! `current` is taken for the actor only where the kernel's own path says that a process acted;
//! in softirq it is whoever happened to run.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use whyreset_evidence::{
    Drop, Ended, Errno, Exit, Fact, Flags, Flow, Killed, Process, Received, Segment, Sent, Shutdown, Side,
    Socket, TcpState, Timestamp, What,
};

use crate::abi::{self, Event, event_type, flag, role, task_mark};
use crate::clock::{Clock, ago_ms, ticks_per_second};
use crate::connection::{is_echo, orient, parted_at, trusted_tombstones};
use crate::loader::{LISTEN_OVERFLOW, Names};
use crate::snapshot::socket;

/// Segments that a filter dropped earlier than this before a reset have nothing to do with it.
const FILTERED_WITHIN_NS: u64 = 3_000_000_000;
/// A client goes on with what was dropped in silence until its own retransmissions end.
const OVERFLOWED_WITHIN_NS: u64 = 300_000_000_000;

/// What one event tells.
#[derive(Clone, Debug)]
pub struct Told {
    /// The event's connection, seen from the end it happened at.
    pub flow: Flow,
    /// That end.
    pub side: Side,
    /// Facts, the event's own first.
    pub facts: Vec<Fact>,
    /// The address of the kernel's socket, a key and never shown.
    pub sk: u64,
    /// The inode through which a process still holds the socket.
    pub inode: u64,
    /// The socket's own control group.
    pub cgroup: u64,
    /// Who was running, where it may turn out to be the actor.
    pub candidate: Option<Process>,
    /// The kernel itself uses the event's socket: no process holds it.
    pub of_kernel: bool,
    /// The event repeats a reset that is already known: the connection had been reset before.
    pub echo: bool,
}

/// Translates events of one boot.
pub struct Translator {
    pub names: Names,
    pub clock: Clock,
}

fn address(bytes: [u8; 16], port: u16) -> SocketAddr {
    let v6 = Ipv6Addr::from(bytes);
    let ip = v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4);
    SocketAddr::new(ip, port)
}

fn text(comm: &[u8]) -> String {
    let end = comm.iter().position(|&byte| byte == 0).unwrap_or(comm.len());
    String::from_utf8_lossy(&comm[..end]).into_owned()
}

fn process(task: &abi::Task) -> Option<Process> {
    if task.tgid == 0 || is_kernel_thread(task) {
        return None;
    }
    let mut process = Process::new(task.tgid, text(&task.comm));
    if task.exiting != 0 {
        let code = task.exit_code;
        process.exit = Some(match u8::try_from(code & 0x7f).unwrap_or(0) {
            _ if task.marks & task_mark::OOM != 0 => Exit::OutOfMemory,
            0 => Exit::Code(u8::try_from((code >> 8) & 0xff).unwrap_or(0)),
            signal => Exit::Signal(signal),
        });
    }
    Some(process)
}

const fn is_kernel_thread(task: &abi::Task) -> bool {
    task.marks & task_mark::KTHREAD != 0
}

/// The kernel as the one that acted: by its thread's name, or within the call of a process.
fn kernel(task: &abi::Task) -> Process {
    if is_kernel_thread(task) {
        Process::of_kernel(task.tgid, text(&task.comm))
    } else {
        Process::of_kernel(0, "kernel")
    }
}

fn segment(raw: &abi::Segment) -> Option<Segment> {
    (raw.present != 0).then(|| Segment {
        flags: Flags(raw.flags & 0x3f),
        seq: raw.seq,
        ack: raw.ack,
        len: raw.len,
        window: raw.window,
        ttl: raw.ttl,
        payload: raw.payload[..usize::from(raw.payload_len).min(raw.payload.len())].to_vec(),
    })
}

/// SIGHUP, SIGINT, SIGQUIT, SIGABRT and SIGTERM: with these a program is asked to end.
const ASKS_TO_END: [u32; 5] = [1, 2, 3, 6, 15];

/// How long a connection had been silent when it was closed. The tombstone notes in jiffies when
/// the peer was last heard and when data last went out; their relation to the clock only the event
/// tells.
fn silence_before(event: &Event, tombstone: &abi::Tombstone, last: u32) -> Option<u64> {
    if last == 0 {
        return None;
    }
    let hz = ticks_per_second(event.jiffies, event.at);
    let since = ago_ms(event.jiffies, last, hz);
    let closed = event.at.checked_sub(tombstone.closed_at)? / 1_000_000;
    Some(since.saturating_sub(closed))
}

impl Translator {
    /// Facts of one event; `None` where it names no connection.
    pub fn tell(&self, event: &Event) -> Option<Told> {
        let local = address(event.tuple.laddr, event.tuple.lport);
        let remote = address(event.tuple.raddr, event.tuple.rport);
        if local.port() == 0 || remote.port() == 0 {
            return None;
        }
        let (flow, side) = orient(event, local, remote);
        let at = self.clock.utc(event.at);
        let mut facts = Vec::new();
        let candidate = process(&event.current);
        let of_kernel = event.is_of_kernel();
        if let Some(what) = self.own(event, candidate.as_ref()) {
            let cite = cite(event, &what, &self.names);
            facts.push(Fact {
                at,
                side: Some(side),
                what,
                cite,
            });
        }
        if event.kind == event_type::ERROR {
            let what = What::Errored(Errno::from_number(event.err));
            facts.push(Fact {
                at,
                side: Some(side),
                cite: what.kernel_cite(),
                what,
            });
        }
        let tombstones = trusted_tombstones(event, side);
        // Who opened a socket of the kernel, or had it listen, holds none.
        let kernels = of_kernel
            || event.listener.kernel != 0
            || tombstones
                .iter()
                .any(|(tombstone, at)| *at == side && event.was_of_kernel(tombstone));
        if !kernels {
            Self::owner(event, at, side, &mut facts);
        }
        for (tombstone, side) in tombstones {
            self.ended(event, &tombstone, side, &mut facts);
        }
        facts.extend(self.parted(event, side));
        self.asked(event, side, &mut facts);
        self.filtered(event, &mut facts);
        self.killer(event, side, &mut facts);
        let echo = is_echo(event);
        Some(Told {
            flow,
            side,
            facts,
            sk: event.sk,
            inode: event.inode,
            cgroup: event.cgroup,
            candidate,
            of_kernel,
            echo,
        })
    }

    /// The fact that the event itself is.
    fn own(&self, event: &Event, candidate: Option<&Process>) -> Option<What> {
        let socket = socket(event);
        let trigger = segment(&event.trigger);
        match event.kind {
            event_type::SENT => {
                // A Multipath TCP abort goes out in the subflow's real state; the worker that may
                // do it is a kernel thread and never a candidate.
                let mptcp = event.flags & flag::MPTCP != 0;
                let acted = trigger.is_none() && (event.state == 7 || mptcp);
                // The last reference may be the kernel's, long after a process let go: its thread is the
                // actor then, and not the culprit. An orphan is ended by whoever happens to run.
                let closes = event.flags & flag::DEAD == 0 && !mptcp;
                let actor = if closes && (event.is_of_kernel() || is_kernel_thread(&event.current)) {
                    Some(kernel(&event.current))
                } else {
                    candidate.cloned()
                };
                Some(What::Sent(Sent {
                    actor: actor.filter(|_| acted),
                    reason: (event.reason != abi::NO_REASON)
                        .then(|| self.names.reset.name(event.reason, "SK_RST_REASON_")),
                    socket,
                    trigger,
                }))
            }
            event_type::INFERRED => Some(What::Sent(Sent {
                socket,
                trigger,
                reason: None,
                actor: None,
            })),
            event_type::RECEIVED => Some(What::Received(Received {
                socket,
                accepted: true,
                header: None,
                guesses: 0,
            })),
            event_type::REFUSED => Some(What::Received(Received {
                socket,
                accepted: false,
                header: trigger,
                guesses: 0,
            })),
            _ => None,
        }
    }

    fn owner(event: &Event, at: Timestamp, side: Side, facts: &mut Vec<Fact>) {
        let mut push = |owner: &abi::Owner| {
            if owner.tgid == 0 {
                return;
            }
            let process = Process::new(owner.tgid, text(&owner.comm));
            // The kernel's own worker opens the further paths of a Multipath TCP session for others.
            if process.name.starts_with("kworker/") {
                return;
            }
            let (what, state) = match owner.role {
                role::LISTENER => (What::Listener(process), "TCP_LISTEN"),
                _ => (What::Owner(process), "TCP_SYN_SENT"),
            };
            let cite = format!("kernel:inet_sock_set_state to {state}");
            facts.push(Fact {
                at,
                side: Some(side),
                what,
                cite,
            });
        };
        push(&event.owner);
        // Whoever listens on a port that this end only uses is somebody else.
        if side == Side::Server {
            push(&event.listener);
        }
    }

    /// Who was in the call in which the kernel closed a socket that it uses itself.
    fn asked(&self, event: &Event, side: Side, facts: &mut Vec<Fact>) {
        let acted = event.kind == event_type::SENT
            && event.trigger.present == 0
            && event.state == 7
            && event.flags & flag::DEAD == 0;
        let now = (acted && event.is_of_kernel()).then_some((event.at, &event.current));
        let tombstone = &event.tombstone;
        let before = (tombstone.closed_at != 0 && event.was_of_kernel(tombstone))
            .then_some((tombstone.closed_at, &tombstone.by));
        let Some((at, process)) = now.or(before).and_then(|(at, task)| Some((at, process(task)?))) else {
            return;
        };
        let what = What::AskedBy(process);
        facts.push(Fact {
            at: self.clock.utc(at),
            side: Some(side),
            cite: what.kernel_cite(),
            what,
        });
    }

    fn ended(&self, event: &Event, tombstone: &abi::Tombstone, side: Side, facts: &mut Vec<Fact>) {
        // An error that came later has overwritten what the close had noted.
        let in_order = tombstone.failed_at == 0;
        let mut socket = Socket {
            shutdown: Shutdown(tombstone.shutdown),
            keepalive: tombstone.flags & flag::KEEPALIVE != 0,
            probes_out: tombstone.probes_out.into(),
            retransmits: tombstone.retransmits.into(),
            user_timeout_ms: tombstone.user_timeout,
            of_kernel: event.was_of_kernel(tombstone),
            unacked: if in_order { 0 } else { tombstone.unacked },
            unsent: if in_order { 0 } else { tombstone.unsent },
            snd_wnd: if in_order { 0 } else { tombstone.snd_wnd },
            ..Socket::default()
        };
        let age =
            |at: u64| (tombstone.born != 0 && at > tombstone.born).then(|| (at - tombstone.born) / 1_000_000);
        let fin_sent = in_order && TcpState::from_number(tombstone.closed_to) == TcpState::FinWait1;
        let fin_seq = fin_sent.then_some(tombstone.snd_wnd);
        let rcv_nxt = fin_sent.then_some(tombstone.unacked);
        let mut push =
            |socket: &Socket, at: u64, from: u8, to: u8, by: Option<Process>, error: Option<Errno>| {
                let from = TcpState::from_number(from);
                let socket = Socket {
                    state: from,
                    age_ms: age(at),
                    ..socket.clone()
                };
                let what = What::Ended(Ended {
                    from,
                    to: TcpState::from_number(to),
                    by,
                    error,
                    fin_seq: fin_seq.filter(|_| error.is_none()),
                    rcv_nxt: rcv_nxt.filter(|_| error.is_none()),
                    socket,
                });
                facts.push(Fact {
                    at: self.clock.utc(at),
                    side: Some(side),
                    cite: what.kernel_cite(),
                    what,
                });
            };
        if tombstone.closed_at != 0 {
            socket.heard_ago_ms = silence_before(event, tombstone, tombstone.rcv_tstamp);
            if fin_sent {
                socket.sent_ago_ms = silence_before(event, tombstone, tombstone.unsent);
            }
            push(
                &socket,
                tombstone.closed_at,
                tombstone.closed_from,
                tombstone.closed_to,
                if socket.of_kernel {
                    Some(kernel(&tombstone.by))
                } else {
                    process(&tombstone.by)
                },
                None,
            );
        }
        if tombstone.failed_at != 0 {
            let error = Some(Errno::from_number(tombstone.err));
            (socket.heard_ago_ms, socket.sent_ago_ms) = (None, None);
            push(
                &socket,
                tombstone.failed_at,
                tombstone.failed_from,
                tombstone.failed_to,
                None,
                error,
            );
        }
    }

    /// This end's close after the other end's.
    fn parted(&self, event: &Event, side: Side) -> Option<Fact> {
        let at = parted_at(event)?;
        let what = What::Ended(Ended {
            from: TcpState::CloseWait,
            to: TcpState::LastAck,
            socket: Socket {
                state: TcpState::CloseWait,
                ..Socket::default()
            },
            ..Ended::default()
        });
        Some(Fact {
            at: self.clock.utc(at),
            side: Some(side),
            cite: what.kernel_cite(),
            what,
        })
    }

    /// A segment that a filter dropped, as the map keeps it.
    pub fn dropped(&self, filtered: &abi::Filtered) -> Option<Fact> {
        let reason = self.names.drop.name(filtered.reason, "SKB_DROP_REASON_");
        let what = What::Drop(Drop {
            segment: segment(&filtered.segment)?,
            reason,
            netns: filtered.netns,
            device: filtered.ifindex,
        });
        Some(Fact {
            at: self.clock.utc(filtered.at),
            side: None,
            cite: what.kernel_cite(),
            what,
        })
    }

    fn filtered(&self, event: &Event, facts: &mut Vec<Fact>) {
        let filtered = &event.filtered;
        if filtered.at == 0 {
            return;
        }
        let reason = self.names.drop.name(filtered.reason, "SKB_DROP_REASON_");
        // A connection is given up long after its last segment.
        let within = if reason == LISTEN_OVERFLOW || event.kind == event_type::ERROR {
            OVERFLOWED_WITHIN_NS
        } else {
            FILTERED_WITHIN_NS
        };
        if event.at.saturating_sub(filtered.at) > within {
            return;
        }
        facts.extend(self.dropped(filtered));
    }

    fn killer(&self, event: &Event, side: Side, facts: &mut Vec<Fact>) {
        let killer = &event.killer;
        let acted = event.kind == event_type::SENT && event.trigger.present == 0;
        let dying = [
            (&event.current, side, acted),
            (&event.tombstone.by, side, true),
            (&event.other.by, side.other(), true),
        ];
        let Some((victim, side, _)) = dying
            .into_iter()
            .find(|(task, _, counts)| *counts && task.exiting != 0)
        else {
            return;
        };
        let deadly = u32::from(victim.exit_code & 0x7f);
        // A program that handles the signal ends by itself, with an exit code.
        let asked = deadly == 0 && ASKS_TO_END.contains(&killer.signal);
        if killer.at == 0 || (killer.signal != deadly && !asked) {
            return;
        }
        let what = What::Killed(Killed {
            victim: victim.tgid,
            signal: u8::try_from(killer.signal).unwrap_or(0),
            by: Process::new(killer.tgid, text(&killer.comm)),
        });
        facts.push(Fact {
            at: self.clock.utc(killer.at),
            side: Some(side),
            cite: what.kernel_cite(),
            what,
        });
    }
}

fn cite(event: &Event, what: &What, names: &Names) -> String {
    match event.kind {
        event_type::INFERRED | event_type::REFUSED => {
            format!(
                "kernel:kfree_skb reason={}",
                names.drop.name(event.reason, "SKB_DROP_REASON_")
            )
        }
        _ => what.kernel_cite(),
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
pub(crate) mod tests;
