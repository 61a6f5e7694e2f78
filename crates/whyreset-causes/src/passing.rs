//! What a reset that passed a capture point says by itself, whatever the cause: the connection, the
//! reset, who sent it. Refuses to see more than headers.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use core::time::Duration;

use whyreset_evidence::{
    Acceptable, Certainty, Connection, Dossier, Errno, Fact, Finding, Half, Host, Join, Origin, Outcome,
    Party, Passed, Reset, SeenFrom, Sender, Shape, Side, Sign, Stage, Teller, Victim, Way,
};

use crate::cause::{Cause, From};
use crate::{filter, reading, wire};

/// Findings about the reset that belong to every verdict.
pub fn background(dossier: &Dossier) -> Vec<Finding> {
    let Some((fact, passed)) = dossier.passed() else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = passed
        .signs
        .iter()
        .map(|sign| Finding::seen(sign.to_string(), &*fact.cite))
        .collect();
    if let Some(told) = &passed.told {
        findings.push(Finding::seen(
            format!("{} says: {}", wire::teller(told.by), told.text),
            &*fact.cite,
        ));
    }
    findings.extend(joined(fact, passed));
    findings.extend(filter::told(dossier));
    findings.extend(wire::damaged(passed, &fact.cite));
    if passed.way == Way::MadeHere {
        findings.push(wire::made_here(dossier));
    }
    match passed.acceptable {
        Acceptable::Exact | Acceptable::Unknown => {}
        Acceptable::Challenged | Acceptable::Ignored => findings.push(wire::ineffective(dossier)),
    }
    findings
}

fn joined(fact: &Fact, passed: &Passed) -> Option<Finding> {
    let cite = &*fact.cite;
    Some(match &passed.join {
        Join::Alone => return None,
        Join::SentAndArrived => Finding::seen("it left the one host and arrived at the other", cite),
        Join::NeverSent => Finding::seen(
            "it arrived, and the host whose name it bears did not send it",
            cite,
        ),
        Join::NeverArrived => Finding::seen("it was sent, and never arrived", cite),
        Join::Translated => Finding::seen(
            "it arrived; the host behind its name did not send it, and its name is that of a box which translates",
            cite,
        ),
        Join::Changed(how) => Finding::seen(format!("it was changed on its way: {how}"), cite),
        Join::Undecided(why) => Finding::blind(why.clone(), "a capture without losses at both ends"),
    })
}

/// A box is known to answer for the name, whatever the cause.
fn box_speaks(passed: &Passed) -> bool {
    let by_vendor = passed
        .told
        .as_ref()
        .is_some_and(|told| matches!(told.by, Teller::NetScaler | Teller::F5));
    by_vendor
        || passed
            .signs
            .iter()
            .any(|sign| matches!(sign, Sign::Proxied { .. }))
}

pub fn sender(dossier: &Dossier, cause: &Cause) -> Sender {
    let boxed = dossier.passed().is_some_and(|(_, passed)| box_speaks(passed));
    let party = match cause.party {
        Party::Application | Party::Kernel | Party::Unknown if boxed => Party::Middlebox,
        party => party,
    };
    Sender {
        party,
        host: match origin(dossier, cause) {
            // What it dropped was told by this host's own kernel.
            Origin::Between if filter::is_local(dossier) => Host::Local,
            Origin::Between => Host::Between,
            Origin::End(_) => Host::Remote,
            Origin::Unknown => Host::Unknown,
        },
        process: None,
        rule: reading::rule(dossier, cause),
    }
}

/// The captured box made it, and no packet was lost that would show it coming in.
fn made_here(passed: &Passed) -> bool {
    passed.way == Way::MadeHere && passed.missing.lost == 0
}

/// The end that the reset came from. Without a cause its name is believed only where nothing about
/// it is foreign.
fn origin(dossier: &Dossier, cause: &Cause) -> Origin {
    let Some((fact, passed)) = dossier.passed() else {
        return Origin::Unknown;
    };
    let foreign = passed
        .signs
        .iter()
        .any(|sign| sign.is_strong() || sign.is_distance());
    match (cause.from, fact.side) {
        (From::Between, _) => Origin::Between,
        _ if box_speaks(passed) || passed.join == Join::NeverSent || made_here(passed) => Origin::Between,
        (From::Sender, Some(side)) if cause.party != Party::Unknown => Origin::End(side),
        // What is named without its maker being known was made by another box where it is foreign, unless
        // that may be one which bears the name itself.
        (From::Sender, Some(_)) if foreign && cause.at_most != Certainty::Unknown => {
            match wire::translation_missing(dossier) {
                Finding::Absent { .. } => Origin::Between,
                _ => Origin::Unknown,
            }
        }
        (From::Sender, Some(side)) if !foreign && passed.shape != Shape::Odd => Origin::End(side),
        _ => Origin::Unknown,
    }
}

pub fn reset(dossier: &Dossier, cause: &Cause, benign: bool) -> Reset {
    let passed = dossier.passed().map(|(_, passed)| passed);
    Reset {
        from: origin(dossier, cause),
        seen: match passed.map(|passed| &passed.join) {
            Some(Join::SentAndArrived) => SeenFrom::Both,
            _ => SeenFrom::Passing,
        },
        accepted: passed.and_then(|passed| match passed.acceptable {
            _ if passed.missing.damaged => Some(false),
            Acceptable::Exact => Some(true),
            Acceptable::Ignored if passed.after.went_on => Some(false),
            Acceptable::Ignored | Acceptable::Challenged | Acceptable::Unknown => None,
        }),
        count: passed.map_or(0, |passed| (1 + passed.repeats + passed.reactions) as usize),
        benign,
        frame: passed.map(|passed| passed.frame),
    }
}

pub fn connection(dossier: &Dossier) -> Connection {
    let passed = dossier.passed().map(|(_, passed)| passed);
    let halves = passed.map(|passed| match dossier.from() {
        Some(Side::Client) => (&passed.own, &passed.other),
        _ => (&passed.other, &passed.own),
    });
    let bytes = |half: fn((&Half, &Half)) -> u64| halves.map(half);
    Connection {
        flow: dossier.flow,
        stage: passed.map_or(Stage::Unknown, |passed| passed.stage),
        age: passed.and_then(|passed| passed.age_ms).map(Duration::from_millis),
        idle: passed.map(|passed| Duration::from_millis(passed.silence_ms)),
        quiet_before_close: None,
        bytes_to_server: bytes(|(client, _)| client.bytes),
        bytes_to_client: bytes(|(_, server)| server.bytes),
        netns: None,
        conn_state: passed.map(|passed| passed.conn_state),
    }
}

pub fn outcome(dossier: &Dossier) -> Outcome {
    match dossier.passed() {
        Some((fact, passed))
            if passed.stage == Stage::Handshake && fact.side == Some(Side::Server) && !passed.own.opened =>
        {
            Outcome::Refused
        }
        _ => Outcome::Reset,
    }
}

/// Whose program gets the error, where headers tell what it will be.
pub fn victim(dossier: &Dossier) -> Option<Victim> {
    let (_, passed) = dossier.passed()?;
    let errno = match (outcome(dossier), passed.own.fin_ago_ms) {
        (Outcome::Refused, _) => Errno::ConnRefused,
        (_, Some(_)) if passed.other.fin_ago_ms.is_none() => Errno::Pipe,
        (_, None) if passed.other.fin_ago_ms.is_none() => Errno::ConnReset,
        _ => return None,
    };
    (passed.acceptable == Acceptable::Exact && !passed.missing.damaged).then_some(Victim {
        process: None,
        errno: Some(errno),
        kernel: None,
    })
}
