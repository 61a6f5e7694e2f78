//! The part of the page on watchers that came while the connection stood. Refuses to call anything
//! honest that a place got wrong.

use std::fmt::Write;

use super::page::{certainly_wrong, first_line, percent};
use super::{Played, Runs};

/// How such a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The cause was said, and nobody was accused wrongly.
    Right,
    /// It was said with less than the cause, and nobody was accused wrongly.
    Honest,
    /// Somebody was accused wrongly, or nothing was said of what was seen.
    Wrong,
}

fn end(played: &Played) -> End {
    if played.broken.is_some() || !played.places.values().all(|place| place.pass) {
        End::Wrong
    } else if played.right() {
        End::Right
    } else {
        End::Honest
    }
}

/// Writes it.
pub fn write(page: &mut String, runs: &Runs) {
    let counted: Vec<_> = runs.iter().filter(|(_, played)| played.counts()).collect();
    let count = |wanted: End| counted.iter().filter(|(_, played)| end(played) == wanted).count();
    let certain = counted
        .iter()
        .filter(|(_, played)| played.places.values().any(certainly_wrong))
        .count();
    let scenarios: std::collections::BTreeSet<_> = counted.iter().map(|((id, _), _)| id).collect();
    let right = count(End::Right);
    page.push_str("## The watcher started during\n\nIt came while the connection stood that was then reset: what was before it did not see.\n\n");
    page.push_str("| scenarios | runs | cause said rightly | honest unknown | accused wrongly, or broke | `certain` and wrong |\n|---|---|---|---|---|---|\n");
    _ = writeln!(
        page,
        "| {} | {} | {right} ({}) | {} | {} | {certain} |\n",
        scenarios.len(),
        counted.len(),
        percent(right, counted.len()),
        count(End::Honest),
        count(End::Wrong),
    );
    for ((id, family), played) in &counted {
        if let Some(why) = &played.broken {
            _ = writeln!(page, "- {id} v{family} could not be played: {}", first_line(why));
        }
        for (vantage, place) in played.places.iter().filter(|(_, place)| !place.pass) {
            _ = writeln!(
                page,
                "- {id} v{family}, from the {vantage}: {}",
                first_line(&place.why)
            );
        }
        if end(played) == End::Honest {
            _ = writeln!(page, "- {id} v{family}: {} was not said", played.cause);
        }
    }
    page.push('\n');
}
