use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, words};

pub static ORPHAN_LIMIT: Cause = Cause {
    id: "orphan-limit",
    group: Group::Exhausted,
    summary: "the host had more orphaned sockets than net.ipv4.tcp_max_orphans allows",
    kernel: &["TCP_ABORT_ON_MEMORY"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the kernel ended an orphan that could have gone on",
            Certainty::Unknown,
            limited_orphan,
        ),
        need("nobody had asked for its end", Certainty::Likely, unasked),
        need(
            "the orphan held too little memory to be ended for it",
            Certainty::Likely,
            held_nothing,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &ORPHAN_LIMIT);
        let sure = if held_nothing(dossier).is_seen() {
            ""
        } else {
            " in all likelihood"
        };
        format!(
            "{who} had closed the socket; the kernel reset it because the host had{sure} more orphaned sockets than net.ipv4.tcp_max_orphans allows"
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("orphan_limit.md"),
};

pub fn limited_orphan(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let what = match (socket.dead, ask::is_limited_orphan(socket)) {
            (true, true) => format!("an orphan in {} was reset by the kernel", socket.state),
            (true, false) => format!("the orphan in {} had another reason to end", socket.state),
            (false, _) => "a process still held the socket".to_owned(),
        };
        Finding::when(ask::is_limited_orphan(socket), what, &*fact.cite)
    })
}

/// `tcp_check_oom` ends an orphan for memory only when more than `SOCK_MIN_SNDBUF` is queued.
fn held_nothing(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let queued = u64::from(socket.unacked) + u64::from(socket.unsent);
        if queued <= 1 {
            Finding::seen("nothing but its FIN was queued", &*fact.cite)
        } else {
            Finding::blind(
                format!(
                    "{} were queued, and the kernel does not say which of its two limits ended it",
                    words::counted(queued, "byte")
                ),
                "`journalctl -k` (too many orphaned sockets / out of memory) and /proc/net/sockstat",
            )
        }
    })
}

pub fn unasked(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, sent, socket| {
        let timer = socket.state != TcpState::Close;
        match (ask::own_error(dossier), &sent.actor) {
            (Some((error, cite)), _) if timer => {
                Finding::absent(format!("the socket was left with {error}"), cite)
            }
            (_, Some(actor)) if timer => Finding::absent(format!("{actor} had it sent"), &*fact.cite),
            _ if sent.reason.as_deref() == Some("TCP_ABORT_ON_MEMORY") || !timer => {
                Finding::seen("the kernel ended it by itself", &*fact.cite)
            }
            _ => match dossier.from().and_then(|side| dossier.endings(side).last()) {
                Some((fact, ended)) if ended.to == TcpState::Close => {
                    Finding::seen("the socket came to CLOSE without an error", &*fact.cite)
                }
                _ => Finding::blind(
                    "how the socket came to CLOSE was not seen",
                    "the socket's last change of state",
                ),
            },
        }
    })
}
