use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Ended, Fact, Finding, Party, Side};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::{ask, dying, filter, idle, wire, words};

pub static KEEPALIVE_RACE: Cause = Cause {
    id: "keepalive-race",
    group: Group::Expired,
    summary: "a request crossed the server's close of an idle connection on the wire",
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
            "the server had closed the connection in good order",
            Certainty::Unknown,
            server_closed,
        ),
        need(
            "data drew the reset that was sent before the client had heard of the FIN",
            Certainty::Unknown,
            crossed,
        ),
        need(
            "the connection was idle when it was closed",
            Certainty::Likely,
            was_idle,
        ),
    ],
    excludes: &[
        need(
            "the process that closed it was on its way out",
            Certainty::Likely,
            closer_was_dying,
        ),
        need(
            "a packet filter dropped the late segment",
            Certainty::Certain,
            filter::intervened,
        ),
    ],
    explains: &["write-after-close"],
    sentence: |dossier| match closed(dossier) {
        Some((_, ended)) => format!(
            "{} closed the connection after {} without a request, while {} of {} were under way",
            words::accused(dossier, &KEEPALIVE_RACE),
            words::span_ms(ended.socket.heard_ago_ms.unwrap_or(0)),
            dossier
                .sent()
                .and_then(|(_, sent)| sent.trigger.as_ref())
                .map_or("a request".to_owned(), words::payload),
            words::receiver(dossier)
        ),
        None => sentence(dossier),
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: PASSED,
        excludes: wire::NOT_FOREIGN,
        explains: &["write-after-close"],
        sentence,
        situations: &[],
    }),
    text: include_str!("keepalive_race.md"),
};

const PASSED: &[Requirement] = &[
    need(
        "the sender had sent a FIN before",
        Certainty::Possible,
        wire::own_fin,
    ),
    need(
        "what drew the reset was sent before its sender had heard of the FIN",
        Certainty::Possible,
        wire::crossed_the_fin,
    ),
    need(
        "the connection had been used and was idle when it was closed",
        Certainty::Possible,
        wire::closed_while_idle,
    ),
];

fn sentence(dossier: &Dossier) -> String {
    let what = dossier
        .passed()
        .and_then(|(_, passed)| passed.trigger.as_ref())
        .map_or("a request".to_owned(), |trigger| words::payload(&trigger.segment));
    format!(
        "{} closed the idle connection while {} of {} were under way",
        words::sender(dossier),
        what,
        words::receiver(dossier)
    )
}

/// How the server had ended it, with a FIN of its own.
fn closed(dossier: &Dossier) -> Option<(&Fact, &Ended)> {
    dossier
        .endings(Side::Server)
        .find(|(_, ended)| ended.fin_seq.is_some() && ended.by.is_some())
        .filter(|_| dossier.from() == Some(Side::Server))
}

fn server_closed(dossier: &Dossier) -> Finding {
    match (closed(dossier), dossier.from()) {
        (Some((fact, ended)), _) => Finding::seen(
            format!(
                "{} had closed it",
                words::who(ended.by.as_ref(), Some(Side::Server))
            ),
            &*fact.cite,
        ),
        (None, Some(Side::Server)) if !dossier.watches(Side::Server) => ask::elsewhere(dossier, Side::Server),
        _ => Finding::absent(
            "no process of the server was seen to close it before",
            "kernel:inet_sock_set_state",
        ),
    }
}

/// Only an acknowledgment of the FIN tells that its receiver had heard of it (RFC 9293 §3.6).
fn crossed(dossier: &Dossier) -> Finding {
    let Some(fin) = closed(dossier).and_then(|(_, ended)| ended.fin_seq) else {
        return server_closed(dossier);
    };
    ask::reply(dossier, |fact, _, trigger| {
        let knew = trigger.ack.wrapping_sub(fin).cast_signed() > 0;
        let request = trigger.len > 0 && !trigger.is_tls_alert() && !trigger.is_sealed_tls_alert();
        let what = if knew {
            format!("{} acknowledge the server's FIN", words::payload(trigger))
        } else if request {
            format!(
                "{} were sent before the client had heard of the FIN",
                words::payload(trigger)
            )
        } else {
            format!("{} is no request", words::segment(trigger))
        };
        Finding::when(request && !knew, what, &*fact.cite)
    })
}

fn was_idle(dossier: &Dossier) -> Finding {
    let Some((fact, ended)) = closed(dossier) else {
        return server_closed(dossier);
    };
    let socket = &ended.socket;
    match (socket.heard_ago_ms, socket.sent_ago_ms) {
        (Some(heard), Some(sent)) => Finding::when(
            heard.min(sent) >= idle::LONG_MS,
            format!(
                "the server's last answer lay {} back when it closed, and the client had been silent for {}{}",
                words::span_ms(sent),
                words::span_ms(heard),
                idle::known(heard)
            ),
            format!("{} lsndtime rcv_tstamp", fact.cite),
        ),
        _ => Finding::blind(
            "how long the connection had been silent is not known",
            "kernel:inet_sock_set_state",
        ),
    }
}

fn closer_was_dying(dossier: &Dossier) -> Finding {
    dying::had_ended(dossier, |_| true)
}
