use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Party, Speaks};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, need};
use crate::{wire, words};

const REQUIRES: &[Requirement] = &[need(
    "the two ends speak different protocols",
    Certainty::Possible,
    wire::protocols_differ,
)];

pub static WRONG_PROTOCOL: Cause = Cause {
    id: "wrong-protocol",
    group: Group::Protocol,
    summary: "the client spoke another protocol than the port expects: TLS to a plain port, or plain text to TLS",
    kernel: &[],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Likely,
    requires: REQUIRES,
    excludes: wire::NOT_FOREIGN,
    explains: EXPLAINS,
    sentence,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: REQUIRES,
        excludes: wire::NOT_FOREIGN,
        explains: EXPLAINS,
        sentence,
        situations: &[],
    }),
    text: include_str!("wrong_protocol.md"),
};

const EXPLAINS: &[&str] = &["unread-data", "linger-abort", "write-after-close"];

fn sentence(dossier: &Dossier) -> String {
    let speaks = dossier.passed().map(|(_, passed)| match dossier.from() {
        Some(whyreset_evidence::Side::Client) => (passed.own.speaks, passed.other.speaks),
        _ => (passed.other.speaks, passed.own.speaks),
    });
    let name = |speaks: Option<Speaks>| speaks.map_or("something else", Speaks::protocol);
    let (client, server) = speaks.unwrap_or_default();
    format!(
        "the client spoke {} to port {}, which speaks {}; {} gave up",
        name(client),
        dossier.flow.server.port(),
        name(server),
        words::sender(dossier)
    )
}
