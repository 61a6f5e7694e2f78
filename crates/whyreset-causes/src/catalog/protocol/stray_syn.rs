use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

pub static STRAY_SYN: Cause = Cause {
    id: "stray-syn",
    group: Group::Protocol,
    summary: "a second SYN came inside a handshake or a connection that was still known",
    kernel: &["INVALID_SYN", "TCP_TIMEWAIT_SOCKET"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need("the reset answers a SYN", Certainty::Possible, answers_syn),
        need(
            "an older attempt on the same ports was still known",
            Certainty::Possible,
            older_attempt,
        ),
        need(
            "it was no attempt to join a Multipath TCP connection",
            Certainty::Likely,
            no_join,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let client = dossier.flow.client;
        match dossier.sent() {
            Some(_) => format!(
                "a second SYN from {} port {} came while {} still knew the first attempt on these ports",
                client.ip(),
                client.port(),
                words::sender(dossier)
            ),
            None => format!(
                "{} may still have known an older attempt from port {}",
                words::sender(dossier),
                client.port()
            ),
        }
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need("the reset answers a SYN", Certainty::Possible, wire::refusal),
            need(
                "an older attempt on the same ports was still known",
                Certainty::Possible,
                second_syn,
            ),
        ],
        excludes: wire::NOT_FOREIGN,
        explains: &["no-listener"],
        sentence: |dossier| {
            format!(
                "a second SYN came while {} still knew the first attempt on these ports",
                words::sender(dossier)
            )
        },
        situations: &[],
    }),
    text: include_str!("stray_syn.md"),
};

fn answers_syn(dossier: &Dossier) -> Finding {
    if dossier.sent().is_none() {
        let connecting = ask::receiver(dossier, |fact, socket| {
            Finding::when(
                socket.state == TcpState::SynSent,
                format!("the receiver's socket was in {}", socket.state),
                &*fact.cite,
            )
        });
        if !connecting.is_seen() {
            return connecting;
        }
    }
    ask::reply(dossier, |fact, _, trigger| {
        Finding::when(
            trigger.flags.is_open(),
            format!("the reset answers {}", words::segment(trigger)),
            &*fact.cite,
        )
    })
}

fn older_attempt(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, _| {
        match sent.socket.as_ref().map(|s| s.state) {
            Some(TcpState::Listen) => Finding::seen(
                "the listener had an unfinished handshake on these ports, with another sequence number",
                &*fact.cite,
            ),
            Some(state @ (TcpState::TimeWait | TcpState::SynRecv)) => Finding::seen(
                format!("a socket in {state} still stood for these ports"),
                &*fact.cite,
            ),
            Some(state) => Finding::absent(format!("a socket in {state} took the SYN"), &*fact.cite),
            None => Finding::absent("the kernel found no socket for the SYN", &*fact.cite),
        }
    })
}

fn no_join(dossier: &Dossier) -> Finding {
    ask::reply(dossier, |fact, sent, _| {
        let mptcp = sent.socket.as_ref().is_some_and(|socket| socket.mptcp);
        match sent.reason.as_deref() {
            Some(reason) if reason.starts_with("MPTCP_RST_") => {
                Finding::absent(format!("the kernel's reason is {reason}"), &*fact.cite)
            }
            None if mptcp => Finding::blind(
                "the listener speaks Multipath TCP and this kernel gives no reason",
                "Linux 6.10 or newer gives it",
            ),
            _ => Finding::seen("the SYN opens a connection of its own", &*fact.cite),
        }
    })
}

fn second_syn(dossier: &Dossier) -> Finding {
    wire::ask(dossier, |fact, passed| {
        let second = passed.own.opened
            && passed
                .trigger
                .as_ref()
                .is_some_and(|trigger| trigger.foreign_numbers);
        let what = if second {
            "it is another SYN than the one that had been answered"
        } else {
            "no other SYN had come before"
        };
        Finding::when(second, what, &*fact.cite)
    })
}
