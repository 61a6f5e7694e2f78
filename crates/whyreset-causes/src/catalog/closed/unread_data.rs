use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, Rules, Situation, need};
use crate::{ask, pattern, wire, words};

pub static UNREAD_DATA: Cause = Cause {
    id: "unread-data",
    group: Group::Closed,
    summary: "a program closed its socket with received data it had not read",
    kernel: &["TCP_ABORT_ON_CLOSE"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need("the connection was open", Certainty::Possible, ask::was_open),
        need("close() sent the reset", Certainty::Possible, ask::sent_by_close),
        need("received data was left unread", Certainty::Possible, data_unread),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &UNREAD_DATA);
        match unread(dossier) {
            0 => format!("{who} may have closed the socket with data it had not read"),
            bytes => format!(
                "{who} closed the socket with {} it had not read",
                words::counted(bytes.into(), "byte")
            ),
        }
    },
    situations: &[
        pattern::FD_LIMIT,
        pattern::DELIBERATE_REJECT,
        Situation {
            id: "keepalive-race",
            check: pattern::crossed_idle_close,
            benign: false,
            fix: &[
                "let the client give up idle connections before the server does: the server's keep-alive timeout above that of every client and balancer in front of it",
            ],
        },
        EARLY_REJECT,
        CLIENT_GAVE_UP,
    ],
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
                "data had come that was left",
                Certainty::Possible,
                wire::data_was_left,
            ),
        ],
        excludes: wire::ABORTED_OTHERWISE,
        explains: &[],
        sentence: |dossier| {
            format!(
                "{} aborted the connection with data of {} most likely still unread: it closed too early, or died",
                words::sender(dossier),
                words::receiver(dossier)
            )
        },
        situations: &[
            Situation {
                check: wire::answered_early,
                ..EARLY_REJECT
            },
            Situation {
                check: wire::client_left,
                ..CLIENT_GAVE_UP
            },
        ],
    }),
    text: include_str!("unread_data.md"),
};

fn unread(dossier: &Dossier) -> u32 {
    dossier
        .sent()
        .and_then(|(_, sent)| sent.socket.as_ref())
        .map_or(0, |socket| socket.unread)
}

fn data_unread(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let what = match socket.unread {
            0 => "everything received had been read".to_owned(),
            bytes => format!("{} received and never read", words::counted(bytes.into(), "byte")),
        };
        Finding::when(
            socket.unread > 0,
            what,
            format!("{} rcv_nxt-copied_seq={}", fact.cite, socket.unread),
        )
    })
}

const EARLY_REJECT: Situation = Situation {
    id: "early-reject-upload",
    check: pattern::answered_early,
    benign: false,
    fix: &[
        "the answer tells why (413, 401, 501 ...): let the client send `Expect: 100-continue`, or let the server read the request to its end",
    ],
};

const CLIENT_GAVE_UP: Situation = Situation {
    id: "client-gave-up",
    check: pattern::client_left,
    benign: false,
    fix: &[
        "the client did not wait for the whole answer: look at its timeout, at Ctrl-C, at a closed tab; the server did nothing wrong",
    ],
};
