use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Errno, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, words};

pub static FIN_WAIT_EXPIRED: Cause = Cause {
    id: "fin-wait-expired",
    group: Group::Expired,
    summary: "a closed socket waited in FIN_WAIT2 for the other end's FIN until its time ran out",
    kernel: &["TCP_STATE"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a timer ended an orphan in FIN_WAIT2",
            Certainty::Unknown,
            orphan_in_fin_wait2,
        ),
        need("nobody had asked for its end", Certainty::Likely, not_asked_for),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{} had closed its end and {} never closed the other half; the kernel's wait in FIN_WAIT2 ran out",
            words::accused(dossier, &FIN_WAIT_EXPIRED),
            words::receiver(dossier)
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("fin_wait_expired.md"),
};

fn orphan_in_fin_wait2(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let held = if socket.dead {
            "held by no process"
        } else {
            "still held by a process"
        };
        Finding::when(
            socket.state == TcpState::FinWait2 && socket.dead,
            format!("the socket was in {} and {held}", socket.state),
            &*fact.cite,
        )
    })
}

fn not_asked_for(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, sent, _| {
        match (ask::own_error(dossier), &sent.actor) {
            (Some((error @ Errno::ConnAborted, cite)), _) => {
                Finding::absent(format!("the socket was left with {error}"), cite)
            }
            (_, Some(actor)) => Finding::absent(format!("{actor} had it sent"), &*fact.cite),
            (None, None) => match dossier.from().and_then(|side| dossier.endings(side).last()) {
                Some((fact, ended)) if ended.to == TcpState::Close => {
                    Finding::seen("the socket came to CLOSE without an error", &*fact.cite)
                }
                _ => Finding::blind(
                    "how the socket came to CLOSE was not seen",
                    "the socket's last change of state",
                ),
            },
            (Some((error, cite)), None) => Finding::seen(format!("the socket was left with {error}"), cite),
        }
    })
}
