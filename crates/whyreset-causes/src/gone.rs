//! What had become of the sending end's connection before the segment that drew the reset came:
//! the kernel's own answer only says that it knows no such connection. Refuses to know a cause.

use alloc::borrow::ToOwned;
use alloc::format;

use core::time::Duration;

use whyreset_evidence::{
    Dossier, Ended, Errno, Fact, Finding, Flags, Mode, Process, Segment, Sent, Side, Socket, TcpState,
};

use crate::{ask, words};

/// A connection that ended before a watch this old is hardly written to any more.
const LONG_ENOUGH: Duration = Duration::from_mins(5);

/// The least that Linux waits in FIN_WAIT2 and TIME_WAIT, whatever `tcp_fin_timeout` and TCP_LINGER2
/// say: 3.5 retransmission timeouts of 200 ms (`tcp_fin_time`).
const SHORTEST_WAIT: Duration = Duration::from_millis(700);
/// The kernel's default of `tcp_fin_timeout`, and how long TIME_WAIT lasts (`TCP_TIMEWAIT_LEN`).
const USUAL_WAIT: Duration = Duration::from_mins(1);

/// How a connection had ended.
pub enum Past<'a> {
    /// With an error: a timer gave it up, a reset had hit it, or it was destroyed.
    Failed(&'a Fact, &'a Ended, Errno),
    /// By a process, which had closed it (a FIN went out).
    Closed(&'a Fact, &'a Ended, &'a Process),
    /// Some end was seen, and neither process nor error with it.
    Ended(&'a Fact, &'a Ended),
    /// No end was seen.
    Nothing,
}

/// How this end's connection had ended before the reset. An error outweighs a close: an orphan
/// that timed out was closed first, and its time-out is what ended it.
pub fn past(dossier: &Dossier, side: Side) -> Past<'_> {
    let before = || {
        dossier
            .endings(side)
            .filter(|(fact, _)| fact.at <= dossier.time())
    };
    if let Some((fact, ended, errno)) = before().find_map(|(f, e)| Some((f, e, e.error?))) {
        return Past::Failed(fact, ended, errno);
    }
    let closed = before().find_map(|(fact, ended)| {
        let by = ended.by.as_ref()?;
        closes(ended).then_some(Past::Closed(fact, ended, by))
    });
    match (closed, before().next_back()) {
        (Some(closed), _) => closed,
        (None, Some((fact, ended))) => Past::Ended(fact, ended),
        (None, None) => Past::Nothing,
    }
}

/// Whether this end is a close(), and not shutdown(SHUT_WR), after which the process still reads.
fn closes(ended: &Ended) -> bool {
    let half = ended.socket.shutdown.send() && !ended.socket.shutdown.receive();
    ended.to.after_own_fin() && !half
}

/// Whether this end's socket was seen to reach CLOSE before the reset.
pub fn reached_close(dossier: &Dossier, side: Side) -> bool {
    let mut endings = dossier.endings(side);
    endings.any(|(fact, ended)| ended.to == TcpState::Close && fact.at <= dossier.time())
}

/// The connect() that this client gave up before its SYN was answered.
pub fn abandoned(dossier: &Dossier) -> Option<(&Fact, &Ended)> {
    dossier
        .endings(dossier.from()?)
        .find(|(_, ended)| ended.from == TcpState::SynSent && ended.to == TcpState::Close)
}

/// Whether this socket, which answered a segment with a reset, had been closed or shut down both
/// ways: the FIN_WAIT2 minisocket, or the full socket that the kernel has just moved to CLOSE.
pub fn is_closed_socket(socket: &Socket) -> bool {
    // With the receiving half alone it was the other end's FIN that shut it.
    let both = socket.shutdown.receive() && socket.shutdown.send();
    let mini = socket.state == TcpState::TimeWait && socket.substate != Some(TcpState::TimeWait);
    mini || (socket.state == TcpState::Close && socket.mode == Mode::Full && both)
}

/// Whether the segment that drew this reset belongs to a connection and met none: no socket, or
/// only a listener.
pub fn meets_no_connection(sent: &Sent) -> bool {
    let carries = sent
        .trigger
        .as_ref()
        .is_some_and(|trigger| !trigger.flags.is_open() && !trigger.flags.is_syn_ack());
    let none = sent
        .socket
        .as_ref()
        .is_none_or(|socket| socket.state == TcpState::Listen);
    carries && none
}

/// Whether a segment is a FIN without data.
pub fn is_bare_fin(segment: &Segment) -> bool {
    segment.flags.has(Flags::FIN) && segment.len == 0
}

/// The other end's FIN, without data and in its order, met no connection although this end had done no
/// more than close its own: a kernel that still knew of it would have taken the FIN.
pub fn forgot_before_the_fin(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, trigger| {
        if !is_bare_fin(trigger) || !meets_no_connection(sent) {
            return Finding::absent(
                format!("the reset answers {}", words::segment(trigger)),
                &*fact.cite,
            );
        }
        let side = dossier.from().unwrap_or(Side::Server);
        match past(dossier, side) {
            Past::Closed(closed, ended, by) => match ended.rcv_nxt {
                Some(next) if next == trigger.seq => Finding::seen(
                    format!("{by} had closed its end, and the other end's FIN was the next that came"),
                    format!("{}, {}", closed.cite, fact.cite),
                ),
                Some(_) => Finding::absent(
                    "the FIN's number shows that more than a FIN had been sent after the close",
                    &*fact.cite,
                ),
                None => Finding::blind(
                    "whether data had come between the close and the FIN is not known",
                    "kernel:inet_sock_set_state rcv_nxt",
                ),
            },
            _ => Finding::absent("this end was not seen to close first", &*fact.cite),
        }
    })
}

/// This end had closed after the other end had: what comes then was on its way, or is said again.
pub fn after_both_closed(dossier: &Dossier) -> Finding {
    let cite = "kernel:inet_sock_set_state";
    let Some(side) = dossier.from() else {
        return ask::no_reset();
    };
    match past(dossier, side) {
        Past::Ended(fact, ended) if ended.to == TcpState::LastAck => Finding::seen(
            format!("the {side} had closed after the {} had", side.other()),
            &*fact.cite,
        ),
        _ => Finding::absent(format!("the {side} was not seen to close second"), cite),
    }
}

/// How long this end's close was back when the reset was sent.
pub fn closed_ago(dossier: &Dossier) -> Option<Duration> {
    let (fact, _) = dossier.closed_by(dossier.from()?)?;
    Some(dossier.time().since(fact.at))
}

/// Whether this end's kernel had waited for the other end's FIN as long as it does after a close.
pub fn waited_for_the_fin(dossier: &Dossier) -> Finding {
    let cite = "kernel:inet_sock_set_state";
    let Some(ago) = closed_ago(dossier) else {
        return Finding::blind("no close was seen", cite);
    };
    let after = format!("the FIN came {} after the close", words::span(ago));
    if ago < SHORTEST_WAIT {
        let least = words::span(SHORTEST_WAIT);
        Finding::absent(format!("{after}, and the kernel waits {least} at least"), cite)
    } else if ago < USUAL_WAIT {
        Finding::blind(
            format!("{after}, when a short wait for it may have been over"),
            "`sysctl net.ipv4.tcp_fin_timeout` and `nstat -az TcpExtTCPTimeWaitOverflow` there, TCP_LINGER2 in the program",
        )
    } else {
        Finding::seen(format!("{after}, when every wait for it is over"), cite)
    }
}

/// The reset answers a segment of a connection that its kernel does not have.
pub fn met_no_connection(dossier: &Dossier) -> Finding {
    if dossier.sent().is_none() && !ask::was_open(dossier).is_seen() {
        return ask::was_open(dossier);
    }
    ask::reply(dossier, |fact, sent, trigger| {
        let what = match &sent.socket {
            _ if trigger.flags.is_open() || trigger.flags.is_syn_ack() => {
                format!("{} opens a connection", words::segment(trigger))
            }
            None => "the kernel found no socket for the segment".to_owned(),
            Some(socket) if socket.state == TcpState::Listen => {
                "only the listener was there to take the segment".to_owned()
            }
            Some(socket) => format!("a socket in {} took the segment", socket.state),
        };
        Finding::when(meets_no_connection(sent), what, &*fact.cite)
    })
}

/// The finding where no end of this end's connection was seen: `Absent` where the watch is old
/// enough to have seen one, else `Blind`.
pub fn never_seen(dossier: &Dossier, side: Side) -> Finding {
    let watched = dossier.time().since(dossier.coverage.since);
    if watched < LONG_ENOUGH {
        Finding::blind(
            format!(
                "the watch began {} before the reset: an earlier end left no record",
                words::span(watched)
            ),
            "a watch that runs all the time (whyreset serve)",
        )
    } else {
        Finding::absent(
            format!(
                "no end of the {side}'s socket was seen in {}",
                words::span(watched)
            ),
            "kernel:inet_sock_set_state",
        )
    }
}
