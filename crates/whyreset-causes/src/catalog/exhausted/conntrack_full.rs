use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{filter, timers, words};

pub static CONNTRACK_FULL: Cause = Cause {
    id: "conntrack-full",
    group: Group::Exhausted,
    summary: "the table of tracked connections was full, and new ones were dropped",
    kernel: &[],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "the connection had been given up for want of an answer",
            Certainty::Unknown,
            timers::had_given_up,
        ),
        need(
            "netfilter dropped the segment that opens it",
            Certainty::Unknown,
            opening_dropped,
        ),
        need(
            "the table of tracked connections was full",
            Certainty::Unknown,
            was_full,
        ),
    ],
    excludes: &[],
    explains: &["retransmission-timeout", "user-timeout"],
    sentence: |dossier| {
        let most = dossier.tracking().map_or(0, |(_, table)| table.most);
        format!(
            "connection tracking holds all {} entries that it may, so the SYN of {} was dropped, and connect() to {} timed out",
            words::count(most),
            dossier.flow.client,
            dossier.flow.server
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("conntrack_full.md"),
};

fn opening_dropped(dossier: &Dossier) -> Finding {
    let swallowed = filter::swallowed(dossier);
    match dossier.drops().next() {
        Some((fact, drop)) if swallowed.is_seen() && !drop.segment.flags.is_open() => Finding::absent(
            format!("what was dropped was {}", words::segment(&drop.segment)),
            &*fact.cite,
        ),
        _ => swallowed,
    }
}

fn was_full(dossier: &Dossier) -> Finding {
    match dossier.tracking() {
        Some((fact, table)) => Finding::when(
            table.most > 0 && table.entries >= table.most,
            format!(
                "connection tracking held {} of at most {} entries",
                words::count(table.entries),
                words::count(table.most)
            ),
            &*fact.cite,
        ),
        None => Finding::blind(
            "how full the table of tracked connections was is not known",
            "`conntrack -S` and `sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max` there",
        ),
    }
}
