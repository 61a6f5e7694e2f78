//! The page of the score. Refuses to round in the product's favour.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::captures::{self, View};
use super::peers::Peer;
use super::script::Reasons;
use super::{Place, Played, Runs, late, run};

/// Markdown. `joined` are the runs whose watchers came while the connection stood, `under_run` those
/// whose client ran under `whyreset run`, `reasons` what the script told, or why it could not run,
/// `views` what was made of the captures.
pub fn write(
    runs: &Runs,
    joined: &Runs,
    under_run: &Runs,
    reasons: &Result<Reasons, String>,
    peers: &[Peer],
    views: &[View],
) -> String {
    let counted: Vec<(&(String, String), &Played)> =
        runs.iter().filter(|(_, played)| played.counts()).collect();
    let mut page = "# The score\n\nEvery scenario of `whyreset lab`, made to happen by real kernels and real programs on this machine, and \
         what the watcher said of it. Written by `cargo xtask score`.\n\n"
        .to_owned();
    head(&mut page, &counted);
    vantages(&mut page, &counted);
    wrong(&mut page, &counted);
    late::write(&mut page, joined);
    run::write(&mut page, under_run);
    others(&mut page, &counted, reasons, peers);
    captures::write(&mut page, views, runs, peers);
    confusion(&mut page, &counted);
    failures(&mut page, runs);
    page
}

pub fn percent(part: usize, whole: usize) -> String {
    // Down, so that 100 % means all.
    let tenths = (part * 1_000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

type Counted<'a> = [(&'a (String, String), &'a Played)];

fn head(page: &mut String, counted: &Counted<'_>) {
    let right = counted.iter().filter(|(_, played)| played.right()).count();
    let scenarios: BTreeSet<&String> = counted.iter().map(|((id, _), _)| id).collect();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    _ = writeln!(
        page,
        "{} scenarios, {} runs on IPv4 and IPv6, Linux {}. Right cause, right party and right process at the best \
         local place: **{right} of {} ({})**; the goal is 95 %.\n",
        scenarios.len(),
        counted.len(),
        release.trim(),
        counted.len(),
        percent(right, counted.len())
    );
    let again = counted.iter().filter(|(_, played)| played.times > 1).count();
    if again > 0 {
        _ = writeln!(
            page,
            "This kernel shows nobody what happens while process 1 runs: {again} runs in which something was missing were \
             played a second time, and count as that came out.\n"
        );
    }
}

fn vantages(page: &mut String, counted: &Counted<'_>) {
    page.push_str("| seen from | runs | as it should be | `certain` and wrong |\n|---|---|---|---|\n");
    for vantage in ["server", "client", "router", "machine"] {
        let places: Vec<&Place> = counted
            .iter()
            .filter_map(|(_, played)| played.places.get(vantage))
            .collect();
        let right = places.iter().filter(|place| place.pass).count();
        let wrong = places.iter().filter(|place| certainly_wrong(place)).count();
        _ = writeln!(
            page,
            "| {vantage} | {} | {right} ({}) | {wrong} |",
            places.len(),
            percent(right, places.len())
        );
    }
    page.push_str(
        "\nFrom the end that did not send the reset much cannot be known: as it should be is then what claims no more \
         than it can know.\n\n",
    );
}

pub fn certainly_wrong(place: &Place) -> bool {
    place.why.contains("wrong accusation: certain") || place.why.contains("certain of another connection")
}

fn wrong(page: &mut String, counted: &Counted<'_>) {
    page.push_str("## `certain` and wrong\n\n");
    let mut none = true;
    for ((id, family), played) in counted {
        for (vantage, place) in played.places.iter().filter(|(_, place)| certainly_wrong(place)) {
            none = false;
            _ = writeln!(page, "- {id} v{family}, from the {vantage}: {}", place.why);
        }
    }
    page.push_str(if none { "None.\n\n" } else { "\n" });
}

/// The kernel's reason alone, read as well as it can be: each reason taken for the cause that it
/// most often stands for in these very runs. Where the script could not run, the reasons are those
/// that the verdicts quote.
fn reason_alone(counted: &Counted<'_>, reasons: &Result<Reasons, String>) -> (usize, usize) {
    let mut seen: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let reason = |run: &(String, String), played: &'_ Played| -> Option<String> {
        match reasons {
            Ok(told) => told.get(run).cloned(),
            Err(_) => played.places.get("machine")?.reasons.first().cloned(),
        }
    };
    let told: Vec<(String, &Played)> = counted
        .iter()
        .filter(|(_, played)| played.cause != "unknown")
        .filter_map(|(run, played)| Some((reason(run, played)?, *played)))
        .collect();
    for (reason, played) in &told {
        *seen.entry(reason).or_default().entry(&played.cause).or_default() += 1;
    }
    let right = seen.values().filter_map(|causes| causes.values().max()).sum();
    let resets = counted
        .iter()
        .filter(|(_, played)| played.cause != "unknown")
        .count();
    (right, resets)
}

fn others(page: &mut String, counted: &Counted<'_>, reasons: &Result<Reasons, String>, peers: &[Peer]) {
    let (right, resets) = reason_alone(counted, reasons);
    let ours = counted
        .iter()
        .filter(|(_, played)| played.cause != "unknown" && played.right())
        .count();
    page.push_str(
        "## Others, on the same runs\n\n| tool | cause named rightly | what it says |\n|---|---|---|\n",
    );
    _ = writeln!(
        page,
        "| whyreset | {ours} of {resets} ({}) | cause, process, evidence, fix |",
        percent(ours, resets)
    );
    let name = match reasons {
        Ok(_) => "a bpftrace script on `tcp_send_reset`".to_owned(),
        Err(why) => {
            format!("the kernel's reason as the verdicts quote it (no bpftrace script beside: {why})")
        }
    };
    _ = writeln!(
        page,
        "| {name}, read at its best: each reason taken for the cause it most often has in these runs | \
         {right} of {resets} ({}) | `TCP_ABORT_ON_CLOSE`, both addresses |",
        percent(right, resets)
    );
    for peer in peers {
        match peer.captures {
            None => _ = writeln!(page, "| {} | not installed here | |", peer.name),
            Some(captures) => {
                _ = writeln!(
                    page,
                    "| {} | 0 of {captures} captures: it names no cause | a reset in {} of them: {} |",
                    peer.name, peer.resets, peer.words
                );
            }
        }
    }
    page.push('\n');
}

fn confusion(page: &mut String, counted: &Counted<'_>) {
    page.push_str("## Truth and verdict\n\nSeen from the whole machine; how often each cause was said.\n\n| truth | said |\n|---|---|\n");
    let mut matrix: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for (_, played) in counted {
        let Some(place) = played.places.get("machine") else {
            continue;
        };
        let row = matrix.entry(&played.cause).or_default();
        let said: BTreeSet<String> = place
            .said
            .iter()
            .map(|(cause, certainty)| format!("{cause} ({certainty})"))
            .collect();
        if said.is_empty() {
            *row.entry("nothing".to_owned()).or_default() += 1;
        }
        for cause in said {
            *row.entry(cause).or_default() += 1;
        }
    }
    for (truth, row) in matrix {
        let row: Vec<String> = row
            .into_iter()
            .map(|(said, count)| format!("{said} x {count}"))
            .collect();
        _ = writeln!(page, "| {truth} | {} |", row.join(", "));
    }
    page.push('\n');
}

fn failures(page: &mut String, runs: &Runs) {
    page.push_str("## Not as it should be\n\n");
    let mut none = true;
    for ((id, family), played) in runs {
        if let Some(why) = &played.broken {
            none = false;
            _ = writeln!(page, "- {id} v{family} could not be played: {}", first_line(why));
        }
        for (vantage, place) in played.places.iter().filter(|(_, place)| !place.pass) {
            none = false;
            _ = writeln!(
                page,
                "- {id} v{family}, from the {vantage}: {}",
                first_line(&place.why)
            );
        }
    }
    page.push_str(if none { "Nothing.\n\n" } else { "\n" });
    page.push_str("## Not played here\n\n");
    let mut skipped: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((id, family), played) in runs {
        if let Some(why) = &played.skipped {
            skipped.entry(why).or_default().push(format!("{id} v{family}"));
        }
    }
    for (why, ids) in &skipped {
        _ = writeln!(page, "- {}: {why}", ids.join(", "));
    }
    if skipped.is_empty() {
        page.push_str("Everything was played.\n");
    }
}

pub fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
