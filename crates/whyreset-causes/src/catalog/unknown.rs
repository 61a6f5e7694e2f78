use whyreset_evidence::{Certainty, Party};

use crate::cause::{Accuse, Cause, From, Group};
use crate::words;

pub static UNKNOWN: Cause = Cause {
    id: "unknown",
    group: Group::Protocol,
    summary: "what was seen does not prove one cause",
    kernel: &[],
    party: Party::Unknown,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Unknown,
    requires: &[],
    excludes: &[],
    explains: &[],
    sentence: |dossier| match (dossier.sent(), dossier.from()) {
        (Some(_), Some(side)) => {
            format!("the {side}'s kernel sent the reset; what was seen does not prove why")
        }
        _ => format!(
            "a reset in the name of {} arrived; why it was sent cannot be seen from here",
            words::sender(dossier)
        ),
    },
    situations: &[],
    text: include_str!("unknown.md"),
};
