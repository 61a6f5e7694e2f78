use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side};

use crate::cause::{Accuse, Cause, From, Group, Rules, Situation, need};
use crate::{ask, pattern, wire, words};

/// A connection reset by its opener within this span, unused, was opened to see whether it opens.
const CHECK_MS: u64 = 2_000;

pub static LINGER_ABORT: Cause = Cause {
    id: "linger-abort",
    group: Group::Closed,
    summary: "a program closed its socket with SO_LINGER set to 0, which asks for a reset",
    kernel: &["TCP_STATE", "TCP_DISCONNECT_WITH_DATA"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need("the connection was open", Certainty::Possible, ask::was_open),
        need("close() sent the reset", Certainty::Possible, ask::sent_by_close),
        need(
            "SO_LINGER was on with a timeout of 0",
            Certainty::Possible,
            lingers_zero,
        ),
        need("no received data was left unread", Certainty::Possible, all_read),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &LINGER_ABORT);
        if dossier.sent().is_some() {
            format!(
                "{who} closed the socket with SO_LINGER set to 0 s, which asks for a reset instead of a FIN"
            )
        } else {
            format!("{who} may have closed the socket with SO_LINGER set to 0 s")
        }
    },
    situations: &[HEALTH_CHECK, pattern::FD_LIMIT, pattern::DELIBERATE_REJECT],
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[
            need("the connection was open", Certainty::Possible, wire::was_open),
            need(
                "whoever sent the reset had the connection",
                Certainty::Possible,
                wire::active,
            ),
            need(
                "nothing that had come was left",
                Certainty::Possible,
                wire::nothing_was_left,
            ),
        ],
        excludes: wire::NOT_A_LINGER,
        explains: &[],
        sentence: |dossier| {
            format!(
                "{} aborted a connection on which nothing was left to answer: SO_LINGER 0, or a process that died",
                words::sender(dossier)
            )
        },
        situations: &[Situation {
            check: wire::opened_unused,
            ..HEALTH_CHECK
        }],
    }),
    text: include_str!("linger_abort.md"),
};

fn lingers_zero(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let what = match (socket.linger, socket.linger_ms) {
            (true, 0) => "SO_LINGER was on with 0 s".to_owned(),
            (true, ms) => format!("SO_LINGER was on with {}", words::span_ms(ms)),
            (false, _) => "SO_LINGER was off".to_owned(),
        };
        if socket.mptcp {
            return Finding::absent(
                "Multipath TCP sets SO_LINGER on its own subflows when it closes them",
                &*fact.cite,
            );
        }
        Finding::when(socket.aborts_on_close(), what, &*fact.cite)
    })
}

fn all_read(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let what = match socket.unread {
            0 => "everything received had been read".to_owned(),
            bytes => format!("{} received and never read", words::counted(bytes.into(), "byte")),
        };
        Finding::when(socket.unread == 0, what, &*fact.cite)
    })
}

fn health_check(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        // The SYN itself counts as one acknowledged byte.
        let unused = socket.bytes_received == 0 && socket.bytes_acked <= 1;
        let brief = socket.age_ms.is_some_and(|age| age <= CHECK_MS);
        Finding::when(
            dossier.from() == Some(Side::Client) && unused && brief,
            format!(
                "the client opened the connection and dropped it unused after {}",
                socket.age_ms.map_or("an unknown time".to_owned(), words::span_ms)
            ),
            &*fact.cite,
        )
    })
}

const HEALTH_CHECK: Situation = Situation {
    id: "health-check",
    check: health_check,
    benign: true,
    fix: &[
        "nothing needs fixing: whoever opened the connection only checked that it opens (haproxy `option tcp-check`, keepalived TCP_CHECK and the like)",
    ],
};
