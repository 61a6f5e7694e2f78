//! The part of the page on captures. Refuses to add up what was named and what was merely not
//! ruled out.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::page::percent;
use super::super::peers::Peer;
use super::super::{Run, Runs};
use super::{Judged, Verdict, View};

/// Writes it.
pub fn write(page: &mut String, views: &[View], runs: &Runs, peers: &[Peer]) {
    page.push_str(
        "## From captures\n\n`whyreset read` on the captures that the same runs left, with nothing but packets to go \
         by: at one place, with those of the two ends together, or with all files of a run (joined). A run counts where its capture holds a reset \
         from or to its server, and is right where a verdict on such a reset is.\n\n\
         | view | captures | with a reset | right sender | right cause | names it or a rival that packets cannot tell \
         apart | the same, or a rival that it refused | `certain` | `certain` and wrong |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for view in views {
        row(page, view);
    }
    page.push_str(
        "\nThe goals: right sender 97 % and right cause 85 % from one place, right sender 100 % of what was captured at \
         both ends, nothing `certain` and wrong. The columns of the rivals count what was not \
         named: they are no figures of right causes. Right is also who names the way that the truth came about \
         (unread-data where a program was killed with data unread): packets show no process.\n\n",
    );
    beside(page, views, runs, peers);
    let certain = named(views, Judged::certainly_wrong);
    list(page, "### `certain` and wrong, from captures", certain);
    let boxes = named(views, Judged::blames_a_box);
    list(
        page,
        "### Something between accused of what an end's host sent",
        boxes,
    );
    list(page, "### The sender not named", unnamed(views));
    let broken = of_all(views, |judged| judged.broken.iter().cloned().collect());
    if !broken.is_empty() {
        list(page, "### Could not be read", broken);
    }
    let lost: Vec<String> = views.iter().flat_map(losses).collect();
    if !lost.is_empty() {
        list(page, "### Captures that are not whole", lost);
    }
    confusion(page, views);
}

fn losses(view: &View) -> impl Iterator<Item = String> {
    let line =
        |(run, count): &(Run, u64)| format!("{}, {}: tcpdump lost {count} packets", called(run), view.name);
    view.lost.iter().map(line)
}

fn row(page: &mut String, view: &View) {
    let count = |right: fn(&Judged) -> bool| view.judged.iter().filter(|judged| right(judged)).count();
    let runs = view.judged.len();
    // Where nobody sent one, no sender can be right.
    let sent = count(|judged| judged.truth.from.is_some());
    let [sender, cause, near, mentioned, certain, wrong] = [
        count(|judged| judged.truth.from.is_some() && judged.right_sender()),
        count(Judged::right_cause),
        count(Judged::within_reach),
        count(Judged::mentioned),
        count(|judged| {
            judged
                .verdicts
                .iter()
                .any(|verdict| verdict.certainty == "certain")
        }),
        count(|judged| judged.certainly_wrong().next().is_some()),
    ];
    _ = writeln!(
        page,
        "| {} | {} | {runs} | {sender} of {sent} ({}) | {cause} of {runs} ({}) | {near} ({}) | {mentioned} ({}) | {certain} | {wrong} |",
        view.name,
        view.captures,
        percent(sender, sent),
        percent(cause, runs),
        percent(near, runs),
        percent(mentioned, runs),
    );
}

/// What the kernels' events and other tools made of the runs whose captures at the client hold a
/// reset.
fn beside(page: &mut String, views: &[View], runs: &Runs, peers: &[Peer]) {
    let Some(view) = views.iter().find(|view| view.name == "client") else {
        return;
    };
    let count = view.judged.len();
    let right = view.judged.iter().filter(|judged| judged.right_cause()).count();
    page.push_str("| on the runs of the client's view | right cause |\n|---|---|\n");
    _ = writeln!(
        page,
        "| `whyreset read`, the client's capture alone | {right} of {count} ({}) |",
        percent(right, count)
    );
    let played: Vec<bool> = view
        .judged
        .iter()
        .filter_map(|judged| runs.get(&judged.truth.run))
        .map(super::super::Played::right)
        .collect();
    if !played.is_empty() {
        let right = played.iter().filter(|right| **right).count();
        _ = writeln!(
            page,
            "| the kernels' events (`whyreset watch`, the best local place, party and process too) | {right} of {} ({}) |",
            played.len(),
            percent(right, played.len())
        );
    }
    for peer in peers {
        _ = match peer.captures {
            None => writeln!(page, "| {} | not installed here |", peer.name),
            Some(captures) => writeln!(
                page,
                "| {} | 0: it names no cause; it tells of a reset in {} of all {captures} captures |",
                peer.name, peer.resets
            ),
        };
    }
    page.push('\n');
}

/// Each run of whose reset some place named no sender or another: where, and what was said first.
fn unnamed(views: &[View]) -> Vec<String> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for view in views {
        for judged in &view.judged {
            let Some(from) = &judged.truth.from else {
                continue;
            };
            if judged.right_sender() {
                continue;
            }
            let said = judged.verdicts.first().map_or("nothing".to_owned(), |verdict| {
                format!("{} from {}", verdict.cause, verdict.from)
            });
            let truth = format!("{} (from {from})", called(&judged.truth.run));
            lines
                .entry(truth)
                .or_default()
                .push(format!("{}: {said}", view.name));
        }
    }
    lines
        .into_iter()
        .map(|(truth, said)| format!("{truth}: {}", said.join("; ")))
        .collect()
}

/// What is to be listed by name.
fn of_all(views: &[View], ask: impl Fn(&Judged) -> Vec<String>) -> Vec<String> {
    let mut lines = Vec::new();
    for view in views {
        for judged in &view.judged {
            let name = called(&judged.truth.run);
            lines.extend(
                ask(judged)
                    .into_iter()
                    .map(|text| format!("{name}, {}: {text}", view.name)),
            );
        }
    }
    lines
}

fn named<'a, I: Iterator<Item = &'a Verdict>>(
    views: &'a [View],
    pick: impl Fn(&'a Judged) -> I,
) -> Vec<String> {
    let mut lines = Vec::new();
    for view in views {
        for judged in &view.judged {
            let truth = &judged.truth;
            lines.extend(pick(judged).map(|verdict| {
                format!(
                    "{}, {}: {} ({}, from {}); it was {}, from {}",
                    called(&truth.run),
                    view.name,
                    verdict.cause,
                    verdict.certainty,
                    verdict.from,
                    truth.cause,
                    truth.from.as_deref().unwrap_or("nobody")
                )
            }));
        }
    }
    lines
}

fn list(page: &mut String, head: &str, lines: Vec<String>) {
    _ = writeln!(page, "{head}\n");
    if lines.is_empty() {
        page.push_str("None.\n");
    }
    for line in lines {
        _ = writeln!(page, "- {line}");
    }
    page.push('\n');
}

fn called((id, family): &Run) -> String {
    format!("{id} v{family}")
}

fn confusion(page: &mut String, views: &[View]) {
    page.push_str(
        "### Truth and verdict, from the client's capture\n\nThe right verdict of each run where there is one, else its \
         first.\n\n| truth | said |\n|---|---|\n",
    );
    let mut matrix: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    let client = views.iter().filter(|view| view.name == "client");
    for judged in client.flat_map(|view| &view.judged) {
        let right = judged
            .verdicts
            .iter()
            .find(|verdict| judged.truth.is(&verdict.cause));
        let said = match right.or(judged.verdicts.first()) {
            Some(verdict) => format!("{} ({})", verdict.cause, verdict.certainty),
            None => "nothing".to_owned(),
        };
        let row = matrix.entry(&judged.truth.cause).or_default();
        *row.entry(said).or_default() += 1;
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
