use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Party};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::{wire, words};

const REQUIRES: &[Requirement] = &[
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

pub static KEEPALIVE_RACE: Cause = Cause {
    id: "keepalive-race",
    group: Group::Expired,
    summary: "a request crossed the server's close of an idle connection on the wire",
    kernel: &[],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Likely,
    requires: REQUIRES,
    excludes: wire::NOT_FOREIGN,
    explains: &["write-after-close"],
    sentence,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: REQUIRES,
        excludes: wire::NOT_FOREIGN,
        explains: &["write-after-close"],
        sentence,
        situations: &[],
    }),
    text: include_str!("keepalive_race.md"),
};

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
