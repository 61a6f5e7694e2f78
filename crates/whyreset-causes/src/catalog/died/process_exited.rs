use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Exit, Party, signal_name};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, dying, words};

pub static PROCESS_EXITED: Cause = Cause {
    id: "process-exited",
    group: Group::Died,
    summary: "the process that held the socket ended by itself and left the connection open",
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
        need(
            "the process was exiting by itself",
            Certainty::Possible,
            |dossier| dying::had_ended(dossier, |exit| matches!(exit, Exit::Code(_))),
        ),
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
        let asked = closer
            .as_ref()
            .and_then(|process| dossier.killer_of(process.pid))
            .map_or(String::new(), |(_, killed)| {
                format!(" after {} from {}", signal_name(killed.signal), killed.by)
            });
        match closer.as_ref().and_then(|process| process.exit) {
            Some(Exit::Code(code)) => {
                format!(
                    "{who} exited with code {code}{asked} and left the connection to the kernel{}",
                    dying::left(dossier)
                )
            }
            _ => format!("{who} may have exited"),
        }
    },
    situations: &[],
    wire: None,
    text: include_str!("process_exited.md"),
};
