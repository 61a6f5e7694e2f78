use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

pub static LINGER2_ABORT: Cause = Cause {
    id: "linger2-abort",
    group: Group::Closed,
    summary: "a program closed its socket with TCP_LINGER2 below 0, which asks for a reset in place of FIN_WAIT2",
    kernel: &["TCP_ABORT_ON_LINGER", "TCP_ABORT_ON_DATA"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need("the connection was open", Certainty::Unknown, ask::was_open),
        need("TCP_LINGER2 was negative", Certainty::Unknown, negative),
        need(
            "the closed socket had come to FIN_WAIT2",
            Certainty::Unknown,
            came_to_fin_wait2,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{} closed the socket with TCP_LINGER2 below 0, so the kernel reset it instead of waiting for {}'s FIN",
            words::accused(dossier, &LINGER2_ABORT),
            words::receiver(dossier)
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[
            need(
                "the sender of the reset had sent a FIN before",
                Certainty::Possible,
                wire::own_fin,
            ),
            need(
                "the reset answers the word that this had arrived, and nothing else had come",
                Certainty::Possible,
                wire::only_the_fin_was_acknowledged,
            ),
        ],
        excludes: wire::NOT_FOREIGN,
        explains: &[],
        sentence: |dossier| {
            format!(
                "{} had closed its end, and reset the connection when {} acknowledged that: TCP_LINGER2 below 0, or no room for closed sockets",
                words::sender(dossier),
                words::receiver(dossier)
            )
        },
        situations: &[],
    }),
    text: include_str!("linger2_abort.md"),
};

fn negative(dossier: &Dossier) -> Finding {
    let Some((fact, sent)) = dossier.sent() else {
        return ask::was_sent(dossier);
    };
    let holds = sent.socket.as_ref().is_some_and(|socket| socket.linger2_negative);
    let what = if holds {
        "TCP_LINGER2 was below 0"
    } else {
        "TCP_LINGER2 was not below 0"
    };
    Finding::when(holds, what, &*fact.cite)
}

fn came_to_fin_wait2(dossier: &Dossier) -> Finding {
    let Some((fact, sent)) = dossier.sent() else {
        return ask::was_sent(dossier);
    };
    let orphan = sent
        .socket
        .as_ref()
        .is_some_and(|socket| socket.state == TcpState::Close && socket.dead);
    match &sent.trigger {
        Some(trigger) if trigger.len > 0 => Finding::absent(
            format!("{} came for the closed socket", words::payload(trigger)),
            &*fact.cite,
        ),
        trigger => Finding::when(
            orphan,
            match (orphan, trigger) {
                (true, Some(_)) => "the closed socket's FIN was acknowledged",
                (true, None) => "the socket was closed in FIN_WAIT2",
                (false, _) => "the socket was no orphan in CLOSE",
            },
            &*fact.cite,
        ),
    }
}
