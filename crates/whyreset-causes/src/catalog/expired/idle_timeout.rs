use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Reason, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::{ask, filter, wire, words};

const PASSED: &[Requirement] = &[need(
    "the connection was ended after a silence that a timer explains",
    Certainty::Possible,
    silent_or_told,
)];

const NOT_PASSED: &[Requirement] = &[
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
    requires: &[
        need(
            "a reset came from an end whose kernel is not seen from here",
            Certainty::Unknown,
            from_afar,
        ),
        need(
            "the connection was open, and no FIN had come",
            Certainty::Unknown,
            was_open,
        ),
        need(
            "the connection was ended after a silence that a timer explains",
            Certainty::Unknown,
            wire::silence_is_a_timer,
        ),
    ],
    excludes: &[need(
        "a packet filter on this host made it",
        Certainty::Likely,
        filter::intervened,
    )],
    explains: EXPLAINS,
    sentence,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: PASSED,
        excludes: NOT_PASSED,
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
    let silence = dossier.silence_ms().unwrap_or(0);
    let name = words::sender(dossier);
    let after = words::span_ms(silence);
    if told_idle(dossier).is_seen() {
        return format!(
            "{name}, or what answers for it, gave the connection up after {after} of silence, and says so"
        );
    }
    format!("{name}, or what answers for it, no longer had the connection after {after} of silence")
}

/// A kernel that is watched says itself why it resets.
fn from_afar(dossier: &Dossier) -> Finding {
    match (dossier.received(), dossier.from()) {
        (Some((fact, _)), Some(side)) => Finding::when(
            dossier.sent().is_none() && !dossier.watches(side),
            if dossier.watches(side) {
                format!("the {side}'s own kernel is watched")
            } else {
                format!("it came in the name of {}", dossier.flow.addr(side))
            },
            &*fact.cite,
        ),
        _ => ask::no_reset(),
    }
}

fn was_open(dossier: &Dossier) -> Finding {
    ask::receiver(dossier, |fact, socket| {
        Finding::when(
            socket.state == TcpState::Established,
            format!("the receiver's socket was in {}", socket.state),
            &*fact.cite,
        )
    })
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
