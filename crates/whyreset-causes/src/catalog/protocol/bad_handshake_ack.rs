use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

pub static BAD_HANDSHAKE_ACK: Cause = Cause {
    id: "bad-handshake-ack",
    group: Group::Protocol,
    summary: "the last ACK of a handshake acknowledged something that was never sent",
    kernel: &["TCP_OLD_ACK", "TCP_TOO_OLD_ACK", "TCP_ACK_UNSENT_DATA"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[need(
        "a socket in SYN_RECV refused the ACK",
        Certainty::Unknown,
        refused_ack,
    )],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let ack = dossier
            .sent()
            .and_then(|(_, sent)| sent.trigger.as_ref())
            .map_or(0, |trigger| trigger.ack);
        format!(
            "{} acknowledged number {ack} in its handshake, which {} had not sent",
            words::receiver(dossier),
            words::sender(dossier)
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
            need(
                "the server had only sent a SYN-ACK",
                Certainty::Possible,
                wire::never_past_its_handshake,
            ),
        ],
        excludes: wire::NOT_FOREIGN,
        explains: &[],
        sentence: |_| "the server answered a segment that does not fit its SYN-ACK".to_owned(),
        situations: &[],
    }),
    text: include_str!("bad_handshake_ack.md"),
};

fn refused_ack(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, trigger| {
        let state = sent.socket.as_ref().map(|socket| socket.state);
        let what = match state {
            Some(state) => format!("a socket in {state} refused {}", words::segment(trigger)),
            None => "no socket took the segment".to_owned(),
        };
        let holds = state == Some(TcpState::SynRecv) && !trigger.flags.is_open();
        Finding::when(holds, what, &*fact.cite)
    })
}
