use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::gone::{self, Past};
use crate::{ask, wire, words};

pub static NAT_STATE_LOST: Cause = Cause {
    id: "nat-state-lost",
    group: Group::Between,
    summary: "a NAT box had lost or refused its entry for the connection, and a host answered what it did not know",
    kernel: &["NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a segment of the connection met no connection",
            Certainty::Possible,
            gone::met_no_connection,
        ),
        need(
            "connection tracking had forgotten how to translate it",
            Certainty::Unknown,
            entry_was_gone,
        ),
    ],
    excludes: &[need(
        "the answering kernel had had this connection itself",
        Certainty::Certain,
        was_its_own,
    )],
    explains: EXPLAINS,
    sentence: untranslated,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[MISSING],
        excludes: &[need(
            "something about it is foreign to any host",
            Certainty::Likely,
            wire::copies_or_guesses,
        )],
        explains: &["connection-forgotten", "no-listener", "idle-timeout"],
        sentence: on_the_wire,
        situations: &[],
    }),
    text: include_str!("nat_state_lost.md"),
};

const MISSING: Requirement = need(
    "a translation between the two ends was missing",
    Certainty::Possible,
    wire::translation_missing,
);

const EXPLAINS: &[&str] = &["connection-forgotten", "firewall-reject", "no-listener"];

fn sentence(dossier: &Dossier) -> String {
    format!(
        "a segment came to {} with an address that should have been translated; it belongs to another connection of the same port, and its kernel does not know it under that address",
        words::sender(dossier)
    )
}

fn on_the_wire(dossier: &Dossier) -> String {
    let at_the_box = dossier.passed().is_some_and(|(_, passed)| !passed.untranslated);
    if at_the_box {
        return format!(
            "the box that translates {}'s address no longer knew the connection, and answered for itself",
            words::sender(dossier)
        );
    }
    sentence(dossier)
}

fn untranslated(dossier: &Dossier) -> String {
    let Some((fact, gone)) = dossier.translation() else {
        return sentence(dossier);
    };
    let ago = words::span(dossier.time().since(fact.at));
    let how = match (&gone.by, gone.asked) {
        (Some(by), _) => format!("{by} had the entry removed {ago} before"),
        (None, true) => format!("somebody had the entry removed {ago} before"),
        (None, false) => "its entry had run out".to_owned(),
    };
    let (from, to) = gone.other;
    let (opener, met) = if gone.reply { (from, to) } else { (to, from) };
    format!(
        "connection tracking no longer knew how to translate the connection that {opener} has with {met}: {how}, and what came untranslated met a kernel that knows no such connection"
    )
}

fn entry_was_gone(dossier: &Dossier) -> Finding {
    let Some((fact, gone)) = dossier
        .translation()
        .filter(|(fact, _)| fact.at <= dossier.time())
    else {
        return match dossier.from() {
            Some(_) if dossier.has_reset() => Finding::absent(
                "no translation of these addresses was seen to end",
                "kernel:ctnetlink IPCT_DESTROY",
            ),
            _ => ask::no_reset(),
        };
    };
    let lasts = match gone.timeout_ms {
        0 => String::new(),
        ms => format!("; such an entry lasts {} without a packet", words::span_ms(ms)),
    };
    let why = match (&gone.by, gone.asked) {
        (Some(by), _) => format!("removed by {by}"),
        (None, true) => "removed on request".to_owned(),
        (None, false) => "and nobody had asked for that".to_owned(),
    };
    Finding::seen(
        format!(
            "the entry that translated {} -> {} was {} when it went, {why}{lasts}",
            gone.other.0,
            gone.other.1,
            gone.state_name()
        ),
        &*fact.cite,
    )
}

fn was_its_own(dossier: &Dossier) -> Finding {
    let (Some(side), Some((gone, _))) = (dossier.from(), dossier.translation()) else {
        return ask::no_reset();
    };
    match gone::past(dossier, side) {
        Past::Failed(fact, ended, _) | Past::Closed(fact, ended, _) | Past::Ended(fact, ended) => {
            Finding::when(
                fact.at > gone.at,
                format!("the {side}'s socket had ended {} -> {}", ended.from, ended.to),
                &*fact.cite,
            )
        }
        Past::Nothing => Finding::absent(
            format!("no end of a socket of the {side} was seen"),
            "kernel:inet_sock_set_state",
        ),
    }
}
