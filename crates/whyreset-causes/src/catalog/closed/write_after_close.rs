use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState, Timestamp};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Situation};
use crate::{ask, reading, words};

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
        Requirement {
            text: "the sender of the reset had closed before",
            if_blind: Certainty::Possible,
            check: had_closed,
        },
        Requirement {
            text: "more arrived after that",
            if_blind: Certainty::Likely,
            check: more_arrived,
        },
        Requirement {
            text: "the kernel answered it with a reset",
            if_blind: Certainty::Likely,
            check: answered,
        },
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::who(
            reading::accused(dossier, &WRITE_AFTER_CLOSE).as_ref(),
            dossier.from(),
        );
        let sent = dossier
            .sent()
            .and_then(|(_, sent)| sent.trigger.as_ref())
            .map(|trigger| trigger.len);
        let what = match sent {
            Some(0) | None => "more".to_owned(),
            Some(len) => words::counted(len.into(), "byte"),
        };
        let ago = closed_at(dossier).map(|at| dossier.time().since(at));
        let when = ago.map_or(String::new(), |ago| {
            format!(" {} after the close", words::span(ago))
        });
        format!(
            "{who} had closed its end; {} sent {what}{when}",
            words::receiver(dossier)
        )
    },
    situations: &[Situation {
        id: "late-close-notify",
        check: late_close_notify,
        benign: true,
        fix: &["nothing needs fixing: the TLS goodbye came after the other end had already gone"],
    }],
    text: include_str!("write_after_close.md"),
};

fn closed_at(dossier: &Dossier) -> Option<Timestamp> {
    dossier.closed_by(dossier.from()?).map(|(fact, _)| fact.at)
}

fn had_closed(dossier: &Dossier) -> Finding {
    if let Some((fact, sent)) = dossier.sent()
        && let Some(socket) = &sent.socket
        && (socket.substate == Some(TcpState::FinWait2)
            || (socket.state == TcpState::Close && socket.shutdown.receive() && sent.trigger.is_some()))
    {
        let how = if socket.dead || socket.state == TcpState::TimeWait {
            "closed"
        } else {
            "shut down both ways"
        };
        return Finding::seen(
            format!("the socket had been {how} before the segment came"),
            &*fact.cite,
        );
    }
    let own = ask::tombstone(dossier, |fact, ended| {
        let by = ended.by.as_ref()?;
        ended
            .to
            .after_own_fin()
            .then(|| Finding::seen(format!("{by} had closed the socket"), &*fact.cite))
    });
    match own {
        Finding::Blind { .. } => ask::receiver(dossier, |fact, socket| {
            let holds = matches!(
                socket.state,
                TcpState::CloseWait | TcpState::LastAck | TcpState::Closing
            );
            let what = if holds {
                format!(
                    "a FIN had come before the reset: the receiver was in {}",
                    socket.state
                )
            } else {
                format!(
                    "no FIN had come before the reset: the receiver was in {}",
                    socket.state
                )
            };
            Finding::when(holds, what, &*fact.cite)
        }),
        own => own,
    }
}

fn more_arrived(dossier: &Dossier) -> Finding {
    if dossier.sent().is_some() {
        return ask::reply(dossier, |fact, _, trigger| {
            let what = match trigger.len {
                0 => format!("a segment with flags {} came", trigger.flags),
                len => format!("{} came", words::counted(len.into(), "byte")),
            };
            Finding::seen(what, &*fact.cite)
        });
    }
    ask::receiver(dossier, |fact, socket| {
        let what = format!(
            "{} of the receiver were unacknowledged",
            words::counted(socket.unacked.into(), "byte")
        );
        Finding::when(socket.unacked > 0, what, &*fact.cite)
    })
}

fn answered(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, _, trigger| {
        Finding::seen(
            format!("the reset answers a segment with flags {}", trigger.flags),
            &*fact.cite,
        )
    })
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
