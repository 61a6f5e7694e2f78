use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, Situation, need};
use crate::timers::{self, Timer};
use crate::{filter, wire, words};

pub static RETRANSMISSION_TIMEOUT: Cause = Cause {
    id: "retransmission-timeout",
    group: Group::Expired,
    summary: "the kernel gave up on what it had sent and the other end never acknowledged",
    kernel: &["NO_SOCKET", "TCP_FLAGS"],
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
            "unanswered retransmissions were what ended it",
            Certainty::Possible,
            |dossier| timers::ran_out(dossier, Timer::Retransmission),
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
        let who = words::accused(dossier, &RETRANSMISSION_TIMEOUT);
        let other = words::receiver(dossier);
        let Ok(gave_up) = timers::gave_up(dossier) else {
            return format!("{who}'s kernel may have given up on data that {other} never acknowledged");
        };
        let socket = gave_up.socket;
        let tries = match socket.retransmits {
            0 => String::new(),
            n => format!(" in {}", words::counted(n.into(), "retransmission")),
        };
        let late = timers::afterwards(dossier, &gave_up);
        if socket.state == TcpState::SynSent {
            let server = dossier.flow.server;
            return format!("{who}'s connect() to {server} timed out: nothing answered its SYN{tries}{late}");
        }
        format!(
            "{who}'s kernel gave the connection up: {other} {}{tries}{late}",
            gave_up.waited_for()
        )
    },
    situations: &[Situation {
        id: "firewall-drop",
        check: filter::swallowed,
        benign: false,
        fix: &[
            "a rule on this host drops the segments without an answer (DROP, where REJECT would have been refused at once): look for it with `nft list ruleset` or `iptables-save -c`; its counter moves with each try",
        ],
    }],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need(
                "the reset answers a segment, after its sender had given up",
                Certainty::Possible,
                wire::stateless,
            ),
            need(
                "the sender had retransmitted in vain",
                Certainty::Possible,
                wire::retransmitted_in_vain,
            ),
        ],
        excludes: GAVE_UP_ON_COUNT,
        explains: &[],
        sentence: |dossier| {
            let times = dossier.passed().map_or(0, |(_, passed)| passed.own.retransmits);
            format!(
                "{} had retransmitted {} without an answer and given the connection up",
                words::sender(dossier),
                words::counted(times.into(), "time")
            )
        },
        situations: &[],
    }),
    text: include_str!("retransmission_timeout.md"),
};

const GAVE_UP_ON_COUNT: &[Requirement] = &[
    wire::NOT_FOREIGN[0],
    wire::NOT_FOREIGN[1],
    wire::NOT_FOREIGN[2],
    need(
        "it gave up before a count of retries ran out",
        Certainty::Possible,
        wire::gave_up_early,
    ),
];
