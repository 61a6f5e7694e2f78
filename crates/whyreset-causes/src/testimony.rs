//! What a log's lines may change about a verdict. A line is a witness whom anybody may have bribed:
//! it never names a cause, never accuses, never makes anything `certain` or harmless, and is not
//! heard against a fact. It may lift the cause that the facts name from `possible` to `likely`, lower
//! it where it states another one that the facts leave standing, and name the everyday case.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use whyreset_evidence::{Certainty, Claim, Dossier, Fact, Finding, Logged, Tie};

use crate::cause::{Cause, Group, Situation};
use crate::judge::{Opinion, Standing};

/// Everyday cases that only a log can name, each of the causes that it shows as.
pub struct Everyday {
    /// kebab-case id.
    pub id: &'static str,
    /// Ids of the causes.
    pub of: &'static [&'static str],
    /// What to do about it, before the cause's own fixes.
    pub fix: &'static [&'static str],
}

/// A program that lets go of a connection that it does not want.
const TURNED_AWAY: &[&str] = &["unread-data", "write-after-close", "linger-abort"];
/// One that goes away itself.
const WENT_AWAY: &[&str] = &[
    "process-killed",
    "process-exited",
    "oom-killed",
    "never-accepted",
    "no-listener",
    "unread-data",
    "write-after-close",
];

/// All of them.
pub static EVERYDAY: [Everyday; 8] = [
    Everyday {
        id: "connection-limit",
        of: &[
            "unread-data",
            "write-after-close",
            "linger-abort",
            "never-accepted",
            "accept-queue-overflow",
            "process-exited",
        ],
        fix: &[
            "raise the limit on connections that the quoted line names, or have clients keep fewer of them",
        ],
    },
    Everyday {
        id: "worker-killed",
        of: WENT_AWAY,
        fix: &[
            "find out what the worker was busy with: its supervisor ended it, by the limit that the quoted line names",
        ],
    },
    Everyday {
        id: "restart-gap",
        of: WENT_AWAY,
        fix: &["let a restart finish its connections first: drain the server before it is stopped"],
    },
    Everyday {
        id: "proxy-without-backend",
        of: &["no-listener", "unread-data", "write-after-close", "linger-abort"],
        fix: &["look at the server behind the proxy: the quoted line says how the proxy lost it"],
    },
    Everyday {
        id: "plaintext-to-tls",
        of: &[
            "wrong-protocol",
            "unread-data",
            "write-after-close",
            "linger-abort",
        ],
        fix: &["have the client speak TLS to this port, or name the port that takes plain text"],
    },
    Everyday {
        id: "duplicate-client",
        of: TURNED_AWAY,
        fix: &["give each client an id of its own: the server ends the older connection of two with one id"],
    },
    Everyday {
        id: "crash",
        of: WENT_AWAY,
        fix: &["look for the core or the trace of the process that crashed: the quoted line says which"],
    },
    Everyday {
        id: "access-denied",
        of: TURNED_AWAY,
        fix: &["look at the rule by which the server turned the client away: the quoted line names it"],
    },
];

/// What the lines add to a verdict.
#[derive(Default)]
pub struct Heard {
    /// As sure as the cause is with them.
    pub certainty: Option<Certainty>,
    /// The lines.
    pub findings: Vec<Finding>,
    /// The everyday case that they name, and its fixes.
    pub everyday: Option<(&'static str, &'static [&'static str])>,
}

/// How a line's claim stands to the verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bearing {
    /// It states nothing.
    None,
    /// It states the cause named.
    States,
    /// It names an everyday case of it.
    Case(&'static str, &'static [&'static str]),
    /// It says the same in other words, or what cannot be checked here.
    Fits,
    /// It states another cause, which the facts leave standing.
    Contradicts,
    /// It states another cause, which the facts refuse.
    Refused,
}

/// Hears every line for and against the cause that the facts name.
pub fn heard(dossier: &Dossier, opinions: &[Opinion], named: Option<&Opinion>) -> Heard {
    let mut heard = Heard {
        certainty: named.map(Opinion::certainty),
        ..Heard::default()
    };
    let (mut lifts, mut lowers) = (false, false);
    for (fact, line) in dossier.logged() {
        let bearing = bearing(dossier, opinions, named, line);
        if !is_worth(line.tie, bearing) {
            continue;
        }
        let trusted = line.tie.is_close();
        lifts |= trusted && bearing == Bearing::States;
        lowers |= trusted && bearing == Bearing::Contradicts;
        if let (Bearing::Case(id, fix), None, true) = (bearing, heard.everyday, trusted) {
            heard.everyday = Some((id, fix));
        }
        heard.findings.push(told(fact, line, bearing));
    }
    let damaged = dossier.passed().is_some_and(|(_, passed)| passed.missing.damaged);
    heard.certainty = heard.certainty.map(|certainty| {
        let lifted = match certainty {
            Certainty::Possible if lifts && !damaged => Certainty::Likely,
            other => other,
        };
        match lifted {
            Certainty::Certain if lowers => Certainty::Likely,
            Certainty::Likely if lowers => Certainty::Possible,
            other => other,
        }
    });
    heard
}

/// What is tied loosely is quoted only where it bears on the verdict.
fn is_worth(tie: Tie, bearing: Bearing) -> bool {
    match tie {
        Tie::Connection | Tie::Process | Tie::Unit => true,
        Tie::Host => matches!(
            bearing,
            Bearing::States | Bearing::Case(..) | Bearing::Contradicts
        ),
        Tie::Program | Tie::Address => !matches!(bearing, Bearing::None | Bearing::Refused),
    }
}

fn bearing(dossier: &Dossier, opinions: &[Opinion], named: Option<&Opinion>, line: &Logged) -> Bearing {
    let Some(claim) = &line.claim else {
        return Bearing::None;
    };
    let Some(named) = named else { return Bearing::Fits };
    match claim {
        Claim::Situation(id) => case(dossier, named.cause, id).unwrap_or(Bearing::Fits),
        Claim::Cause(id) if named.cause.id == id => Bearing::States,
        Claim::Cause(id) => match opinions.iter().find(|opinion| opinion.cause.id == id) {
            None => Bearing::Fits,
            Some(other) if is_kin(dossier, named, other) => Bearing::Fits,
            Some(other) => match other.standing {
                Standing::Holds(Certainty::Unknown) => Bearing::Fits,
                Standing::Holds(_) => Bearing::Contradicts,
                Standing::Refused { .. } => Bearing::Refused,
            },
        },
    }
}

/// The one is how the other happened, a log's looser word for it, or nothing that this source shows.
fn is_kin(dossier: &Dossier, named: &Opinion, other: &Opinion) -> bool {
    let (one, two) = (named.cause, other.cause);
    named.explains(dossier, two.id)
        || other.explains(dossier, one.id)
        || (one.group == Group::Died && two.group == Group::Died)
        || two.rules(dossier.source).is_none()
}

fn case(dossier: &Dossier, cause: &'static Cause, id: &str) -> Option<Bearing> {
    let rules = cause.rules(dossier.source)?;
    let of = |situation: &'static Situation| {
        (situation.id == id && !situation.benign).then_some(Bearing::Case(situation.id, situation.fix))
    };
    let declared = rules.situations.iter().chain(cause.situations).find_map(of);
    declared.or_else(|| {
        EVERYDAY
            .iter()
            .find(|one| one.id == id && one.of.contains(&cause.id))
            .map(|one| Bearing::Case(one.id, one.fix))
    })
}

fn told(fact: &Fact, line: &Logged, bearing: Bearing) -> Finding {
    let tie = match line.tie {
        Tie::Connection => "names this connection",
        Tie::Process => "is of a process of this connection",
        Tie::Unit => "is of its unit",
        Tie::Host => "is of the whole host",
        Tie::Program => "is of a program of this name",
        Tie::Address => "names one end's address",
    };
    let stated = match &line.claim {
        None => String::new(),
        Some(Claim::Cause(id) | Claim::Situation(id)) => format!(" and states {id}"),
    };
    let weight = match bearing {
        Bearing::Contradicts => ", which the facts leave standing beside the cause named",
        Bearing::Refused => ", which the facts refuse",
        _ => "",
    };
    let clock = line
        .clock
        .as_deref()
        .map_or_else(String::new, |clock| format!(" ({clock})"));
    let what = format!(
        "a log line {} {tie}{stated}{weight}{clock}: {}",
        when(line.apart_ms),
        line.quote
    );
    Finding::seen(what, &*fact.cite)
}

fn when(apart_ms: i64) -> String {
    let size = apart_ms.unsigned_abs();
    if size < 10 {
        return "at the same moment".to_owned();
    }
    let word = if apart_ms > 0 { "before" } else { "after" };
    format!("{}.{:02} s {word}", size / 1000, size % 1000 / 10)
}

#[cfg(test)]
#[path = "testimony_tests.rs"]
mod tests;
