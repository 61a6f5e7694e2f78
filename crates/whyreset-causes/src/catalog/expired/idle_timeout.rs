use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Reason};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::{wire, words};

const REQUIRES: &[Requirement] = &[need(
    "the connection was ended after a silence that a timer explains",
    Certainty::Possible,
    silent_or_told,
)];

const EXCLUDES: &[Requirement] = &[
    need(
        "the sender had sent a FIN before",
        Certainty::Likely,
        wire::own_fin,
    ),
    need(
        "its keep-alive probes had stayed unanswered",
        Certainty::Likely,
        wire::probed_in_vain,
    ),
    need(
        "it had retransmitted in vain",
        Certainty::Likely,
        wire::retransmitted_in_vain,
    ),
    need(
        "something about the reset shows that its name did not send it",
        Certainty::Likely,
        copied,
    ),
];

pub static IDLE_TIMEOUT: Cause = Cause {
    id: "idle-timeout",
    group: Group::Expired,
    summary: "a program, a balancer or a firewall dropped a connection that had been idle too long",
    kernel: &[],
    party: Party::Unknown,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Likely,
    requires: REQUIRES,
    excludes: EXCLUDES,
    explains: EXPLAINS,
    sentence,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: REQUIRES,
        excludes: EXCLUDES,
        explains: EXPLAINS,
        sentence,
        situations: &[],
    }),
    text: include_str!("idle_timeout.md"),
};

const EXPLAINS: &[&str] = &[
    "linger-abort",
    "unread-data",
    "connection-forgotten",
    "firewall-reject",
    "injected-reset",
];

fn sentence(dossier: &Dossier) -> String {
    let silence = dossier.passed().map_or(0, |(_, passed)| passed.silence_ms);
    let name = words::sender(dossier);
    let after = words::span_ms(silence);
    if told_idle(dossier).is_seen() {
        return format!(
            "{name}, or what answers for it, gave the connection up after {after} of silence, and says so"
        );
    }
    format!("{name}, or what answers for it, no longer had the connection after {after} of silence")
}

fn told_idle(dossier: &Dossier) -> Finding {
    wire::told(dossier, |_, reason| reason == Reason::Idle)
}

fn silent_or_told(dossier: &Dossier) -> Finding {
    match told_idle(dossier) {
        seen @ Finding::Seen { .. } => seen,
        _ => wire::silence_is_a_timer(dossier),
    }
}

/// A box that keeps the timer may well stand elsewhere; one that copies packets is no timer.
fn copied(dossier: &Dossier) -> Finding {
    match told_idle(dossier) {
        Finding::Seen { what, cite } => Finding::absent(what, cite),
        _ => wire::copies_or_guesses(dossier),
    }
}
