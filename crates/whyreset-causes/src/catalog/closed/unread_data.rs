use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, Requirement};
use crate::{ask, reading, words};

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
        Requirement {
            text: "the connection was open",
            if_blind: Certainty::Possible,
            check: ask::was_open,
        },
        Requirement {
            text: "close() sent the reset",
            if_blind: Certainty::Possible,
            check: ask::sent_by_close,
        },
        Requirement {
            text: "received data was left unread",
            if_blind: Certainty::Possible,
            check: data_unread,
        },
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::who(reading::accused(dossier, &UNREAD_DATA).as_ref(), dossier.from());
        match unread(dossier) {
            0 => format!("{who} probably closed the socket with data it had not read"),
            bytes => format!(
                "{who} closed the socket with {} it had not read",
                words::counted(bytes.into(), "byte")
            ),
        }
    },
    situations: &[],
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
