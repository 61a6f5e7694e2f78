use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side};

use super::accept_queue_overflow as overflow;
use crate::cause::{Accuse, Cause, From, Group, need};
use crate::words;

pub static FD_LIMIT: Cause = Cause {
    id: "fd-limit",
    group: Group::Exhausted,
    summary: "the server had no file descriptor left to accept the connection with",
    kernel: &["INVALID_SYN", "TCP_FLAGS"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Owner,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the listener answered a segment that is no SYN",
            Certainty::Unknown,
            overflow::by_listener,
        ),
        need(
            "its accept queue was over its limit",
            Certainty::Unknown,
            overflow::over_limit,
        ),
        need(
            "the listening process held all file descriptors that it may",
            Certainty::Unknown,
            none_left,
        ),
        need(
            "the connection had never got further",
            Certainty::Likely,
            overflow::no_earlier_end,
        ),
        need(
            "the kernel took the segment for the end of a handshake",
            Certainty::Likely,
            overflow::last_ack_of_handshake,
        ),
    ],
    excludes: &[],
    explains: &["accept-queue-overflow"],
    sentence: |dossier| {
        let held = dossier.holdings(Side::Server).map_or(0, |(_, held)| held.fds);
        format!(
            "{} holds all {held} file descriptors that it may, so every accept() fails with EMFILE, and its accept queue ran over",
            words::accused(dossier, &FD_LIMIT)
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("fd_limit.md"),
};

fn none_left(dossier: &Dossier) -> Finding {
    match dossier.holdings(Side::Server) {
        Some((fact, held)) => Finding::when(
            held.fd_limit > 0 && held.fds >= held.fd_limit,
            format!(
                "{} held {} of at most {} file descriptors",
                held.process, held.fds, held.fd_limit
            ),
            &*fact.cite,
        ),
        None => Finding::blind(
            "how many file descriptors the listening process held was not read",
            "CAP_SYS_PTRACE, or a process that still lives",
        ),
    }
}
