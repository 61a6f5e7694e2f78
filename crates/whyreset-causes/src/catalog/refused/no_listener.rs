use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, filter, wire, words};

pub static NO_LISTENER: Cause = Cause {
    id: "no-listener",
    group: Group::Refused,
    summary: "nothing was listening on the port",
    kernel: &["NO_SOCKET"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a SYN was answered with a reset",
            Certainty::Possible,
            syn_was_reset,
        ),
        need(
            "the answering kernel had no socket for it",
            Certainty::Likely,
            no_socket,
        ),
    ],
    excludes: &[need(
        "a packet filter dropped the SYN",
        Certainty::Certain,
        filter::intervened,
    )],
    explains: &[],
    sentence: |dossier| {
        let server = dossier.flow.server;
        format!("nothing listens on port {} of {}", server.port(), server.ip())
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[need(
            "a SYN was answered with a reset",
            Certainty::Possible,
            wire::refusal,
        )],
        excludes: wire::NOT_A_BOX,
        explains: &[],
        sentence: |dossier| {
            let server = dossier.flow.server;
            format!(
                "port {} of {} refused the connection: nothing listens there, or a filter refuses for it",
                server.port(),
                server.ip()
            )
        },
        situations: &[],
    }),
    text: include_str!("no_listener.md"),
};

fn syn_was_reset(dossier: &Dossier) -> Finding {
    if dossier.sent().is_some() {
        return ask::reply(dossier, |fact, _, trigger| {
            Finding::when(
                trigger.flags.is_open(),
                format!("the reset answers {}", words::segment(trigger)),
                &*fact.cite,
            )
        });
    }
    ask::receiver(dossier, |fact, socket| {
        Finding::when(
            socket.state == TcpState::SynSent,
            format!("the receiver's socket was in {}", socket.state),
            &*fact.cite,
        )
    })
}

fn no_socket(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, _| match &sent.socket {
        None => Finding::seen("the kernel found no socket for the SYN", &*fact.cite),
        Some(socket) => Finding::absent(format!("a socket in {} took the SYN", socket.state), &*fact.cite),
    })
}
