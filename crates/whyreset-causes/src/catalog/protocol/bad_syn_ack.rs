use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

pub static BAD_SYN_ACK: Cause = Cause {
    id: "bad-syn-ack",
    group: Group::Protocol,
    summary: "the answer to a SYN acknowledged something that this connect() never sent",
    kernel: &["TCP_INVALID_ACK_SEQUENCE"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a connecting socket refused the answer to its SYN",
            Certainty::Possible,
            refused_answer,
        ),
        need(
            "the acknowledged number was what it refused",
            Certainty::Likely,
            wrong_number,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let answer = dossier.sent().and_then(|(_, sent)| sent.trigger.as_ref()).map_or(
            "an answer".to_owned(),
            |trigger| {
                let kind = if trigger.flags.is_syn_ack() {
                    "a SYN-ACK"
                } else {
                    "an ACK"
                };
                format!("{kind} with acknowledgment number {}", trigger.ack)
            },
        );
        format!(
            "{} got {answer} from {}, which does not belong to its SYN",
            words::sender(dossier),
            words::receiver(dossier)
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need(
                "the numbers of what it answers were never valid",
                Certainty::Possible,
                wire::foreign_numbers,
            ),
            need("the client had only sent a SYN", Certainty::Possible, only_a_syn),
        ],
        excludes: wire::NOT_FOREIGN,
        explains: &[],
        sentence: |dossier| {
            format!(
                "{} answered a segment that does not fit its SYN",
                words::sender(dossier)
            )
        },
        situations: &[],
    }),
    text: include_str!("bad_syn_ack.md"),
};

/// Shared with `timestamp-rejected`: both are the answer of a socket in SYN_SENT.
pub fn refused_answer(dossier: &Dossier) -> Finding {
    if dossier.sent().is_none() && !ask::hit_a_handshake(dossier).is_seen() {
        return ask::hit_a_handshake(dossier);
    }
    ask::reply(dossier, |fact, sent, trigger| {
        let state = sent.socket.as_ref().map(|socket| socket.state);
        let what = match state {
            Some(state) => format!("a socket in {state} refused {}", words::segment(trigger)),
            None => "no socket took the segment".to_owned(),
        };
        Finding::when(state == Some(TcpState::SynSent), what, &*fact.cite)
    })
}

fn wrong_number(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, trigger| match sent.reason.as_deref() {
        Some("TCP_RFC7323_PAWS") => Finding::absent("the timestamp was what it refused", &*fact.cite),
        Some(reason @ "TCP_INVALID_ACK_SEQUENCE") => Finding::seen(
            format!(
                "the kernel's reason is {reason}; the segment acknowledged {}",
                trigger.ack
            ),
            &*fact.cite,
        ),
        _ => Finding::blind(
            "this kernel does not say whether the acknowledgment or the timestamp was wrong",
            "Linux 6.10 or newer says it, or PAWSActive in `nstat -az`",
        ),
    })
}

fn only_a_syn(dossier: &Dossier) -> Finding {
    wire::own(dossier, |half| {
        let holds = dossier.from() == Some(Side::Client) && (half.reopens || half.opened && half.bytes == 0);
        (holds, "the client had only sent a SYN".to_owned())
    })
}
