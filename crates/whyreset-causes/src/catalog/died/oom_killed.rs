use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Exit, Party};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, dying, words};

pub static OOM_KILLED: Cause = Cause {
    id: "oom-killed",
    group: Group::Died,
    summary: "the process that held the socket was killed because memory ran out",
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
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the reset follows from a close",
            Certainty::Unknown,
            ask::follows_a_close,
        ),
        need(
            "the out-of-memory killer had ended the process",
            Certainty::Unknown,
            |dossier| dying::had_ended(dossier, |exit| exit == Exit::OutOfMemory),
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
        let place = closer
            .as_ref()
            .and_then(|process| process.unit.clone().or_else(|| process.cgroup.clone()))
            .map_or(String::new(), |place| format!(" in {place}"));
        format!(
            "{who} was killed by the kernel because memory ran out{place}{}",
            dying::left(dossier)
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("oom_killed.md"),
};
