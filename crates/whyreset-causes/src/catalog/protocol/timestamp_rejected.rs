use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use super::bad_syn_ack::refused_answer;
use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

pub static TIMESTAMP_REJECTED: Cause = Cause {
    id: "timestamp-rejected",
    group: Group::Protocol,
    summary: "the answer to a SYN echoed a timestamp that this connect() never sent",
    kernel: &["TCP_RFC7323_PAWS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a connecting socket refused the answer to its SYN",
            Certainty::Unknown,
            refused_answer,
        ),
        need(
            "the timestamp was what it refused",
            Certainty::Possible,
            wrong_timestamp,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{} got a SYN-ACK from {} that echoes a timestamp it never sent",
            words::sender(dossier),
            words::receiver(dossier)
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[need(
            "the segment that drew it bore an older timestamp",
            Certainty::Possible,
            wire::old_timestamp,
        )],
        excludes: wire::NOT_FOREIGN,
        explains: &[],
        sentence: |dossier| {
            format!(
                "{} refused a segment with a timestamp older than the last",
                words::sender(dossier)
            )
        },
        situations: &[],
    }),
    text: include_str!("timestamp_rejected.md"),
};

fn wrong_timestamp(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, _| match sent.reason.as_deref() {
        Some(reason @ "TCP_RFC7323_PAWS") => {
            Finding::seen(format!("the kernel's reason is {reason}"), &*fact.cite)
        }
        Some(reason) if reason != "NOT_SPECIFIED" => {
            Finding::absent(format!("the kernel's reason is {reason}"), &*fact.cite)
        }
        _ => Finding::blind(
            "this kernel does not say whether the acknowledgment or the timestamp was wrong",
            "Linux 6.10 or newer says it, or PAWSActive in `nstat -az`",
        ),
    })
}
