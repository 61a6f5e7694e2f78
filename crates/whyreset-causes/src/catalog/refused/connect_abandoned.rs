use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, gone, wire, words};

pub static CONNECT_ABANDONED: Cause = Cause {
    id: "connect-abandoned",
    group: Group::Refused,
    summary: "the answer to a connect() came after the connect() had been given up",
    kernel: &["NO_SOCKET"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the reset answers a SYN-ACK that met no socket",
            Certainty::Possible,
            late_syn_ack,
        ),
        need(
            "the connect() had been given up before",
            Certainty::Possible,
            given_up,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &CONNECT_ABANDONED);
        let server = dossier.flow.server;
        match gone::abandoned(dossier) {
            Some((fact, ended)) => {
                let late = words::span(dossier.time().since(fact.at));
                let how = match ended.error {
                    Some(error) => format!("failed with {error}"),
                    None => "was given up".to_owned(),
                };
                format!("{who}'s connect() to {server} {how}; the SYN-ACK came {late} later")
            }
            None => format!("{who} may have given up its connect() to {server} before the SYN-ACK came"),
        }
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need(
                "the client answered a SYN-ACK with a reset",
                Certainty::Possible,
                wire::syn_ack_was_reset,
            ),
            need(
                "a connect() had made its SYN",
                Certainty::Possible,
                wire::by_connect,
            ),
        ],
        excludes: &[
            need(
                "something about the reset shows that its name did not send it",
                Certainty::Likely,
                wire::foreign,
            ),
            need(
                "it came from another distance than its name's segments",
                Certainty::Likely,
                wire::distant,
            ),
            need(
                "the numbers were never valid",
                Certainty::Likely,
                wire::foreign_numbers,
            ),
            need(
                "the SYN-ACK bore a timestamp that fits no SYN",
                Certainty::Likely,
                wire::old_timestamp,
            ),
        ],
        explains: &[],
        sentence: |_| "the client had given up its connect() when the SYN-ACK came".to_owned(),
        situations: &[],
    }),
    text: include_str!("connect_abandoned.md"),
};

fn late_syn_ack(dossier: &Dossier) -> Finding {
    if dossier.sent().is_none() && !ask::hit_a_handshake(dossier).is_seen() {
        return ask::hit_a_handshake(dossier);
    }
    ask::reply(dossier, |fact, sent, trigger| {
        Finding::when(
            trigger.flags.is_syn_ack() && sent.socket.is_none(),
            format!(
                "the reset answers {} that met {}",
                words::segment(trigger),
                match &sent.socket {
                    None => "no socket".to_owned(),
                    Some(socket) => format!("a socket in {}", socket.state),
                }
            ),
            &*fact.cite,
        )
    })
}

fn given_up(dossier: &Dossier) -> Finding {
    let Some(side) = dossier.from() else {
        return ask::no_reset();
    };
    match gone::abandoned(dossier) {
        Some((fact, ended)) => {
            let how = match (&ended.by, ended.error) {
                (Some(by), _) => format!("{by} gave its connect() up"),
                (None, Some(error)) => format!("the connect() had failed with {error}"),
                (None, None) => "the connecting socket was gone".to_owned(),
            };
            Finding::seen(how, &*fact.cite)
        }
        None if !dossier.watches(side) => ask::elsewhere(dossier, side),
        None => gone::never_seen(dossier, side),
    }
}
