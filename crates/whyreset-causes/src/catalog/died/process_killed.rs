use alloc::format;

use whyreset_evidence::{Certainty, Exit, Party, signal_name};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, dying, words};

pub static PROCESS_KILLED: Cause = Cause {
    id: "process-killed",
    group: Group::Died,
    summary: "the process that held the socket was killed by a signal",
    kernel: &[
        "TCP_ABORT_ON_CLOSE",
        "TCP_STATE",
        "TCP_ABORT_ON_DATA",
        "TCP_ABORT_ON_LINGER",
        "TCP_DISCONNECT_WITH_DATA",
        "TCP_TIMEWAIT_SOCKET",
        "NO_SOCKET",
        "TCP_FLAGS",
    ],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the reset follows from a close",
            Certainty::Possible,
            ask::follows_a_close,
        ),
        need("a signal had ended the process", Certainty::Possible, |dossier| {
            dying::had_ended(dossier, |exit| matches!(exit, Exit::Signal(_)))
        }),
        need(
            "the sender's kernel was seen to send it",
            Certainty::Likely,
            ask::was_sent,
        ),
    ],
    excludes: &[],
    explains: &[
        "unread-data",
        "linger-abort",
        "write-after-close",
        "disconnect-abort",
        "never-accepted",
        "linger2-abort",
        "fin-wait-expired",
        "connect-abandoned",
        "mptcp-fastclose",
    ],
    sentence: |dossier| {
        let closer = dying::closer(dossier);
        let who = words::who(closer.as_ref(), dossier.from());
        let by = closer.as_ref().and_then(|process| dossier.killer_of(process.pid));
        let left = dying::left(dossier);
        match (closer.as_ref().and_then(|process| process.exit), by) {
            (Some(Exit::Signal(signal)), Some((_, killed))) if killed.by.pid != killed.victim => {
                format!(
                    "{who} was killed by {} from {}{left}",
                    signal_name(signal),
                    killed.by
                )
            }
            (Some(Exit::Signal(signal)), _) => format!("{who} was killed by {}{left}", signal_name(signal)),
            _ => format!("{who} may have been killed"),
        }
    },
    situations: &[],
    wire: None,
    text: include_str!("process_killed.md"),
};
