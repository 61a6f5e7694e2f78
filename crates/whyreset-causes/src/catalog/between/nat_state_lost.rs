use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use core::net::SocketAddr;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Timestamp, Translation};

use crate::cause::{Accuse, Cause, From, Group, Requirement, Rules, Situation, need};
use crate::gone::{self, Past};
use crate::{ask, wire, words};

pub static NAT_STATE_LOST: Cause = Cause {
    id: "nat-state-lost",
    group: Group::Between,
    summary: "a box that translates or balances had lost or refused its entry for the connection, and a host answered what it did not know",
    kernel: &["NO_SOCKET", "TCP_FLAGS"],
    party: Party::Kernel,
    from: From::Sender,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a segment of the connection met no connection",
            Certainty::Possible,
            gone::met_no_connection,
        ),
        need(
            "what translates it had forgotten how, or found it invalid",
            Certainty::Possible,
            entry_was_gone,
        ),
        need("there had been an entry for it", Certainty::Likely, there_was_one),
    ],
    excludes: &[need(
        "the answering kernel had had this connection itself",
        Certainty::Certain,
        was_its_own,
    )],
    explains: EXPLAINS,
    sentence: untranslated,
    situations: &[CONNTRACK_INVALID, BALANCER_FORGOT],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[MISSING],
        excludes: &[need(
            "something about it is foreign to any host",
            Certainty::Likely,
            wire::copies_or_guesses,
        )],
        explains: &["connection-forgotten", "no-listener", "idle-timeout"],
        sentence: on_the_wire,
        situations: &[],
    }),
    text: include_str!("nat_state_lost.md"),
};

/// What kube-proxy and other translators of large, lossy transfers meet (kubernetes#74839).
const CONNTRACK_INVALID: Situation = Situation {
    id: "conntrack-invalid",
    check: found_invalid,
    benign: false,
    fix: &[
        "on the box that translates, as root: `sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1`: segments outside the window that connection tracking follows are then translated too",
        "or drop them there, and let them be sent again: `ct state invalid drop` before anything that accepts; `conntrack -S` counts them (invalid)",
    ],
};

/// kubernetes#71358 and many others: IPVS forgets a connection that is silent for 900 s.
const BALANCER_FORGOT: Situation = Situation {
    id: "balancer-forgot",
    check: balancer_has_none,
    benign: false,
    fix: &[
        "have the client or the server send something more often than the balancer forgets: TCP keep-alives (`net.ipv4.tcp_keepalive_time`, SO_KEEPALIVE) below the first number of `ipvsadm -L --timeout`, 900 s unless it was set (kube-proxy: `--ipvs-tcp-timeout`)",
        "where the connection was not idle, look for what empties its table: a restart, `ipvsadm -C`, a server that was removed with `net.ipv4.vs.expire_nodest_conn=1`, or a second balancer that took the address over without `ipvsadm --start-daemon`",
    ],
};

const MISSING: Requirement = need(
    "a translation between the two ends was missing",
    Certainty::Possible,
    wire::translation_missing,
);

const EXPLAINS: &[&str] = &["connection-forgotten", "firewall-reject", "no-listener"];

fn sentence(dossier: &Dossier) -> String {
    let peer = dossier.from().and_then(|side| dossier.only_with(side));
    if let Some((_, peer)) = peer {
        return format!(
            "a segment came to {} under a name that its kernel does not know; the one connection of that port is with {peer}, and it may be of that one, not translated",
            words::sender(dossier)
        );
    }
    format!(
        "a segment came to {} with an address that should have been translated; it belongs to another connection of the same port, and its kernel does not know it under that address",
        words::sender(dossier)
    )
}

fn on_the_wire(dossier: &Dossier) -> String {
    let invalid = |passed| wire::fits_no_number(passed) && !passed.untranslated;
    if dossier.passed().is_some_and(|(_, passed)| invalid(passed)) {
        return format!(
            "{} answered a segment that no connection of its own fits: a box between that translates most likely found it invalid and sent it on as it was",
            words::sender(dossier)
        );
    }
    let at_the_box = dossier.passed().is_some_and(|(_, passed)| !passed.untranslated);
    if at_the_box {
        return format!(
            "the box that translates {}'s address no longer knew the connection, and answered for itself",
            words::sender(dossier)
        );
    }
    sentence(dossier)
}

fn untranslated(dossier: &Dossier) -> String {
    let Some((fact, gone)) = dossier.translation() else {
        return match dossier.balanced() {
            Some((_, balanced)) => format!(
                "IPVS balances {} and no longer knew this connection; its own kernel, which has none, answered",
                balanced.service
            ),
            None => sentence(dossier),
        };
    };
    if gone.stands {
        return invalid(gone);
    }
    let ago = words::span(dossier.time().since(fact.at));
    let how = match (&gone.by, gone.asked) {
        (Some(by), _) => format!("{by} had the entry removed {ago} before"),
        (None, true) => format!("somebody had the entry removed {ago} before"),
        (None, false) => "its entry had run out".to_owned(),
    };
    let (opener, met) = proper(gone);
    format!(
        "connection tracking no longer knew how to translate the connection that {opener} has with {met}: {how}, and what came untranslated met a kernel that knows no such connection"
    )
}

/// The connection's opener, and whom it meant to reach, where the name at hand is an answer's.
fn proper(entry: &Translation) -> (SocketAddr, SocketAddr) {
    let (from, to) = entry.other;
    if entry.reply { (from, to) } else { (to, from) }
}

fn invalid(entry: &Translation) -> String {
    let (opener, met) = proper(entry);
    format!(
        "connection tracking knows how to translate the connection that {opener} has with {met}, but found this segment invalid and let it through as it was; it met a kernel that knows no such connection"
    )
}

fn found_invalid(dossier: &Dossier) -> Finding {
    match dossier.translation() {
        Some((fact, entry)) if entry.stands => Finding::seen(
            format!(
                "the entry that translates {} -> {} stands ({}): the segment was invalid to it",
                entry.other.0,
                entry.other.1,
                entry.state_name()
            ),
            &*fact.cite,
        ),
        Some((fact, _)) => Finding::absent("the entry that translated it was gone", &*fact.cite),
        None => Finding::absent(
            "no entry of connection tracking names this segment",
            "kernel:ctnetlink",
        ),
    }
}

fn balancer_has_none(dossier: &Dossier) -> Finding {
    match dossier.balanced() {
        Some((fact, balanced)) => Finding::seen(
            format!(
                "IPVS balances {} ({}) and takes all that it has an entry for: it had none{}",
                balanced.service,
                balanced.scheduler,
                lasts(balanced.timeout_ms)
            ),
            &*fact.cite,
        ),
        None => Finding::absent("no balancer answers to this address", "proc:/proc/net/ip_vs"),
    }
}

/// IPVS says nothing when an entry goes.
fn there_was_one(dossier: &Dossier) -> Finding {
    match (dossier.translation(), dossier.balanced()) {
        (Some((fact, _)), _) => Finding::seen("connection tracking had one", &*fact.cite),
        (None, Some(_)) => Finding::blind(
            "IPVS tells nobody when an entry ends, and another balancer may have had the connection before",
            "`ipvsadm -Lnc` beside the watch",
        ),
        (None, None)
            if dossier
                .from()
                .is_some_and(|side| dossier.only_with(side).is_some()) =>
        {
            Finding::blind(
                "no box that translates is seen from here",
                "whyreset watch on the box",
            )
        }
        (None, None) => Finding::absent("none was seen", "kernel:ctnetlink"),
    }
}

fn entry_was_gone(dossier: &Dossier) -> Finding {
    let Some((fact, gone)) = dossier
        .translation()
        .filter(|(fact, _)| fact.at <= dossier.time())
    else {
        return match dossier.from() {
            Some(_) if dossier.balanced().is_some() => balancer_has_none(dossier),
            Some(side) if let Some((_, peer)) = dossier.only_with(side) => Finding::blind(
                format!(
                    "the one connection of the {side}'s port is with {peer}: what came may be of that one, and not translated to its name"
                ),
                "whyreset watch on the box between that translates, or a capture here: the numbers tell",
            ),
            Some(_) if dossier.has_reset() => Finding::absent(
                "no translation of these addresses was seen to end",
                "kernel:ctnetlink IPCT_DESTROY",
            ),
            _ => ask::no_reset(),
        };
    };
    if gone.stands {
        return found_invalid(dossier);
    }
    let lasts = lasts(gone.timeout_ms);
    let why = match (&gone.by, gone.asked) {
        (Some(by), _) => format!("removed by {by}"),
        (None, true) => "removed on request".to_owned(),
        (None, false) => "and nobody had asked for that".to_owned(),
    };
    Finding::seen(
        format!(
            "the entry that translated {} -> {} was {} when it went, {why}{lasts}",
            gone.other.0,
            gone.other.1,
            gone.state_name()
        ),
        &*fact.cite,
    )
}

fn lasts(timeout_ms: u64) -> String {
    match timeout_ms {
        0 => String::new(),
        ms => format!("; such an entry lasts {} without a packet", words::span_ms(ms)),
    }
}

fn was_its_own(dossier: &Dossier) -> Finding {
    let gone = dossier.translation().map(|(fact, _)| fact.at);
    let (Some(side), Some(gone)) = (
        dossier.from(),
        gone.or(dossier.balanced().map(|_| Timestamp::default())),
    ) else {
        return ask::no_reset();
    };
    match gone::past(dossier, side) {
        Past::Failed(fact, ended, _) | Past::Closed(fact, ended, _) | Past::Ended(fact, ended) => {
            Finding::when(
                fact.at > gone,
                format!("the {side}'s socket had ended {} -> {}", ended.from, ended.to),
                &*fact.cite,
            )
        }
        Past::Nothing => Finding::absent(
            format!("no end of a socket of the {side} was seen"),
            "kernel:inet_sock_set_state",
        ),
    }
}
