use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Flags, Party, Side, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::gone::{self, Past};
use crate::pattern::dropped_in_silence;
use crate::{ask, wire, words};

pub static ACCEPT_QUEUE_OVERFLOW: Cause = Cause {
    id: "accept-queue-overflow",
    group: Group::Exhausted,
    summary: "the listener's accept queue was full when the handshake was to end",
    kernel: &["INVALID_SYN", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Owner,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the listener answered a segment that is no SYN",
            Certainty::Unknown,
            by_listener,
        ),
        need(
            "its accept queue was over its limit",
            Certainty::Unknown,
            over_limit,
        ),
        need(
            "the connection had never got further",
            Certainty::Likely,
            no_earlier_end,
        ),
        need(
            "the kernel took the segment for the end of a handshake",
            Certainty::Likely,
            last_ack_of_handshake,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &ACCEPT_QUEUE_OVERFLOW);
        if let Some((fact, _)) = dropped_in_silence(dossier) {
            return format!(
                "{who} did not accept fast enough: the kernel dropped the end of this handshake {} ago, and the client's {} met no connection",
                words::span(dossier.time().since(fact.at)),
                dossier
                    .sent()
                    .and_then(|(_, sent)| sent.trigger.as_ref())
                    .map_or("segment".to_owned(), words::payload)
            );
        }
        let socket = dossier.sent().and_then(|(_, sent)| sent.socket.as_ref());
        let (waiting, limit) = socket.map_or((0, 0), |s| (s.backlog, s.max_backlog));
        format!(
            "{who} did not accept fast enough: {} waited on port {} where {} may, and tcp_abort_on_overflow made the kernel reset this one",
            words::counted(waiting.into(), "connection"),
            dossier.flow.server.port(),
            words::count(limit.into())
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[
            need(
                "the server answered the end of the handshake, or what followed it, with a reset",
                Certainty::Possible,
                handshake_end_was_reset,
            ),
            need(
                "the server had never acknowledged anything after its SYN-ACK",
                Certainty::Possible,
                wire::never_past_its_handshake,
            ),
        ],
        excludes: &[
            need(
                "the reset told another reason",
                Certainty::Likely,
                wire::told_otherwise,
            ),
            need(
                "something about the reset shows that its name did not send it",
                Certainty::Likely,
                wire::foreign,
            ),
            need(
                "it came from another distance than its name's segments",
                Certainty::Likely,
                wire::distant,
            ),
            need(
                "the numbers were never valid",
                Certainty::Likely,
                wire::foreign_numbers,
            ),
        ],
        explains: &[],
        sentence: |dossier| {
            let repeats = dossier.passed().map_or(0, |(_, passed)| passed.own.syn_repeats);
            let how = if repeats > 0 {
                format!(
                    " and repeated its SYN-ACK {}",
                    words::counted(repeats.into(), "time")
                )
            } else {
                String::new()
            };
            format!(
                "the server answered the handshake{how}, and then did not know the connection: its accept queue was full, or its half-open entry lost"
            )
        },
        situations: &[],
    }),
    text: include_str!("accept_queue_overflow.md"),
};

pub(super) fn by_listener(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, trigger| {
        let listens = sent.socket.as_ref().is_some_and(|s| s.state == TcpState::Listen);
        let holds = listens && !trigger.flags.is_open() && dossier.from() == Some(Side::Server);
        let by = if listens { "the listener" } else { "no listener" };
        Finding::when(
            holds,
            format!("{by} answered {}", words::segment(trigger)),
            &*fact.cite,
        )
    })
}

pub(super) fn over_limit(dossier: &Dossier) -> Finding {
    if let Some((fact, _)) = dropped_in_silence(dossier) {
        return Finding::seen(
            format!(
                "the end of this handshake was dropped {} before: the accept queue was full",
                words::span(dossier.time().since(fact.at))
            ),
            &*fact.cite,
        );
    }
    ask::reply(dossier, |fact, sent, _| {
        let (waiting, limit) = sent
            .socket
            .as_ref()
            .map_or((0, 0), |s| (s.backlog, s.max_backlog));
        Finding::when(
            waiting > limit,
            format!("{waiting} connections waited in an accept queue for {limit}"),
            format!(
                "{} sk_ack_backlog={waiting} sk_max_ack_backlog={limit}",
                fact.cite
            ),
        )
    })
}

pub(super) fn no_earlier_end(dossier: &Dossier) -> Finding {
    // The end of a handshake has no past, however young the watch is.
    if let (Past::Nothing, Finding::Seen { cite, .. }) =
        (gone::past(dossier, Side::Server), last_ack_of_handshake(dossier))
    {
        return Finding::seen("no end of the server's socket was seen before", cite);
    }
    match gone::past(dossier, Side::Server) {
        Past::Nothing => match gone::never_seen(dossier, Side::Server) {
            Finding::Absent { what, cite } => Finding::seen(what, cite),
            blind => blind,
        },
        Past::Failed(fact, ended, _) | Past::Closed(fact, ended, _) | Past::Ended(fact, ended) => {
            Finding::absent(
                format!("the server's socket had ended {} -> {}", ended.from, ended.to),
                &*fact.cite,
            )
        }
    }
}

/// Only the kernel's word tells a handshake's last ACK from a segment of a connection that it
/// does not know, and it comes with Linux 6.10.
pub(super) fn last_ack_of_handshake(dossier: &Dossier) -> Finding {
    if dropped_in_silence(dossier).is_some() {
        return over_limit(dossier);
    }
    ask::reply(dossier, |fact, sent, _| match sent.reason.as_deref() {
        Some(reason @ "INVALID_SYN") => {
            Finding::seen(format!("the kernel's reason is {reason}"), &*fact.cite)
        }
        Some(reason) if reason != "NOT_SPECIFIED" => {
            Finding::absent(format!("the kernel's reason is {reason}"), &*fact.cite)
        }
        _ => Finding::blind(
            "this kernel does not give its reason for a reset",
            "Linux 6.10 or newer, or ListenOverflows in `nstat -az` going up",
        ),
    })
}

fn handshake_end_was_reset(dossier: &Dossier) -> Finding {
    wire::drawn(dossier, |fact, _, trigger| {
        Finding::when(
            dossier.from() == Some(Side::Server) && !trigger.flags.has(Flags::SYN),
            format!("the reset answers {}", words::segment(trigger)),
            &*fact.cite,
        )
    })
}
