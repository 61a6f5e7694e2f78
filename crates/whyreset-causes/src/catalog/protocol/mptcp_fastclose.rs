use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Errno, Finding, Party, TcpState, Teller};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

pub static MPTCP_FASTCLOSE: Cause = Cause {
    id: "mptcp-fastclose",
    group: Group::Protocol,
    summary: "a program closed a Multipath TCP socket in a way that asks for a reset of every subflow",
    kernel: &["TCP_ABORT_ON_CLOSE", "TCP_STATE"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a subflow of Multipath TCP was aborted",
            Certainty::Unknown,
            live_subflow,
        ),
        need(
            "the whole Multipath TCP connection was being closed",
            Certainty::Likely,
            whole_connection,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{} closed its Multipath TCP socket with unread data or SO_LINGER 0, which resets each subflow (MP_FASTCLOSE)",
            words::accused(dossier, &MPTCP_FASTCLOSE)
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[need(
            "the reset bears an MP_FASTCLOSE option",
            Certainty::Possible,
            fastclose,
        )],
        excludes: &[],
        explains: &[],
        sentence: |dossier| {
            format!(
                "{} ended the whole Multipath TCP session with a fastclose",
                words::sender(dossier)
            )
        },
        situations: &[],
    }),
    text: include_str!("mptcp_fastclose.md"),
};

fn live_subflow(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let kind = if socket.mptcp {
            "a subflow of Multipath TCP"
        } else {
            "plain TCP"
        };
        Finding::when(
            socket.mptcp && !socket.dead && (socket.state != TcpState::Close || socket.aborts_on_close()),
            format!("the socket was {kind} in {}", socket.state),
            &*fact.cite,
        )
    })
}

fn whole_connection(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, sent, socket| {
        if socket.state == TcpState::Close {
            return Finding::seen("the subflow was closed with SO_LINGER at 0 s", &*fact.cite);
        }
        if let Some((error @ Errno::ConnAborted, cite)) = ask::own_error(dossier) {
            return Finding::absent(format!("the socket was left with {error}"), cite);
        }
        match sent.reason.as_deref() {
            Some(reason @ "TCP_ABORT_ON_CLOSE") => {
                Finding::seen(format!("the kernel's reason is {reason}"), &*fact.cite)
            }
            Some(reason) if reason != "NOT_SPECIFIED" => {
                Finding::absent(format!("the kernel's reason is {reason}"), &*fact.cite)
            }
            _ => Finding::blind(
                "this kernel does not say why Multipath TCP reset the subflow",
                "Linux 6.12 or newer says it; the reset's option 30 on the wire shows it too",
            ),
        }
    })
}

fn fastclose(dossier: &Dossier) -> Finding {
    wire::told(dossier, |by, _| by == Teller::MptcpFastclose)
}
