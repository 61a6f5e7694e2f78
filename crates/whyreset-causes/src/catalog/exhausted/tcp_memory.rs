use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use super::orphan_limit::{limited_orphan, unasked};
use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, words};

pub static TCP_MEMORY: Cause = Cause {
    id: "tcp-memory",
    group: Group::Exhausted,
    summary: "the host's TCP memory was over the limit of net.ipv4.tcp_mem",
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
        need("nobody had asked for its end", Certainty::Possible, unasked),
        need(
            "the orphan held memory worth freeing",
            Certainty::Possible,
            held_memory,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{} had closed the socket; the kernel reset it because TCP's memory was over net.ipv4.tcp_mem",
            words::accused(dossier, &TCP_MEMORY)
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("tcp_memory.md"),
};

fn held_memory(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let queued = u64::from(socket.unacked) + u64::from(socket.unsent);
        if queued <= 1 {
            Finding::absent("nothing but its FIN was queued", &*fact.cite)
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
