use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Party};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::{wire, words};

const REQUIRES: &[Requirement] = &[need(
    "a translation between the two ends was missing",
    Certainty::Possible,
    wire::translation_missing,
)];

pub static NAT_STATE_LOST: Cause = Cause {
    id: "nat-state-lost",
    group: Group::Between,
    summary: "a NAT box had lost or refused its entry for the connection, and a host answered what it did not know",
    kernel: &[],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Likely,
    requires: REQUIRES,
    excludes: &[],
    explains: EXPLAINS,
    sentence,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: REQUIRES,
        excludes: &[],
        explains: EXPLAINS,
        sentence,
        situations: &[],
    }),
    text: include_str!("nat_state_lost.md"),
};

const EXPLAINS: &[&str] = &["connection-forgotten", "firewall-reject", "no-listener"];

fn sentence(dossier: &Dossier) -> String {
    format!(
        "a segment came to {} with an address that should have been translated; it belongs to another connection of the same port, and its kernel does not know it under that address",
        words::sender(dossier)
    )
}
