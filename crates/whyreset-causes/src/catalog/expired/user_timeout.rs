use alloc::format;

use whyreset_evidence::{Certainty, Party};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::timers::{self, Timer};
use crate::{wire, words};

pub static USER_TIMEOUT: Cause = Cause {
    id: "user-timeout",
    group: Group::Expired,
    summary: "TCP_USER_TIMEOUT ran out while the other end did not answer",
    kernel: &["TCP_KEEPALIVE_TIMEOUT", "NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Owner,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the sending end's kernel had given the connection up",
            Certainty::Unknown,
            timers::had_given_up,
        ),
        need(
            "TCP_USER_TIMEOUT was what ran out",
            Certainty::Unknown,
            |dossier| timers::ran_out(dossier, Timer::User),
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
        let who = words::accused(dossier, &USER_TIMEOUT);
        let other = words::receiver(dossier);
        let Ok(gave_up) = timers::gave_up(dossier) else {
            return format!("{who}'s TCP_USER_TIMEOUT may have run out");
        };
        format!(
            "{who}'s TCP_USER_TIMEOUT of {} ran out: {other} {}{}",
            words::span_ms(gave_up.socket.user_timeout_ms.into()),
            gave_up.waited_for(),
            timers::afterwards(dossier, &gave_up)
        )
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[
            need(
                "whoever sent the reset had the connection, or gave it up before a count of retries ran out",
                Certainty::Possible,
                wire::aborted_or_gave_up,
            ),
            need(
                "the sender had retransmitted in vain",
                Certainty::Possible,
                wire::retransmitted_in_vain,
            ),
        ],
        excludes: wire::NOT_FOREIGN,
        explains: &[],
        sentence: |dossier| {
            let times = dossier.passed().map_or(0, |(_, passed)| passed.own.retransmits);
            format!(
                "{} had retransmitted {} without an answer and aborted the connection: most likely its TCP_USER_TIMEOUT",
                words::sender(dossier),
                words::counted(times.into(), "time")
            )
        },
        situations: &[],
    }),
    text: include_str!("user_timeout.md"),
};
