//! Whether a packet filter, and not an end's TCP, stands behind a reset. A rule that rejects
//! leaves one trace in the kernel: the segment it rejected is dropped. Refuses to know a cause.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use whyreset_evidence::{Dossier, Drop, Fact, Finding, Source};

use crate::words;

/// Rules that are listed where it may have been one of several.
const SHOWN: usize = 4;
/// `SKB_DROP_REASON_NETFILTER_DROP`
const NETFILTER: &str = "NETFILTER_DROP";
/// A rejected segment and the reset made for it are this close together. Microseconds, until a busy
/// processor leaves the reset in its queue and goes on with something else.
const TOGETHER: Duration = Duration::from_millis(100);

/// The segment of this flow that a packet filter dropped at the moment of the reset, where no
/// end's kernel was seen to send it.
pub fn dropped(dossier: &Dossier) -> Option<(&Fact, &Drop)> {
    if dossier.sent().is_some() || !dossier.has_reset() {
        return None;
    }
    let at = dossier.time();
    dossier.drops().find(|(fact, drop)| {
        let apart = at.since(fact.at).max(fact.at.since(at));
        drop.reason == NETFILTER && apart <= TOGETHER
    })
}

/// A rule that answers with a reset met the segment.
pub fn by_a_rule(dossier: &Dossier) -> Finding {
    const RULESET: &str = "CAP_NET_ADMIN, nft or iptables-save; `nft -a list ruleset` there";
    let Some((fact, ruled)) = dossier.ruled() else {
        return Finding::blind("the rules of this host were not read", RULESET);
    };
    if let Some(rule) = ruled.the_one() {
        return Finding::seen(format!("the rule that did it: {}", rule.text), &*fact.cite);
    }
    match ruled.resets.as_slice() {
        [] if ruled.whole => Finding::absent(
            "no rule of this host that answers with a reset can have met it",
            &*fact.cite,
        ),
        [] => Finding::blind(
            "no rule that answers with a reset was found, and some could not be understood",
            RULESET,
        ),
        [rule] => Finding::blind(format!("perhaps this rule: {}", rule.text), "its counter"),
        several => Finding::blind(
            format!(
                "one of these {}: {}",
                several.len(),
                several
                    .iter()
                    .take(SHOWN)
                    .map(|rule| rule.text.as_str())
                    .collect::<Vec<_>>()
                    .join(" | ")
            ),
            "their counters",
        ),
    }
}

/// Whether a packet filter of the observing host dropped a segment of the connection.
pub fn is_local(dossier: &Dossier) -> bool {
    dossier.drops().any(|(_, drop)| drop.reason == NETFILTER)
}

/// A packet filter of the observing host dropped what drew the reset, at that moment.
pub fn dropped_here(dossier: &Dossier) -> Finding {
    let at = dossier.time();
    let near = dossier.drops().find(|(fact, drop)| {
        drop.reason == NETFILTER && at.since(fact.at).max(fact.at.since(at)) <= TOGETHER
    });
    match near {
        Some((fact, drop)) => Finding::seen(
            format!(
                "a packet filter on this very host dropped {} at that moment",
                words::segment(&drop.segment)
            ),
            &*fact.cite,
        ),
        None => Finding::absent(
            "no packet filter of this host was seen to drop what drew it",
            "kernel:kfree_skb",
        ),
    }
}

/// What a packet filter of the capturing host had to do with a reset that passed it, where it had.
pub fn told(dossier: &Dossier) -> Vec<Finding> {
    let Some((fact, drop)) = dossier.drops().find(|(_, drop)| drop.reason == NETFILTER) else {
        return Vec::new();
    };
    let dropped = format!(
        "a packet filter on this very host dropped {}",
        words::segment(&drop.segment)
    );
    let mut findings = alloc::vec![Finding::seen(dropped, &*fact.cite)];
    if dossier.ruled().is_some() {
        findings.push(by_a_rule(dossier));
    }
    findings
}

/// The rule that dropped it in silence, ` by RULE`, where that is known.
fn dropper(dossier: &Dossier) -> String {
    match dossier.ruled().map(|(_, ruled)| ruled.drops.as_slice()) {
        Some([rule]) => format!(" by {}", rule.text),
        _ => String::new(),
    }
}

/// A packet filter had dropped, in silence, what a connection that was given up had sent.
pub fn swallowed(dossier: &Dossier) -> Finding {
    if dossier.has_reset() {
        return Finding::absent("a reset ended the connection", "kernel:tcp_send_reset");
    }
    match dossier.drops().find(|(_, drop)| drop.reason == NETFILTER) {
        Some((fact, drop)) => Finding::seen(
            format!(
                "netfilter dropped {} without an answer {} before the connection was given up{}",
                words::segment(&drop.segment),
                words::span(dossier.time().since(fact.at)),
                dropper(dossier)
            ),
            &*fact.cite,
        ),
        None => Finding::absent(
            "no packet filter on this host was seen to drop its segments",
            "kernel:kfree_skb",
        ),
    }
}

/// A packet filter dropped a segment of this connection at the moment of the reset. `Blind`
/// where it could have been done without our seeing it.
pub fn intervened(dossier: &Dossier) -> Finding {
    if let Some((fact, drop)) = dropped(dossier) {
        let apart = dossier.time().since(fact.at);
        return Finding::seen(
            format!(
                "a packet filter dropped {} of this connection {} before the reset",
                words::payload(&drop.segment),
                words::span(apart)
            ),
            &*fact.cite,
        );
    }
    if dossier.sent().is_some() || !dossier.has_reset() {
        return Finding::absent(
            "no packet filter stands behind it: an end's own kernel sent the reset",
            "kernel:tcp_send_reset",
        );
    }
    let one_host = dossier.coverage.client
        && dossier.coverage.server
        && dossier.flow.client.ip() == dossier.flow.server.ip();
    if dossier.source == Source::Probe {
        Finding::blind(
            "a probe does not see what a packet filter drops",
            "sudo whyreset watch on this host and on the other one, or whyreset probe --trace",
        )
    } else if !dossier.coverage.drops {
        Finding::blind(
            "which segments this host drops, and why, was not seen",
            "whyreset watch as root on Linux 5.17 or newer",
        )
    } else if one_host {
        Finding::absent(
            "both ends are on this host and no packet filter dropped a segment",
            "kernel:kfree_skb",
        )
    } else {
        Finding::blind(
            "a rule on the other host or on a router between cannot be seen from here",
            "whyreset watch there, or `nft list ruleset` with its counters",
        )
    }
}
