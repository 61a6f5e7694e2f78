use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Teller};

use crate::cause::{Accuse, Cause, From, Group, Rules, Situation, need};
use crate::{ask, wire, words};

pub static MPTCP_SUBFLOW: Cause = Cause {
    id: "mptcp-subflow",
    group: Group::Protocol,
    summary: "Multipath TCP gave up or refused one of its subflows",
    kernel: &[
        "MPTCP_RST_EUNSPEC",
        "MPTCP_RST_EMPTCP",
        "MPTCP_RST_ERESOURCE",
        "MPTCP_RST_EPROHIBIT",
        "MPTCP_RST_EWQ2BIG",
        "MPTCP_RST_EBADPERF",
        "MPTCP_RST_EMIDDLEBOX",
    ],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[need(
        "the kernel's reason is one of Multipath TCP's own",
        Certainty::Possible,
        own_reason,
    )],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{}'s Multipath TCP dropped this subflow: {}",
            words::sender(dossier),
            code(dossier).map_or("its reason is not known", meaning)
        )
    },
    situations: &[Situation {
        id: "join-refused",
        check: join_refused,
        benign: true,
        fix: &[],
    }],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[need(
            "the reset bears an MP_TCPRST option",
            Certainty::Possible,
            subflow_reset,
        )],
        excludes: &[],
        explains: &[],
        sentence: |dossier| {
            let why = dossier.passed().and_then(|(_, passed)| passed.told.as_ref());
            format!(
                "{} ended one path of a Multipath TCP session: {}",
                words::sender(dossier),
                why.map_or("no reason", |told| told.text.as_str())
            )
        },
        situations: &[],
    }),
    text: include_str!("mptcp_subflow.md"),
};

fn code(dossier: &Dossier) -> Option<&str> {
    let (_, sent) = dossier.sent()?;
    sent.reason.as_deref()?.strip_prefix("MPTCP_RST_")
}

fn join_refused(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, _, trigger| {
        let refused = matches!(code(dossier), Some("EPROHIBIT" | "ERESOURCE"));
        Finding::when(
            refused && trigger.len == 0,
            "one more path was refused; the session goes on over those it has",
            &*fact.cite,
        )
    })
}

/// The reset reasons of RFC 8684 §3.6.
fn meaning(code: &str) -> &'static str {
    match code {
        "EMPTCP" => "the Multipath TCP signalling was wrong",
        "ERESOURCE" => "it lacked the resources for one more subflow",
        "EPROHIBIT" => "its own policy allows no more subflows",
        "EWQ2BIG" => "too much data waited unacknowledged",
        "EBADPERF" => "the subflow performed too badly",
        "EMIDDLEBOX" => "a box on the path had altered Multipath TCP's options",
        _ => "it gave no particular reason",
    }
}

fn own_reason(dossier: &Dossier) -> Finding {
    let Some((fact, sent)) = dossier.sent() else {
        return Finding::absent("no reset was seen at its sender", "kernel:tcp_send_reset");
    };
    let mptcp = sent.socket.as_ref().is_some_and(|socket| socket.mptcp);
    match sent.reason.as_deref() {
        Some(reason) if reason.starts_with("MPTCP_RST_") => {
            Finding::seen(format!("the kernel's reason is {reason}"), &*fact.cite)
        }
        Some(reason) if reason != "NOT_SPECIFIED" => {
            Finding::absent(format!("the kernel's reason is {reason}"), &*fact.cite)
        }
        _ if mptcp => Finding::blind(
            "this kernel does not say why Multipath TCP reset the subflow",
            "Linux 6.12 or newer says it",
        ),
        _ => Finding::absent("the socket was no subflow of Multipath TCP", &*fact.cite),
    }
}

fn subflow_reset(dossier: &Dossier) -> Finding {
    wire::told(dossier, |by, _| by == Teller::Mptcp)
}
