use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, Situation, need};
use crate::gone::{self, Past};
use crate::{ask, filter, idle, pattern, wire, words};

pub static WRITE_AFTER_CLOSE: Cause = Cause {
    id: "write-after-close",
    group: Group::Closed,
    summary: "data arrived for a socket that its program had already closed",
    kernel: &[
        "TCP_ABORT_ON_DATA",
        "TCP_TIMEWAIT_SOCKET",
        "NO_SOCKET",
        "TCP_FLAGS",
    ],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the sender of the reset had closed before",
            Certainty::Possible,
            had_closed,
        ),
        need("more arrived after that", Certainty::Likely, more_arrived),
        need(
            "the close was what ended the connection",
            Certainty::Likely,
            close_ended_it,
        ),
        need(
            "the kernel answered it with a reset",
            Certainty::Likely,
            ask::was_sent,
        ),
    ],
    excludes: &[need(
        "a packet filter dropped the late segment",
        Certainty::Certain,
        filter::intervened,
    )],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &WRITE_AFTER_CLOSE);
        let answered = dossier.sent().and_then(|(_, sent)| sent.trigger.as_ref());
        let what = match (answered, dossier.received()) {
            (Some(trigger), _) => words::payload(trigger),
            (None, Some((_, received))) => match &received.socket {
                Some(socket) if socket.unacked > 0 => words::counted(socket.unacked.into(), "byte"),
                _ => "more".to_owned(),
            },
            (None, None) => "more".to_owned(),
        };
        let when = gone::closed_ago(dossier).map_or(String::new(), |ago| {
            format!(" {} after the close", words::span(ago))
        });
        format!(
            "{who} had closed its end; {} sent {what}{when}",
            words::receiver(dossier)
        )
    },
    situations: &[LATE_CLOSE_NOTIFY, AFTER_GOODBYE, pattern::FD_LIMIT, STALE_POOL],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need(
                "the sender of the reset had sent a FIN before",
                Certainty::Possible,
                wire::own_fin,
            ),
            need(
                "the reset answers a segment of an open connection",
                Certainty::Possible,
                wire::drawn_within,
            ),
        ],
        excludes: NOTHING_ELSE,
        explains: &[],
        sentence: |dossier| {
            let what = dossier
                .passed()
                .and_then(|(_, passed)| passed.trigger.as_ref())
                .map_or("more".to_owned(), |trigger| words::payload(&trigger.segment));
            format!(
                "{} had closed its end; {} sent {what} after that",
                words::sender(dossier),
                words::receiver(dossier)
            )
        },
        situations: &[
            Situation {
                check: wire::late_alert,
                ..LATE_CLOSE_NOTIFY
            },
            Situation {
                check: wire::after_both_fins,
                ..AFTER_GOODBYE
            },
            Situation {
                check: wire::stale_pool,
                ..STALE_POOL
            },
        ],
    }),
    text: include_str!("write_after_close.md"),
};

const NOTHING_ELSE: &[Requirement] = &[
    wire::NOT_FOREIGN[0],
    wire::NOT_FOREIGN[1],
    wire::NOT_FOREIGN[2],
    need(
        "nothing had come after its FIN but the word that this had arrived",
        Certainty::Possible,
        wire::only_the_fin_was_acknowledged,
    ),
];

fn had_closed(dossier: &Dossier) -> Finding {
    let Some(side) = dossier.from().filter(|_| dossier.has_reset()) else {
        return ask::no_reset();
    };
    if let Some((fact, sent)) = dossier.sent() {
        match &sent.socket {
            Some(socket) if sent.trigger.is_some() && gone::is_closed_socket(socket) => {
                let how = if socket.dead || socket.state == TcpState::TimeWait {
                    "closed"
                } else {
                    "shut both ways"
                };
                return match dossier
                    .closed_by(side)
                    .and_then(|(fact, e)| Some((fact, e.by.as_ref()?)))
                {
                    Some((closed, by)) => Finding::seen(
                        format!("{by} had {how} the socket before the segment came"),
                        format!("{}, {}", fact.cite, closed.cite),
                    ),
                    None => Finding::seen(
                        format!("the socket had been {how} before the segment came"),
                        &*fact.cite,
                    ),
                };
            }
            _ if !gone::meets_no_connection(sent) => {
                return Finding::absent(
                    "the reset was not drawn by a segment that came after a close",
                    &*fact.cite,
                );
            }
            _ => {}
        }
    }
    if !dossier.watches(side) {
        return fin_had_come(dossier);
    }
    match gone::past(dossier, side) {
        Past::Closed(fact, _, by) => Finding::seen(format!("{by} had closed the socket"), &*fact.cite),
        Past::Ended(fact, ended) if ended.from.after_own_fin() || ended.to == TcpState::LastAck => {
            Finding::seen(
                format!("the socket had been closed: {} -> {}", ended.from, ended.to),
                &*fact.cite,
            )
        }
        Past::Failed(fact, _, error) => Finding::absent(
            format!("the {side}'s connection had ended with {error} before"),
            &*fact.cite,
        ),
        Past::Ended(fact, ended) => Finding::absent(
            format!("the {side}'s socket had ended {} -> {}", ended.from, ended.to),
            &*fact.cite,
        ),
        Past::Nothing => Finding::absent(
            format!("no end of the {side}'s socket was seen before"),
            "kernel:inet_sock_set_state",
        ),
    }
}

/// An orphan that still had data to send may have timed out since, which is seen at its last
/// change of state alone.
fn close_ended_it(dossier: &Dossier) -> Finding {
    let Some(side) = dossier.from().filter(|side| dossier.watches(*side)) else {
        return ask::was_sent(dossier);
    };
    let socket = dossier.sent().and_then(|(_, sent)| sent.socket.as_ref());
    if socket.is_some_and(gone::is_closed_socket) {
        return had_closed(dossier);
    }
    match gone::past(dossier, side) {
        Past::Closed(_, ended, _) if ended.socket.unsent > 0 && !gone::reached_close(dossier, side) => {
            Finding::blind(
                format!(
                    "{} were unsent at the close, and the orphan's own end was not seen",
                    words::counted(ended.socket.unsent.into(), "byte")
                ),
                "the socket's last change of state",
            )
        }
        Past::Closed(fact, ..) | Past::Ended(fact, _) => {
            Finding::seen("no error had ended the connection", &*fact.cite)
        }
        Past::Failed(..) | Past::Nothing => had_closed(dossier),
    }
}

fn fin_had_come(dossier: &Dossier) -> Finding {
    ask::receiver(dossier, |fact, socket| {
        let holds = matches!(
            socket.state,
            TcpState::CloseWait | TcpState::LastAck | TcpState::Closing
        );
        let fin = if holds { "a FIN" } else { "no FIN" };
        Finding::when(
            holds,
            format!(
                "{fin} had come before the reset: the receiver was in {}",
                socket.state
            ),
            &*fact.cite,
        )
    })
}

fn more_arrived(dossier: &Dossier) -> Finding {
    if let Some((fact, sent)) = dossier.sent() {
        let linger2 = sent.socket.as_ref().is_some_and(|s| s.linger2_negative);
        return match &sent.trigger {
            Some(trigger) if trigger.flags.is_open() => {
                Finding::absent("a SYN came, which opens another connection", &*fact.cite)
            }
            Some(trigger) if linger2 && trigger.len == 0 => {
                Finding::absent("no data came: TCP_LINGER2 asked for the reset", &*fact.cite)
            }
            Some(_) if gone::forgot_before_the_fin(dossier).is_seen() => Finding::absent(
                "nothing but the other end's own FIN came, which a closed socket takes",
                &*fact.cite,
            ),
            Some(trigger) if gone::after_both_closed(dossier).is_seen() => {
                Finding::seen(format!("{} came", words::payload(trigger)), &*fact.cite)
            }
            // A FIN alone is nothing that was written; what was may have gone before it.
            Some(trigger) if gone::is_bare_fin(trigger) && gone::meets_no_connection(sent) => Finding::blind(
                "a FIN came; whether data had come before it, after the close, is not known",
                "a packet capture on this host",
            ),
            Some(trigger) => Finding::seen(format!("{} came", words::payload(trigger)), &*fact.cite),
            None => Finding::absent("no segment drew the reset", &*fact.cite),
        };
    }
    // A live socket acknowledges what it takes before it resets: only data that a closed one
    // answered with a reset is still outstanding.
    ask::receiver(dossier, |fact, socket| {
        let fin = u32::from(socket.state.after_own_fin());
        let outstanding = socket.unacked.saturating_sub(fin);
        let what = match outstanding {
            0 => "everything the receiver had sent was acknowledged".to_owned(),
            bytes => format!(
                "{} of the receiver were unacknowledged",
                words::counted(bytes.into(), "byte")
            ),
        };
        Finding::when(outstanding > 0, what, &*fact.cite)
    })
}

/// A server that closes what has long been silent does it by a timeout of its own, and a client
/// that then writes took the connection from a pool of idle ones.
fn stale_pool(dossier: &Dossier) -> Finding {
    let Some((fact, ended)) = dossier
        .closed_by(Side::Server)
        .filter(|_| dossier.from() == Some(Side::Server))
    else {
        return Finding::absent("no server was seen to close", "kernel:inet_sock_set_state");
    };
    let Some(silence) = ended.socket.heard_ago_ms else {
        return Finding::blind(
            "how long the client had been silent is not known",
            "kernel:inet_sock_set_state",
        );
    };
    if dossier
        .sent()
        .and_then(|(_, sent)| sent.trigger.as_ref())
        .is_none_or(|trigger| trigger.len == 0)
    {
        return Finding::absent("no data came after the close", &*fact.cite);
    }
    let by = words::who(ended.by.as_ref(), Some(Side::Server));
    let long = silence >= idle::LONG_MS;
    let how = if long { idle::known(silence) } else { String::new() };
    Finding::when(
        long,
        format!(
            "the client had been silent for {} when {by} closed{how}",
            words::span_ms(silence)
        ),
        format!("{} rcv_tstamp", fact.cite),
    )
}

fn late_close_notify(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, _, trigger| {
        let plain = trigger.is_tls_alert();
        let what = match (plain, trigger.is_sealed_tls_alert()) {
            (true, _) => "the late segment is a TLS alert record (close_notify)",
            (_, true) => "the late segment is a TLS record of an alert's size (close_notify)",
            _ => "the late segment is no TLS alert",
        };
        Finding::when(plain || trigger.is_sealed_tls_alert(), what, &*fact.cite)
    })
}

const LATE_CLOSE_NOTIFY: Situation = Situation {
    id: "late-close-notify",
    check: late_close_notify,
    benign: true,
    fix: &["nothing needs fixing: the TLS goodbye came after the other end had already gone"],
};

const AFTER_GOODBYE: Situation = Situation {
    id: "after-goodbye",
    check: gone::after_both_closed,
    benign: true,
    fix: &["nothing needs fixing: both ends had closed, and all data had arrived"],
};

const STALE_POOL: Situation = Situation {
    id: "stale-pool",
    check: stale_pool,
    benign: false,
    fix: &[],
};
