use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side};

use crate::cause::{Accuse, Cause, From, Group, Rules, Situation, need};
use crate::{ask, gone, wire};

pub static SCAN_OR_HEALTHCHECK: Cause = Cause {
    id: "scan-or-healthcheck",
    group: Group::Protocol,
    summary: "somebody probed whether a port is open and dropped the handshake half-way",
    kernel: &["NO_SOCKET"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Likely,
    requires: &[
        need(
            "the opener's end reset a handshake that was not complete",
            Certainty::Possible,
            half_open,
        ),
        need(
            "no connect() of the opener's kernel stood behind the SYN",
            Certainty::Likely,
            no_connect,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let (client, server) = (dossier.flow.client, dossier.flow.server);
        format!(
            "{} asked whether port {} is open and dropped the handshake at the SYN-ACK",
            client.ip(),
            server.port()
        )
    },
    situations: &[Situation {
        id: "port-scan",
        check: half_open,
        benign: true,
        fix: &[],
    }],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need(
                "the client answered the SYN-ACK with a reset",
                Certainty::Possible,
                wire::syn_ack_was_reset,
            ),
            need(
                "no connect() had made its SYN",
                Certainty::Possible,
                wire::not_by_connect,
            ),
        ],
        excludes: &[
            need(
                "something about the reset shows that its name did not send it",
                Certainty::Likely,
                wire::foreign,
            ),
            need(
                "the numbers were never valid",
                Certainty::Likely,
                wire::foreign_numbers,
            ),
        ],
        explains: &[],
        sentence: |_| {
            "the client only looked whether the port is open: it reset the handshake at the SYN-ACK"
                .to_owned()
        },
        situations: &[],
    }),
    text: include_str!("scan_or_healthcheck.md"),
};

fn half_open(dossier: &Dossier) -> Finding {
    if dossier.from() != Some(Side::Client) {
        return Finding::absent(
            "the reset did not come from the opener's end",
            "kernel:tcp_send_reset",
        );
    }
    if let Some((fact, sent)) = dossier.sent() {
        let holds = sent.socket.is_none() && sent.trigger.as_ref().is_some_and(|t| t.flags.is_syn_ack());
        let what = if holds {
            "the opener's kernel answered the SYN-ACK with a reset, for it had no socket"
        } else {
            "the reset does not answer a SYN-ACK that met no socket"
        };
        return Finding::when(holds, what, &*fact.cite);
    }
    ask::hit_a_handshake(dossier)
}

fn no_connect(dossier: &Dossier) -> Finding {
    if !dossier.watches(Side::Client) {
        return ask::elsewhere(dossier, Side::Client);
    }
    match gone::abandoned(dossier) {
        Some((fact, _)) => Finding::absent("a connect() had been given up", &*fact.cite),
        None => match gone::never_seen(dossier, Side::Client) {
            Finding::Absent { what, cite } => Finding::seen(what, cite),
            blind => blind,
        },
    }
}
