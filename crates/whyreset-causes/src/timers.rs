//! Which timer ended the sending end's connection, from the socket it left. Refuses to know a
//! cause.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Dossier, Errno, Fact, Finding, Socket, TcpState};

use crate::gone::{self, Past};
use crate::{ask, words};

/// The timers with which a kernel gives a connection up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// SO_KEEPALIVE probes stayed unanswered.
    Keepalive,
    /// TCP_USER_TIMEOUT ran out.
    User,
    /// SYN, data, FIN or window probes stayed unanswered for all retransmissions.
    Retransmission,
}

/// A connection that a timer ended.
pub struct GaveUp<'a> {
    /// The reset that the timer sent, or the tombstone.
    pub fact: &'a Fact,
    /// The socket it was.
    pub socket: &'a Socket,
    /// The error it was left with, where that was seen.
    pub error: Option<Errno>,
}

impl GaveUp<'_> {
    /// The timer, as far as the socket tells.
    pub fn timer(&self) -> Timer {
        let socket = self.socket;
        let nothing_out = socket.unacked == 0 && socket.unsent == 0;
        // connect() also ends when its SYNs are used up, whatever the user timeout.
        let young = socket.state == TcpState::SynSent
            && socket
                .age_ms
                .is_some_and(|age| age < u64::from(socket.user_timeout_ms));
        if socket.user_timeout_ms != 0 && !young {
            Timer::User
        } else if socket.keepalive && socket.probes_out > 0 && nothing_out {
            Timer::Keepalive
        } else {
            Timer::Retransmission
        }
    }

    /// What the other end did not do: `never acknowledged 120 bytes`.
    pub fn waited_for(&self) -> String {
        let socket = self.socket;
        let probes = |kind: &str| words::counted(socket.probes_out.into(), kind);
        let acknowledged = |what: &str| format!("never acknowledged {what}");
        match (socket.state, socket.unacked, socket.unsent) {
            (TcpState::SynSent, ..) => "did not answer its SYN".to_owned(),
            (state, 1, 0) if state.after_own_fin() => acknowledged("its FIN"),
            (_, 0, 0) if socket.probes_out > 0 => {
                format!("did not answer {}", probes("keep-alive probe"))
            }
            (_, 0, 0) => "did not answer".to_owned(),
            (_, 0, unsent) => format!(
                "kept its window closed to {} and did not answer {}",
                words::counted(unsent.into(), "byte"),
                probes("window probe")
            ),
            (_, unacked, _) => acknowledged(&words::counted(unacked.into(), "byte")),
        }
    }
}

/// Errors with which a timer leaves a socket: its own, or what ICMP had said meanwhile.
fn is_timeout(error: Errno, socket: &Socket) -> bool {
    match error {
        Errno::TimedOut => true,
        Errno::HostUnreach | Errno::NetUnreach => {
            socket.retransmits > 0 || socket.probes_out > 0 || socket.state.is_synchronised()
        }
        _ => false,
    }
}

/// The connection that the sending end's kernel had given up, or the finding that it had not.
pub fn gave_up(dossier: &Dossier) -> Result<GaveUp<'_>, Finding> {
    let Some(side) = dossier.from() else {
        return Err(ask::no_reset());
    };
    if let Some((fact, sent)) = dossier.sent()
        && sent.trigger.is_none()
    {
        return by_the_timer_itself(dossier, fact, sent.socket.as_ref(), sent.actor.is_some());
    }
    if !dossier.watches(side) {
        return Err(match ask::was_open(dossier) {
            Finding::Seen { .. } => ask::elsewhere(dossier, side),
            refused => refused,
        });
    }
    if let Some((fact, sent)) = dossier.sent()
        && !gone::meets_no_connection(sent)
    {
        return Err(Finding::absent(
            "the segment met no connection that had timed out",
            &*fact.cite,
        ));
    }
    match gone::past(dossier, side) {
        Past::Failed(fact, ended, error) if is_timeout(error, &ended.socket) => Ok(GaveUp {
            fact,
            socket: &ended.socket,
            error: Some(error),
        }),
        Past::Failed(fact, ended, error) => Err(Finding::absent(
            format!(
                "the {side}'s socket had ended {} -> {} with {error}",
                ended.from, ended.to
            ),
            &*fact.cite,
        )),
        Past::Closed(fact, _, by) => Err(Finding::absent(
            format!("{by} had closed the socket before"),
            &*fact.cite,
        )),
        Past::Ended(fact, ended) => Err(Finding::absent(
            format!(
                "the {side}'s socket had ended {} -> {} without an error",
                ended.from, ended.to
            ),
            &*fact.cite,
        )),
        Past::Nothing => Err(match dossier.errno(side) {
            Some(Errno::TimedOut) if !dossier.has_reset() => Finding::blind(
                format!("the {side}'s socket was left with ETIMEDOUT; what it waited for was not seen"),
                "an observer that was running before the connection ended",
            ),
            _ => Finding::absent(
                format!("no end of the {side}'s socket was seen before"),
                "kernel:inet_sock_set_state",
            ),
        }),
    }
}

/// The keep-alive timer resets before it leaves the error: what was asked of it and what the
/// socket got tell it from a socket that was destroyed on request.
fn by_the_timer_itself<'a>(
    dossier: &'a Dossier,
    fact: &'a Fact,
    socket: Option<&'a Socket>,
    by_a_process: bool,
) -> Result<GaveUp<'a>, Finding> {
    let Some(socket) = socket else {
        return Err(Finding::absent("the reset belongs to no socket", &*fact.cite));
    };
    if socket.state == TcpState::Close || socket.dead || !socket.keepalive || socket.probes_out == 0 {
        return Err(Finding::absent(
            format!(
                "the socket was in {} with no keep-alive probe unanswered",
                socket.state
            ),
            &*fact.cite,
        ));
    }
    match ask::own_error(dossier) {
        Some((error, _)) if is_timeout(error, socket) => Ok(GaveUp {
            fact,
            socket,
            error: Some(error),
        }),
        Some((error, cite)) => Err(Finding::absent(format!("the socket was left with {error}"), cite)),
        None if by_a_process => Err(Finding::absent("a process had it sent", &*fact.cite)),
        None => Ok(GaveUp {
            fact,
            socket,
            error: None,
        }),
    }
}

/// The sending end's kernel had given the connection up.
pub fn had_given_up(dossier: &Dossier) -> Finding {
    match gave_up(dossier) {
        Ok(gave_up) => match gave_up.error {
            Some(error) => Finding::seen(
                format!(
                    "the kernel gave up waiting in {} and left the socket with {error}",
                    gave_up.socket.state
                ),
                &*gave_up.fact.cite,
            ),
            None => Finding::blind(
                "the error that the socket was left with was not seen",
                "inet_sk_error_report (Linux 5.14) or the socket's last change of state",
            ),
        },
        Err(finding) => finding,
    }
}

/// It was this timer that ran out.
pub fn ran_out(dossier: &Dossier, timer: Timer) -> Finding {
    match gave_up(dossier) {
        Ok(gave_up) => {
            let got = gave_up.timer();
            let name = match got {
                Timer::Keepalive => "SO_KEEPALIVE",
                Timer::User => "TCP_USER_TIMEOUT",
                Timer::Retransmission => "retransmission",
            };
            let socket = gave_up.socket;
            let limit = match socket.user_timeout_ms {
                0 => String::new(),
                ms => format!(", user timeout {}", words::span_ms(ms.into())),
            };
            let tries = match socket.retransmits {
                0 => String::new(),
                n => format!(", {}", words::counted(n.into(), "retransmission")),
            };
            let what = format!(
                "the {name} timer ran: the other end {}{limit}{tries}",
                gave_up.waited_for()
            );
            Finding::when(got == timer, what, &*gave_up.fact.cite)
        }
        Err(finding) => finding,
    }
}

/// The reset itself was seen at its sender, or there was none to see.
pub fn reset_seen(dossier: &Dossier) -> Finding {
    if dossier.has_reset() {
        return ask::was_sent(dossier);
    }
    Finding::seen(
        "no reset was needed: nobody answered any more",
        "kernel:tcp_send_reset",
    )
}

/// How late the segment came that drew the reset: ` 1.3 s later, ...`; empty where the timer
/// itself sent it, or nothing was sent.
pub fn afterwards(dossier: &Dossier, gave_up: &GaveUp<'_>) -> String {
    let answered = dossier.sent().and_then(|(_, sent)| sent.trigger.as_ref());
    let late = words::span(dossier.time().since(gave_up.fact.at));
    match answered {
        Some(trigger) => format!(
            "; {late} later {} sent {} and was told that the connection is gone",
            words::receiver(dossier),
            words::payload(trigger)
        ),
        None if dossier.has_reset() && gave_up.fact.at < dossier.time() => {
            format!("; {late} later the connection's other end was told that it is gone")
        }
        None => String::new(),
    }
}
