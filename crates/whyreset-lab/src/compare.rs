//! Holds what was said against the truth. Refuses to forgive a wrong accusation because a right
//! one stands beside it.

use std::net::IpAddr;
use std::time::SystemTime;

use whyreset_evidence::Certainty;

use crate::kernel;
use crate::said::Said;
use crate::scenario::Scenario;
use crate::truth::{Accused, Truth, Vantage, View};
use crate::under_run::Told;

/// The differences, empty where all is right. Where the scenario is `about` one server port, other
/// connections are held against nothing but a wrong `certain`.
pub fn compare(scenario: &Scenario, vantage: Vantage, about: Option<u16>, said: &[Said]) -> Vec<String> {
    let truth = &scenario.truth;
    let Some(view) = truth.view(vantage) else {
        return Vec::new();
    };
    let (mut differences, said) = accusations(scenario, view, about, said);
    match view {
        View::Knows(least) => {
            let most = if truth.reply && !kernel::reports_replies() {
                Certainty::Likely
            } else {
                least
            };
            differences.extend(lacks(scenario, vantage, least.min(most), &said));
        }
        _ => differences.extend(out_of_place(view, &said)),
    }
    differences
}

/// As [`compare`], for a watcher that came while the connection stood: what was before may be
/// missing, and so may the cause and its certainty. That something ended here is not missing, and
/// a wrong accusation is as wrong as ever.
pub fn joined(scenario: &Scenario, vantage: Vantage, about: Option<u16>, said: &[Said]) -> Vec<String> {
    let Some(view) = scenario.truth.view(vantage) else {
        return Vec::new();
    };
    let (mut differences, said) = accusations(scenario, view, about, said);
    differences.extend(out_of_place(view, &said));
    differences
}

/// As [`compare`], for a watcher that was attached only `since` then, when all was over: of what it
/// did not see it must say nothing. A later reset it may judge, and not wrongly.
pub fn too_late(
    scenario: &Scenario,
    vantage: Vantage,
    about: Option<u16>,
    said: &[Said],
    since: SystemTime,
) -> Vec<String> {
    let Some(view) = scenario.truth.view(vantage) else {
        return Vec::new();
    };
    let (mut differences, said) = accusations(scenario, view, about, said);
    for verdict in said {
        if verdict.time().is_none_or(|time| time < since) {
            differences.push(format!("said of what it did not see: {}", verdict.brief()));
        }
    }
    differences
}

/// What `whyreset run` told of the client's connections to this server, held against what the watcher
/// of the whole machine said of the same: every failure that the client met is told, and is of the same
/// kind, end and stage; none is told that was not; and no verdict accuses wrongly.
pub fn under_run(
    scenario: &Scenario,
    client: IpAddr,
    about: Option<u16>,
    told: &[Told],
    machine: &[Said],
) -> Vec<String> {
    let verdicts: Vec<Said> = told.iter().filter_map(Told::verdict).collect();
    let view = scenario.truth.view(Vantage::Client).unwrap_or(View::Silent);
    let (mut differences, _) = accusations(scenario, view, about, &verdicts);
    let same = |told: &Told, said: &Said| {
        // A connect() that failed gave the address back.
        let local = told.address("local").is_none_or(|local| {
            Some(local.port()) == said.port("client")
                && (local.ip().is_unspecified() || Some(local) == said.address("client"))
        });
        local && told.address("remote") == said.address("server")
    };
    let of_client = |said: &&Said| {
        let here = said
            .address("client")
            .is_some_and(|address| address.ip() == client);
        here && (about.is_none() || said.port("server") == about)
    };
    for said in machine
        .iter()
        .filter(of_client)
        .filter(|said| said.met_by_client())
    {
        let Some(told) = told.iter().find(|told| same(told, said)) else {
            differences.push(format!("not told: {}", said.brief()));
            continue;
        };
        if let Some(why) = told_otherwise(told, said) {
            differences.push(format!("{why}: {}; it was {}", told.brief(), said.brief()));
        }
    }
    for told in told.iter().filter(|told| told.text("by") == "rst") {
        let remote = told.address("remote").map(|remote| remote.port());
        let known = machine.iter().any(|said| same(told, said));
        if !known && (about.is_none() || remote == about) {
            differences.push(format!("told of a reset that was not: {}", told.brief()));
        }
    }
    differences
}

/// In what the two differ. A reset from between bears the server's name, and an end cannot tell it.
fn told_otherwise(told: &Told, said: &Said) -> Option<&'static str> {
    let refused = said.text("/outcome") == "refused";
    let outcome = match said.text("/reset/from") {
        "client" => "aborted",
        _ => said.text("/outcome"),
    };
    if told.text("outcome") != outcome {
        return Some("another outcome");
    }
    let of = |end: &str| said.number(&format!("/connection/bytes_to_{end}"));
    let stage = told.text("stage");
    // What the client sent, its server need not have got.
    let right = match (of("server"), of("client")) {
        _ if refused => stage == "handshake",
        (Some(0), Some(0)) => matches!(stage, "open" | "after-request"),
        (Some(1..), Some(0)) => stage == "after-request",
        (Some(_), Some(1..)) => !matches!(stage, "handshake" | "open"),
        _ => stage != "handshake",
    };
    (!right).then_some("another stage")
}

const ACCUSED: &str = "wrong accusation";
const CERTAIN_OF_ANOTHER: &str = "certain of another connection's";
const NOTHING_TO_SAY: &str = "there was nothing to say";

/// Every wrong accusation, and what was said of the connections that the scenario is about.
fn accusations<'a>(
    scenario: &Scenario,
    view: View,
    about: Option<u16>,
    said: &'a [Said],
) -> (Vec<String>, Vec<&'a Said>) {
    let truth = &scenario.truth;
    let accepted = match view {
        View::Guesses(causes) | View::May(causes) => causes,
        View::Knows(_) | View::Silent => &[],
    };
    let mut differences = Vec::new();
    let (said, others): (Vec<&Said>, Vec<&Said>) = said
        .iter()
        .partition(|verdict| about.is_none() || verdict.port("server") == about);
    for verdict in others {
        let cause = verdict.cause();
        if verdict.certainty == Certainty::Certain && !truth.also.contains(&cause) {
            differences.push(format!("{CERTAIN_OF_ANOTHER} {cause}: {}", verdict.brief()));
        }
    }
    // A busy machine sends again what was only slow, on any connection that ends in good order meanwhile.
    let said: Vec<&Said> = said
        .into_iter()
        .filter(|verdict| truth.benign || !verdict.is_after_goodbye())
        .collect();
    for &verdict in &said {
        if let Some(why) = wrong(scenario, view, accepted, verdict) {
            differences.push(format!("{ACCUSED}: {why}: {}", verdict.brief()));
        }
    }
    (differences, said)
}

/// Whether a difference is something that should not have been said, rather than something that is missing.
pub(crate) fn is_too_much(difference: &str) -> bool {
    [ACCUSED, CERTAIN_OF_ANOTHER, NOTHING_TO_SAY]
        .iter()
        .any(|words| difference.starts_with(words))
}

/// Silence where there was something to say, or words where there was nothing.
fn out_of_place(view: View, said: &[&Said]) -> Option<String> {
    match view {
        View::Knows(_) | View::Guesses(_) if said.is_empty() => Some("nothing was said".to_owned()),
        View::Silent if !said.is_empty() => {
            let all: Vec<String> = said.iter().map(|verdict| verdict.brief()).collect();
            Some(format!("{NOTHING_TO_SAY}, yet: {}", all.join("; ")))
        }
        _ => None,
    }
}

/// Why this verdict accuses wrongly.
fn wrong(scenario: &Scenario, view: View, accepted: &[&str], verdict: &Said) -> Option<String> {
    let truth = &scenario.truth;
    let cause = verdict.cause();
    let is_true = cause == scenario.cause || truth.or.contains(&cause);
    if verdict.certainty == Certainty::Certain {
        if !is_true {
            return Some(format!("certain of {cause}, it was {}", scenario.cause));
        }
        if !matches!(view, View::Knows(_)) {
            return Some("certain of what cannot be known from here".to_owned());
        }
    }
    let near = is_true || truth.mechanism == Some(cause) || accepted.contains(&cause) || cause == "unknown";
    if verdict.certainty >= Certainty::Likely && !near {
        return Some(format!("{cause} likely, it was {}", scenario.cause));
    }
    if let Some(name) = verdict.accused()
        && truth.accused.is_innocent(name)
    {
        return Some(format!("{name} is innocent"));
    }
    let from = verdict.text("/reset/from");
    // What is accepted in the truth's place stands on what can be seen there.
    if verdict.certainty >= Certainty::Possible
        && cause != "unknown"
        && !accepted.contains(&cause)
        && from != truth.from
        && from != "unknown"
    {
        return Some(format!(
            "the reset came from the {}, not from the {from}",
            truth.from
        ));
    }
    None
}

/// What the one right verdict lacks.
fn lacks(scenario: &Scenario, vantage: Vantage, least: Certainty, said: &[&Said]) -> Vec<String> {
    let truth = &scenario.truth;
    let right: Vec<&Said> = said
        .iter()
        .copied()
        .filter(|v| v.cause() == scenario.cause || truth.or.contains(&v.cause()))
        .filter(|v| truth.outcome.contains(&v.text("/outcome")))
        .collect();
    let (verdict, rest) = match right.split_first() {
        Some((verdict, rest)) => (*verdict, rest),
        None if said.is_empty() => return vec![format!("nothing was said; it was {}", scenario.cause)],
        None => {
            let all: Vec<String> = said.iter().map(|verdict| verdict.brief()).collect();
            return vec![format!(
                "not said: {} (outcome {}); said: {}",
                scenario.cause,
                truth.outcome.join(" or "),
                all.join("; ")
            )];
        }
    };
    let mut differences = Vec::new();
    if !rest.is_empty() && !truth.several {
        differences.push(format!("said {} times, not folded into one", right.len()));
    }
    if verdict.certainty < least {
        differences.push(format!(
            "only {}, not {}",
            verdict.certainty.as_str(),
            least.as_str()
        ));
    }
    let mut same = |what: &str, is: &str, must: &str| {
        if is != must {
            differences.push(format!("{what} is {is:?}, not {must:?}"));
        }
    };
    same("party", verdict.text("/sender/party"), truth.party);
    same("reset.from", verdict.text("/reset/from"), truth.from);
    let exact = verdict.cause() == scenario.cause;
    if let Some(mechanism) = truth.mechanism.filter(|_| exact) {
        same("mechanism", verdict.text("/cause/mechanism"), mechanism);
    }
    if let Some(situation) = truth.situation.filter(|_| exact) {
        same("situation", verdict.text("/cause/situation"), situation);
    }
    if let Accused::Must(name) = truth.accused {
        same("process", verdict.accused().unwrap_or_default(), name);
    }
    if let (Vantage::Machine, Some(name)) = (vantage, truth.victim) {
        let suffers = ["/victim/process/name", "/victim/kernel"].map(|path| verdict.text(path));
        same(
            "victim",
            suffers
                .into_iter()
                .find(|who| !who.is_empty())
                .unwrap_or_default(),
            name,
        );
    }
    same("host", verdict.text("/sender/host"), host(truth));
    if verdict.benign() != truth.benign {
        differences.push(format!("benign is {}, not {}", verdict.benign(), truth.benign));
    }
    let rule = verdict.text("/sender/rule");
    for words in truth.rule.iter().filter(|words| exact && !rule.contains(**words)) {
        differences.push(format!("the rule is {rule:?}, without {words:?}"));
    }
    for words in truth.cites.iter().filter(|_| exact) {
        if !verdict.cites(words) {
            differences.push(format!("no evidence cites {words:?}"));
        }
    }
    differences
}

/// Where the sender is, from a place that knows: it is this machine, or a rule on it.
fn host(truth: &Truth) -> &'static str {
    match truth.party {
        "middlebox" => "between",
        _ => "local",
    }
}

#[cfg(test)]
mod tests;
