use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::gone::{self, Past};
use crate::pattern::dropped_in_silence;
use crate::{ask, filter, words};

pub static CONNECTION_FORGOTTEN: Cause = Cause {
    id: "connection-forgotten",
    group: Group::Died,
    summary: "the answering kernel has no such connection and no record of how it ended",
    kernel: &["NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Likely,
    requires: &[
        need(
            "a segment of the connection met no connection",
            Certainty::Possible,
            gone::met_no_connection,
        ),
        need(
            "no end of the connection was seen",
            Certainty::Possible,
            no_record,
        ),
    ],
    excludes: &[
        need(
            "the accept queue was over its limit",
            Certainty::Likely,
            queue_was_full,
        ),
        need(
            "a packet filter dropped the segment",
            Certainty::Likely,
            filter::intervened,
        ),
    ],
    explains: &[],
    sentence: |dossier| {
        let sent = dossier
            .sent()
            .and_then(|(_, sent)| sent.trigger.as_ref())
            .map_or("a segment".to_owned(), words::payload);
        let knows = if dossier.sent().is_some() {
            "has"
        } else {
            "may have"
        };
        format!(
            "{} {knows} no memory of this connection; {} sent {sent} on it",
            words::sender(dossier),
            words::receiver(dossier)
        )
    },
    situations: &[],
    text: include_str!("connection_forgotten.md"),
};

fn no_record(dossier: &Dossier) -> Finding {
    let Some(side) = dossier.from() else {
        return ask::no_reset();
    };
    if !dossier.watches(side) {
        return ask::elsewhere(dossier, side);
    }
    match gone::past(dossier, side) {
        Past::Nothing => match gone::never_seen(dossier, side) {
            Finding::Absent { what, cite } => Finding::seen(what, cite),
            blind => blind,
        },
        Past::Failed(fact, ended, _) | Past::Closed(fact, ended, _) | Past::Ended(fact, ended) => {
            Finding::absent(
                format!("the {side}'s socket had ended {} -> {}", ended.from, ended.to),
                &*fact.cite,
            )
        }
    }
}

fn queue_was_full(dossier: &Dossier) -> Finding {
    let Some((fact, sent)) = dossier.sent() else {
        return Finding::absent("no listener was seen to answer", "kernel:tcp_send_reset");
    };
    if let Some((fact, _)) = dropped_in_silence(dossier) {
        return Finding::seen(
            "a full accept queue had dropped the end of its handshake",
            &*fact.cite,
        );
    }
    let full = sent
        .socket
        .as_ref()
        .is_some_and(|s| s.state == TcpState::Listen && s.backlog > s.max_backlog);
    let stray = sent.reason.as_deref() == Some("TCP_FLAGS");
    let what = match (full, stray) {
        (true, false) => "the listener's accept queue was over its limit",
        (true, true) => "the accept queue was over its limit, but the kernel found no handshake",
        (false, _) => "no accept queue over its limit was met",
    };
    Finding::when(full && !stray, what, &*fact.cite)
}
