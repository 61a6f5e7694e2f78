use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Party};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::timers::{self, Timer};
use crate::{wire, words};

pub static KEEPALIVE_TIMEOUT: Cause = Cause {
    id: "keepalive-timeout",
    group: Group::Expired,
    summary: "keep-alive probes stayed unanswered and the kernel gave the connection up",
    kernel: &["TCP_KEEPALIVE_TIMEOUT", "NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Owner,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the sending end's kernel had given the connection up",
            Certainty::Possible,
            timers::had_given_up,
        ),
        need(
            "keep-alive probes were what stayed unanswered",
            Certainty::Possible,
            |dossier| timers::ran_out(dossier, Timer::Keepalive),
        ),
        need(
            "the end was seen to its last segment",
            Certainty::Likely,
            timers::reset_seen,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &KEEPALIVE_TIMEOUT);
        let other = words::receiver(dossier);
        let Ok(gave_up) = timers::gave_up(dossier) else {
            return format!("{who}'s kernel may have given up: its keep-alive probes stayed unanswered");
        };
        let silence = gave_up.socket.heard_ago_ms.map_or(String::new(), |ms| {
            format!(" after {} of silence", words::span_ms(ms))
        });
        format!(
            "{who}'s kernel gave the connection up{silence}: {other} did not answer {}{}",
            words::counted(gave_up.socket.probes_out.into(), "keep-alive probe"),
            timers::afterwards(dossier, &gave_up)
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need("the connection was open", Certainty::Possible, wire::was_open),
            need(
                "whoever sent the reset had the connection",
                Certainty::Possible,
                wire::active,
            ),
            need(
                "its keep-alive probes had stayed unanswered",
                Certainty::Possible,
                wire::probed_in_vain,
            ),
        ],
        excludes: wire::NOT_FOREIGN,
        explains: &[],
        sentence: |dossier| {
            let probes = dossier.passed().map_or(0, |(_, passed)| passed.own.probes);
            format!(
                "{} gave the connection up: {} had answered none of {}",
                words::sender(dossier),
                words::receiver(dossier),
                words::counted(probes.into(), "keep-alive probe")
            )
        },
        situations: &[],
    }),
    text: include_str!("keepalive_timeout.md"),
};
