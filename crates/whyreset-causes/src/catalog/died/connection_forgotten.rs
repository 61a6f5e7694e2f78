use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::gone::{self, Past};
use crate::pattern::dropped_in_silence;
use crate::{ask, filter, wire, words};

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
        need(
            "the segment is of another connection of the same port",
            Certainty::Possible,
            of_another,
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
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[
            need(
                "the reset answers a segment of an open connection",
                Certainty::Possible,
                wire::drawn_within,
            ),
            need("the sender had sent no FIN", Certainty::Possible, no_fin),
            need(
                "it had been heard of in the handshake or later",
                Certainty::Possible,
                had_been_there,
            ),
        ],
        excludes: &[
            need(
                "its name had taken part a moment before",
                Certainty::Likely,
                wire::just_there,
            ),
            need(
                "something about the reset shows that its name did not send it",
                Certainty::Likely,
                wire::foreign,
            ),
            need(
                "it came from another distance than its name's segments",
                Certainty::Likely,
                wire::distant,
            ),
            need(
                "a handshake never came to its end",
                Certainty::Likely,
                wire::lost_in_its_handshake,
            ),
            need(
                "the numbers were never valid",
                Certainty::Likely,
                wire::foreign_numbers,
            ),
            need(
                "the sender had given the connection up",
                Certainty::Likely,
                wire::retransmitted_in_vain,
            ),
        ],
        explains: &[],
        sentence: |dossier| {
            let trigger = dossier.passed().and_then(|(_, passed)| passed.trigger.as_ref());
            format!(
                "{} answered {} of a connection that it did not know (any more)",
                words::sender(dossier),
                trigger.map_or("a segment".to_owned(), |trigger| words::payload(&trigger.segment))
            )
        },
        situations: &[],
    }),
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

/// What translates between may have left a segment untranslated.
fn of_another(dossier: &Dossier) -> Finding {
    match dossier.from().and_then(|side| dossier.only_with(side)) {
        Some((_, peer)) => Finding::blind(
            format!("the port has one open connection, with {peer}, whose the segment may be"),
            "whyreset watch on the box between that translates, or a capture here",
        ),
        None => Finding::absent("no other connection of the port stands alone", "sock_diag"),
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

fn no_fin(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    wire::own(dossier, |half| {
        let what = if half.fin_ago_ms.is_none() {
            "no FIN"
        } else {
            "a FIN"
        };
        (half.fin_ago_ms.is_none(), format!("{name} had sent {what}"))
    })
}

fn had_been_there(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    wire::own(dossier, |half| match half.last_ago_ms {
        Some(ago) => (
            true,
            format!("{name} had last sent {} before", words::span_ms(ago)),
        ),
        None => (true, format!("{name} had sent nothing that was captured")),
    })
}
