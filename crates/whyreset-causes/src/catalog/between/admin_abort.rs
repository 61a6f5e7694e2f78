use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Errno, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::gone::{self, Past};
use crate::{ask, words};

pub static ADMIN_ABORT: Cause = Cause {
    id: "admin-abort",
    group: Group::Between,
    summary: "somebody had the kernel destroy the socket (ss -K, SOCK_DESTROY, bpf_sock_destroy)",
    kernel: &["TCP_STATE", "NO_SOCKET", "TCP_FLAGS"],
    party: Party::Operator,
    from: From::Sender,
    accuse: Accuse::Actor,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the socket was ended in mid-life and not closed",
            Certainty::Possible,
            ended_in_mid_life,
        ),
        need("its error was ECONNABORTED", Certainty::Possible, aborted),
        need(
            "the end was seen to its last segment",
            Certainty::Likely,
            destroyed_with_a_reset,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let owner = dossier.from().and_then(|side| dossier.owner(side));
        let whose = words::who(owner, dossier.from());
        let actor = dossier.sent().and_then(|(_, sent)| sent.actor.as_ref());
        let doubt = if aborted(dossier).is_seen() {
            "had"
        } else {
            "may have had"
        };
        match actor {
            Some(actor) => format!("{} {doubt} the kernel destroy {whose}'s socket", actor.name),
            None => format!("somebody {doubt} the kernel destroy {whose}'s socket"),
        }
    },
    situations: &[],
    wire: None,
    text: include_str!("admin_abort.md"),
};

fn ended_in_mid_life(dossier: &Dossier) -> Finding {
    let Some(side) = dossier.from() else {
        return ask::no_reset();
    };
    let destroyed_before = match gone::past(dossier, side) {
        Past::Failed(fact, ended, Errno::ConnAborted) => Some((fact, ended)),
        _ => None,
    };
    if let Some((fact, sent)) = dossier.sent() {
        return match (&sent.trigger, &sent.socket, destroyed_before) {
            (None, Some(socket), _) => Finding::when(
                socket.state.is_synchronised() || socket.state == TcpState::SynRecv,
                format!("the reset was sent for a socket in {}", socket.state),
                &*fact.cite,
            ),
            (Some(_), _, Some((fact, ended))) if gone::meets_no_connection(sent) => Finding::seen(
                format!("the socket had been destroyed in {}", ended.from),
                &*fact.cite,
            ),
            _ => Finding::absent("the reset answers a segment", &*fact.cite),
        };
    }
    match destroyed_before {
        Some((fact, ended)) => {
            Finding::seen(format!("the socket was destroyed in {}", ended.from), &*fact.cite)
        }
        None if dossier.has_reset() => match ask::was_open(dossier) {
            Finding::Seen { .. } => ask::was_sent(dossier),
            refused => refused,
        },
        None => ask::no_reset(),
    }
}

fn aborted(dossier: &Dossier) -> Finding {
    match ask::own_error(dossier) {
        Some((error, cite)) => Finding::when(
            error == Errno::ConnAborted,
            format!("the socket was left with {error}"),
            cite,
        ),
        None => match dossier.from() {
            Some(side) if dossier.watches(side) => {
                let ended = dossier.sent().filter(|(_, sent)| sent.actor.is_some());
                match ended {
                    Some(_) => Finding::blind(
                        "the error that the socket was left with was not seen",
                        "inet_sk_error_report (Linux 5.14) or the socket's last change of state",
                    ),
                    None => Finding::absent(
                        format!("the {side}'s socket was not seen to be left with ECONNABORTED"),
                        "kernel:inet_sock_set_state",
                    ),
                }
            }
            Some(side) => ask::elsewhere(dossier, side),
            None => ask::no_reset(),
        },
    }
}

/// CRIU's TCP_REPAIR leaves the same error and sends nothing, so an end without a reset is not
/// proof, save where the kernel sends none (SYN_SENT).
fn destroyed_with_a_reset(dossier: &Dossier) -> Finding {
    if dossier.has_reset() {
        return ask::was_sent(dossier);
    }
    let connecting = dossier
        .from()
        .and_then(|side| dossier.failed(side))
        .filter(|(_, ended)| ended.from == TcpState::SynSent);
    match connecting {
        Some((fact, _)) => Finding::seen("a socket in SYN_SENT is destroyed without a reset", &*fact.cite),
        None => Finding::blind(
            "no reset was seen; a program that moves connections (TCP_REPAIR) leaves the same error",
            "the name of the program that did it",
        ),
    }
}
