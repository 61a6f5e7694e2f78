use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use whyreset_evidence::{Certainty, Dossier, Errno, Join, Party, Shape, Socket, Stage};

use crate::cause::{Accuse, Cause, From, Group, Rules};
use crate::gone::{self, Past};
use crate::words;

/// What is said where nothing is proved. It is no cause and not part of the list.
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
    sentence,
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Unknown,
        requires: &[],
        excludes: &[],
        explains: &[],
        sentence: wire_sentence,
        situations: &[],
    }),
    text: include_str!("unknown.md"),
};

fn sentence(dossier: &Dossier) -> String {
    let name = words::sender(dossier);
    if !dossier.has_reset() {
        return match dossier.from().and_then(|side| dossier.errno(side)) {
            Some(errno) => format!("{name}'s socket was left with {errno} and no reset was seen"),
            None => "no reset was seen, and no error".to_owned(),
        };
    }
    if let Some(earlier) = reaction(dossier) {
        return earlier;
    }
    if dossier.sent().is_some() {
        return format!("{name}'s kernel sent the reset; what was seen does not prove why");
    }
    let circumstances = match (dossier.received(), dossier.refused_reset()) {
        (Some((_, received)), _) => received.socket.as_ref().map(circumstances),
        (None, Some(_)) => Some(" and was refused".to_owned()),
        (None, None) => None,
    };
    format!(
        "a reset in {name}'s name arrived{}; why it was sent cannot be seen from here",
        circumstances.unwrap_or_default()
    )
}

/// The reset tells the other end of one that had come before.
fn reaction(dossier: &Dossier) -> Option<String> {
    let (_, sent) = dossier.sent()?;
    let side = dossier.from().filter(|_| gone::meets_no_connection(sent))?;
    match gone::past(dossier, side) {
        Past::Failed(fact, _, Errno::ConnReset | Errno::Pipe) => Some(format!(
            "the {side}'s connection had ended {} before by a reset in the {}'s name, which still sent {} on it; this reset only answers that",
            words::span(dossier.time().since(fact.at)),
            side.other(),
            sent.trigger
                .as_ref()
                .map_or("a segment".to_owned(), words::payload)
        )),
        _ => None,
    }
}

/// ` after 3.5 s of silence, with 120 bytes not acknowledged`.
fn circumstances(socket: &Socket) -> String {
    let silence = socket.heard_ago_ms.map_or(String::new(), |ms| {
        format!(" after {} of silence", words::span_ms(ms))
    });
    let bytes = |n: u64, what: &str| (n > 0).then(|| format!("{} {what}", words::counted(n, "byte")));
    let outstanding = [
        bytes(socket.unacked.into(), "not acknowledged"),
        bytes(socket.unsent.into(), "not yet sent"),
        bytes(socket.unread.into(), "received and not yet read"),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ");
    match outstanding.as_str() {
        "" => silence,
        outstanding => format!("{silence}, with {outstanding}"),
    }
}

fn wire_sentence(dossier: &Dossier) -> String {
    let name = words::sender(dossier);
    let Some((_, passed)) = dossier.passed() else {
        return "no reset passed".to_owned();
    };
    if passed.join == Join::NeverArrived {
        return format!(
            "a reset in {name}'s name was sent and never arrived; what was captured does not prove why it was sent"
        );
    }
    if passed.stage == Stage::Unknown {
        return format!(
            "a reset in {name}'s name passed, and nothing of its connection was captured before it"
        );
    }
    let how = match passed.shape {
        Shape::Active => "whoever sent it had the connection",
        Shape::Reply => "whoever sent it had no such connection any more",
        Shape::Refusal => "it refuses a SYN",
        Shape::Odd => "its numbers fit nothing that was captured",
    };
    format!("a reset in {name}'s name passed ({how}); what was captured does not prove why it was sent")
}
