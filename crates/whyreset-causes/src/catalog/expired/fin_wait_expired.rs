use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Errno, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, gone, words};

pub static FIN_WAIT_EXPIRED: Cause = Cause {
    id: "fin-wait-expired",
    group: Group::Expired,
    summary: "a closed socket waited in FIN_WAIT2 for the other end's FIN until its time ran out",
    kernel: &["TCP_STATE", "NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a timer ended an orphan in FIN_WAIT2, or its FIN came too late",
            Certainty::Unknown,
            orphan_in_fin_wait2,
        ),
        need("nobody had asked for its end", Certainty::Likely, not_asked_for),
        need("the wait was over", Certainty::Possible, over),
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

/// What ended the wait sent no reset, for it was a minute or less: the FIN itself drew it.
fn fin_came_late(dossier: &Dossier) -> bool {
    gone::forgot_before_the_fin(dossier).is_seen()
}

fn orphan_in_fin_wait2(dossier: &Dossier) -> Finding {
    if fin_came_late(dossier) {
        return gone::forgot_before_the_fin(dossier);
    }
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

fn over(dossier: &Dossier) -> Finding {
    if fin_came_late(dossier) {
        gone::waited_for_the_fin(dossier)
    } else {
        orphan_in_fin_wait2(dossier)
    }
}

fn not_asked_for(dossier: &Dossier) -> Finding {
    if fin_came_late(dossier) {
        return Finding::seen("no error had ended the connection", "kernel:inet_sock_set_state");
    }
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
