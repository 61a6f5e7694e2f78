//! Questions that several causes put to a dossier, asked in one way. Each tells `Absent` (the
//! kernel concerned is watched, and it is not so) from `Blind` (it is not watched). Refuses to
//! know a cause.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Dossier, Errno, Fact, Finding, Segment, Sent, Side, Socket, TcpState};

use crate::gone::{self, Past};
use crate::words;

/// What made a kernel send a reset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    /// A process or a timer decided; no segment was answered.
    Active,
    /// A segment arrived that the stack refuses.
    Reply,
}

/// Why there is no reset of this kind from its sender: not watched, not reported, or not sent.
fn unseen(dossier: &Dossier, drawn: Drawn) -> Finding {
    match dossier.from() {
        Some(side) if dossier.has_reset() => {
            if !dossier.watches(side) {
                elsewhere(dossier, side)
            } else if dossier.coverage.lost > 0 {
                lost(dossier)
            } else if drawn == Drawn::Reply && !dossier.coverage.reply_resets {
                Finding::blind(
                    "this kernel does not report a reset that answers a segment without a full socket",
                    "Linux 6.10 or newer reports it",
                )
            } else {
                Finding::absent(
                    format!("the {side}'s kernel is watched and reported no such reset"),
                    "kernel:tcp_send_reset",
                )
            }
        }
        _ => no_reset(),
    }
}

/// The finding where no reset was seen at all.
pub fn no_reset() -> Finding {
    Finding::absent("no reset was sent or received", "kernel:tcp_send_reset")
}

/// The finding for an end that is not watched.
pub fn elsewhere(dossier: &Dossier, side: Side) -> Finding {
    Finding::blind(
        format!("the {side}'s end is not seen from here"),
        format!("whyreset watch on {} would show it", dossier.flow.addr(side).ip()),
    )
}

/// The finding for events that the observer lost.
pub fn lost(dossier: &Dossier) -> Finding {
    Finding::blind(
        format!(
            "{} kernel events were lost around this reset",
            dossier.coverage.lost
        ),
        "a larger --ring, or a narrower FILTER",
    )
}

/// Asks the socket for which a process or a timer sent the reset.
pub fn active(dossier: &Dossier, ask: impl FnOnce(&Fact, &Sent, &Socket) -> Finding) -> Finding {
    match dossier.sent() {
        None => unseen(dossier, Drawn::Active),
        Some((fact, sent)) => match (&sent.trigger, &sent.socket) {
            (None, Some(socket)) => ask(fact, sent, socket),
            (Some(trigger), _) => Finding::absent(
                format!("the reset answers {}", words::segment(trigger)),
                &*fact.cite,
            ),
            (None, None) => Finding::absent("the reset belongs to no socket", &*fact.cite),
        },
    }
}

/// Asks the segment that drew the reset.
pub fn reply(dossier: &Dossier, ask: impl FnOnce(&Fact, &Sent, &Segment) -> Finding) -> Finding {
    match dossier.sent() {
        None => unseen(dossier, Drawn::Reply),
        Some((fact, sent)) => match &sent.trigger {
            Some(trigger) => ask(fact, sent, trigger),
            None => Finding::absent(
                "no segment drew the reset: a process or a timer sent it",
                &*fact.cite,
            ),
        },
    }
}

/// The sender's kernel was seen to send the reset. Beside a decisive tombstone this is what
/// separates `certain` from `likely` where a kernel does not report its replies.
pub fn was_sent(dossier: &Dossier) -> Finding {
    match (dossier.sent(), dossier.from()) {
        (Some((fact, sent)), Some(side)) => {
            let what = match (&sent.trigger, &sent.socket) {
                (Some(trigger), _) => format!("the {side}'s kernel answered {}", words::segment(trigger)),
                (None, Some(socket)) => {
                    format!("the {side}'s kernel sent it for a socket in {}", socket.state)
                }
                (None, None) => format!("the {side}'s kernel sent it"),
            };
            Finding::seen(what, &*fact.cite)
        }
        _ => unseen(dossier, Drawn::Reply),
    }
}

/// The reset was sent while a process let go of a socket that it held: close(), exit, or the
/// death of its last holder (`__tcp_close` in state CLOSE with both directions shut).
pub fn sent_by_close(dossier: &Dossier) -> Finding {
    active(dossier, |fact, _, socket| {
        let holds = socket.state == TcpState::Close
            && socket.shutdown.receive()
            && socket.shutdown.send()
            && !socket.dead;
        let what = if holds {
            "the reset was sent by close() itself".to_owned()
        } else if socket.state == TcpState::Close {
            "the reset was not sent by the close() of a held socket".to_owned()
        } else {
            format!(
                "the socket was in {} and not being closed by its holder",
                socket.state
            )
        };
        Finding::when(holds, what, &*fact.cite)
    })
}

/// What the receiver's socket says of the reset that hit it; `Blind` where the receiver is not
/// watched, `Absent` where it is and got none.
pub fn receiver(dossier: &Dossier, ask: impl FnOnce(&Fact, &Socket) -> Finding) -> Finding {
    match dossier.received() {
        Some((fact, received)) => match &received.socket {
            Some(socket) => ask(fact, socket),
            None => Finding::absent("the reset hit no socket", &*fact.cite),
        },
        None => match dossier.from() {
            Some(side) if !dossier.watches(side.other()) => elsewhere(dossier, side.other()),
            _ => Finding::absent("no end that is watched took a reset", "kernel:tcp_receive_reset"),
        },
    }
}

/// A reset of a half-open connection hit the receiver: the kernel keeps no full socket for one,
/// and takes such a reset without the report of an accepted one.
pub fn hit_a_handshake(dossier: &Dossier) -> Finding {
    let Some((fact, received)) = dossier.received().or_else(|| dossier.refused_reset()) else {
        return no_reset();
    };
    let state = received.socket.as_ref().map(|socket| socket.state);
    let what = match state {
        Some(state) => format!("the reset hit a socket in {state}"),
        None => "the reset hit no socket".to_owned(),
    };
    let holds = matches!(state, Some(TcpState::SynRecv | TcpState::NewSynRecv));
    Finding::when(holds, what, &*fact.cite)
}

/// The receiver's connection was past its handshake. Where the receiver tells nothing, the
/// sender's own kernel stands for it: it can only abort a connection it had.
pub fn was_open(dossier: &Dossier) -> Finding {
    match (dossier.sent(), dossier.received()) {
        (Some(_), _) => was_sent(dossier),
        (None, Some(_)) => receiver(dossier, |fact, socket| {
            Finding::when(
                socket.state.is_synchronised(),
                format!("the receiver's socket was in {}", socket.state),
                &*fact.cite,
            )
        }),
        (None, None) => no_reset(),
    }
}

/// The error that the sending end's own socket was left with, and where that was read.
pub fn own_error(dossier: &Dossier) -> Option<(Errno, String)> {
    let side = dossier.from()?;
    let reported = dossier
        .errno(side)
        .map(|errno| (errno, format!("kernel:inet_sk_error_report sk_err={errno}")));
    let ended = dossier
        .failed(side)
        .and_then(|(fact, ended)| Some((ended.error?, fact.cite.clone())));
    ended.or(reported)
}

/// The reset follows from a process's letting go of the connection: sent by the close itself, by
/// the kernel for the orphan that it left, or in answer to a segment that came after it.
pub fn follows_a_close(dossier: &Dossier) -> Finding {
    let Some((fact, sent)) = dossier.sent() else {
        return match (dossier.from(), unseen(dossier, Drawn::Reply)) {
            (Some(side), blind @ Finding::Blind { .. }) if dossier.watches(side) => {
                match gone::past(dossier, side) {
                    Past::Closed(fact, _, by) => {
                        Finding::seen(format!("{by} had closed the socket"), &*fact.cite)
                    }
                    _ => blind,
                }
            }
            // A reset that ended a handshake follows from no close.
            (_, blind @ Finding::Blind { .. }) => match was_open(dossier) {
                Finding::Seen { .. } => blind,
                refused => refused,
            },
            (_, other) => other,
        };
    };
    let cite = &*fact.cite;
    match (&sent.trigger, &sent.socket) {
        (None, Some(socket)) if is_limited_orphan(socket) => {
            Finding::absent("a limit made the kernel end an orphan", cite)
        }
        (None, Some(socket)) if socket.state == TcpState::Close => {
            Finding::seen("the reset was sent while the socket was closed", cite)
        }
        (None, Some(socket)) if socket.mptcp && sent.actor.is_some() => Finding::seen(
            "the reset was sent while the Multipath TCP socket was closed",
            cite,
        ),
        (None, Some(socket)) if socket.dead => match own_error(dossier) {
            Some((Errno::ConnAborted, cite)) => Finding::absent("the socket was destroyed on request", cite),
            _ => Finding::seen("the socket was an orphan: no process held it any more", cite),
        },
        (None, socket) => Finding::absent(
            format!(
                "the socket was in {} and was not being closed",
                socket.as_ref().map_or(TcpState::Close, |s| s.state)
            ),
            cite,
        ),
        (Some(_), Some(socket)) if gone::is_closed_socket(socket) => {
            Finding::seen("the socket had been closed before the segment came", cite)
        }
        (Some(trigger), _) => {
            let side = dossier.from().unwrap_or(Side::Server);
            match gone::past(dossier, side) {
                Past::Closed(..) if gone::forgot_before_the_fin(dossier).is_seen() => {
                    Finding::absent("a close in good order had been followed by the other end's", cite)
                }
                Past::Closed(fact, _, by) if gone::meets_no_connection(sent) => {
                    Finding::seen(format!("{by} had closed the socket"), &*fact.cite)
                }
                _ => match gone::abandoned(dossier) {
                    Some((fact, ended)) if trigger.flags.is_syn_ack() && ended.by.is_some() => {
                        Finding::seen("the connect() had been given up", &*fact.cite)
                    }
                    _ => Finding::absent("no process had closed the connection", cite),
                },
            }
        }
    }
}

/// Whether this socket, for which a reset was sent unasked, is an orphan that could have gone on:
/// only a limit on orphans or on memory ends one then (`tcp_check_oom`).
pub fn is_limited_orphan(socket: &Socket) -> bool {
    let could_go_on = match socket.state {
        TcpState::Close => !socket.linger2_negative,
        TcpState::FinWait1 | TcpState::LastAck | TcpState::Closing => true,
        _ => false,
    };
    socket.dead && could_go_on
}
