use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, Situation, need};
use crate::gone;
use crate::{ask, words};

pub static TIME_WAIT_OVERFLOW: Cause = Cause {
    id: "time-wait-overflow",
    group: Group::Exhausted,
    summary: "a closed connection found no place in TIME_WAIT and was forgotten before the other end's FIN",
    kernel: &["NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Closer,
    // `ss -K` ends a connection in TIME_WAIT too, and nothing tells of that.
    at_most: Certainty::Likely,
    requires: &[
        need(
            "the other end's FIN came after the close, and met no connection",
            Certainty::Unknown,
            gone::forgot_before_the_fin,
        ),
        need(
            "no wait for it could have been over",
            Certainty::Possible,
            too_soon,
        ),
        need(
            "the kernel answered it with a reset",
            Certainty::Possible,
            ask::was_sent,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let ago = gone::closed_ago(dossier).unwrap_or_default();
        format!(
            "{} had closed its end; the kernel kept no place in TIME_WAIT for it, and answered the FIN that {} sent {} later with a reset",
            words::accused(dossier, &TIME_WAIT_OVERFLOW),
            words::receiver(dossier),
            words::span(ago)
        )
    },
    situations: &[AFTER_GOODBYE],
    wire: None,
    text: include_str!("time_wait_overflow.md"),
};

const AFTER_GOODBYE: Situation = Situation {
    id: "after-goodbye",
    check: all_had_arrived,
    benign: true,
    fix: &["nothing needs fixing for this connection: both ends had closed, and all data had arrived"],
};

/// A FIN in its order tells that all of its sender's data had come; where it acknowledges the other
/// one, all that went the other way had come, too.
fn all_had_arrived(dossier: &Dossier) -> Finding {
    let fin = dossier
        .from()
        .and_then(|side| dossier.closed_by(side))
        .and_then(|(_, ended)| ended.fin_seq);
    let Some(fin) = fin else {
        return Finding::blind(
            "the number of its own FIN is not known",
            "kernel:inet_sock_set_state write_seq",
        );
    };
    ask::reply(dossier, |fact, _, trigger| {
        let all = trigger.ack == fin.wrapping_add(1);
        let what = if all {
            "the FIN acknowledges the other one, and all data"
        } else {
            "the FIN does not acknowledge the other one"
        };
        Finding::when(all, what, &*fact.cite)
    })
}

fn too_soon(dossier: &Dossier) -> Finding {
    match gone::waited_for_the_fin(dossier) {
        Finding::Seen { what, cite } => Finding::absent(what, cite),
        Finding::Absent { what, cite } => Finding::seen(what, cite),
        blind @ Finding::Blind { .. } => blind,
    }
}
