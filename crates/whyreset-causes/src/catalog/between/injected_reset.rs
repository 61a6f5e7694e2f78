use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::ToString;

use whyreset_evidence::{Certainty, Dossier, Fact, Finding, Party, Received, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, filter, wire, words};

pub static INJECTED_RESET: Cause = Cause {
    id: "injected-reset",
    group: Group::Between,
    summary: "something that is neither end sent a reset in an end's name",
    kernel: &[],
    party: Party::Middlebox,
    from: From::Between,
    accuse: Accuse::Nobody,
    at_most: Certainty::Likely,
    requires: &[
        need(
            "a reset arrived for a live connection",
            Certainty::Possible,
            arrived,
        ),
        need(
            "the end in whose name it came did not send it",
            Certainty::Possible,
            not_sent_by_its_name,
        ),
    ],
    excludes: &[need(
        "a packet filter dropped a segment of the connection right then",
        Certainty::Likely,
        filter::intervened,
    )],
    explains: &[],
    sentence: |dossier| {
        let name = words::sender(dossier);
        let outcome = match (dossier.received(), dossier.refused_reset()) {
            (None, Some(_)) => "; the receiver's kernel refused it",
            _ => "",
        };
        if let Some(guesses) = guesses(dossier) {
            return format!(
                "a reset came in {name}'s name, and right after it {guesses} more with numbers further and further ahead: somebody guessed{outcome}"
            );
        }
        match (not_sent_by_its_name(dossier).is_seen(), hops(dossier)) {
            (true, Some((reset, handshake))) => format!(
                "a reset in {name}'s name came with TTL {reset} where its handshake had {handshake}{outcome}"
            ),
            (true, None) => {
                let side = dossier.from();
                let on = side.is_some_and(|side| dossier.went_on(side).is_some());
                let proof = if on {
                    format!("{name} went on with the connection")
                } else {
                    format!("{name}'s kernel sent none")
                };
                format!("a reset came in {name}'s name, and {proof}{outcome}")
            }
            (false, _) => {
                format!("a reset came in {name}'s name that {name} may not have sent{outcome}")
            }
        }
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Certain,
        requires: &[
            need(
                "something about it shows that its name did not send it",
                Certainty::Possible,
                wire::forged,
            ),
            need(
                "a capture at its name shows that it was not sent there",
                Certainty::Likely,
                wire::never_sent,
            ),
            need(
                "the end whose name it bears went on there, or sent none of many",
                Certainty::Likely,
                wire::name_went_on,
            ),
        ],
        excludes: &[need(
            "it has the shape of a filter's answer and nothing else speaks against it",
            Certainty::Likely,
            wire::only_a_filter,
        )],
        explains: &[],
        sentence: |dossier| {
            let sign = dossier.passed().and_then(|(_, passed)| {
                passed
                    .signs
                    .iter()
                    .find(|sign| sign.is_strong() || sign.is_distance())
                    .map(ToString::to_string)
            });
            match sign {
                Some(sign) => format!(
                    "the reset in {}'s name was made by something else: {sign}",
                    words::sender(dossier)
                ),
                None => format!(
                    "the reset in {}'s name was made by something else",
                    words::sender(dossier)
                ),
            }
        },
        situations: &[],
    }),
    text: include_str!("injected_reset.md"),
};

/// Guesses that are not taken for data that was lost before a host's own reset.
const ENOUGH: u32 = 2;

fn decisive(dossier: &Dossier) -> Option<(&Fact, &Received)> {
    dossier.received().or_else(|| dossier.refused_reset())
}

fn arrived(dossier: &Dossier) -> Finding {
    let Some((fact, received)) = decisive(dossier) else {
        return Finding::absent("no reset was received", "kernel:tcp_receive_reset");
    };
    if let (None, Some((standing, state))) = (
        &received.socket,
        fact.side.and_then(|side| dossier.standing(side)),
    ) {
        return Finding::seen(
            format!("the reset came for a connection in {state} and was refused"),
            format!("{}, {}", fact.cite, standing.cite),
        );
    }
    let socket = received.socket.as_ref();
    let live = socket.is_some_and(|s| s.state.is_synchronised() || s.state == TcpState::SynSent);
    let what = match (socket, received.accepted) {
        (None, _) => "the reset met no connection".to_owned(),
        (Some(socket), true) => format!("the reset ended a connection in {}", socket.state),
        (Some(socket), false) => {
            format!(
                "the reset came for a connection in {} and was refused",
                socket.state
            )
        }
    };
    Finding::when(live, what, &*fact.cite)
}

/// The reset's TTL (or hop limit) and the handshake's, where they differ by more than a hop.
fn hops(dossier: &Dossier) -> Option<(u8, u8)> {
    let (_, received) = dossier.received()?;
    let reset = received.header.as_ref()?.ttl;
    let handshake = received.socket.as_ref()?.handshake_ttl?;
    // A path may grow or shrink by a hop on its way.
    (reset != 0 && reset.abs_diff(handshake) > 1).then_some((reset, handshake))
}

/// Resets beside it that no host sends: a reset that answers has the number that was acknowledged to it,
/// and one that ends a connection has one number.
fn guesses(dossier: &Dossier) -> Option<u32> {
    let (_, received) = decisive(dossier).filter(|_| dossier.sent().is_none())?;
    (received.guesses >= ENOUGH).then_some(received.guesses)
}

fn not_sent_by_its_name(dossier: &Dossier) -> Finding {
    if let (Some((fact, _)), Some(guesses)) = (decisive(dossier), guesses(dossier)) {
        return Finding::seen(
            format!("{guesses} more resets came with it, each with a number further ahead"),
            &*fact.cite,
        );
    }
    if let (Some((fact, _)), None, Some((reset, handshake))) =
        (decisive(dossier), dossier.sent(), hops(dossier))
    {
        return Finding::seen(
            format!("the reset's TTL is {reset}, the handshake's was {handshake}"),
            &*fact.cite,
        );
    }
    if let (None, Some(side)) = (dossier.sent(), dossier.from()) {
        if let Some((fact, segment)) = dossier.went_on(side) {
            return Finding::seen(
                format!("the {side} went on after it with {}", words::segment(segment)),
                &*fact.cite,
            );
        }
        if let Some((fact, state)) = dossier.standing(side) {
            return Finding::seen(
                format!("the {side}'s socket is on this host, and still in {state}"),
                &*fact.cite,
            );
        }
    }
    match (dossier.sent(), dossier.from()) {
        (Some((fact, _)), Some(side)) => {
            Finding::absent(format!("the {side}'s own kernel sent the reset"), &*fact.cite)
        }
        _ => match ask::was_sent(dossier) {
            Finding::Absent { what, cite } if dossier.has_reset() => Finding::seen(what, cite),
            other => other,
        },
    }
}
