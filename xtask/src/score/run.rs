//! The part of the page on clients that ran under `whyreset run`. Refuses to count a run in which
//! nothing was held against it.

use std::fmt::Write;

use super::Runs;
use super::page::{first_line, percent};

/// The place's word.
const RUN: &str = "run";

/// Writes it.
pub fn write(page: &mut String, runs: &Runs) {
    let counted: Vec<_> = runs.iter().filter(|(_, played)| played.counts()).collect();
    let told = counted.iter().filter_map(|(_, played)| played.places.get(RUN));
    let failed = told.clone().filter(|place| !place.said.is_empty()).count();
    let right = told.filter(|place| place.pass).count();
    page.push_str(
        "## The client's programs under `whyreset run`\n\nAs an ordinary user without capabilities, by their calls; what it told of \
         each connection held against what the watcher of the whole machine said of the same: outcome, end and stage, nothing left \
         out that the client met, nothing told that was not, no verdict that accuses wrongly.\n\n",
    );
    page.push_str(
        "| runs | in which a reset, a refusal or a timeout was told | all right |\n|---|---|---|\n",
    );
    _ = writeln!(
        page,
        "| {} | {failed} | {right} ({}) |\n",
        counted.len(),
        percent(right, counted.len())
    );
    for ((id, family), played) in &counted {
        if let Some(why) = &played.broken {
            _ = writeln!(page, "- {id} v{family} could not be played: {}", first_line(why));
        }
        if let Some(place) = played.places.get(RUN).filter(|place| !place.pass) {
            _ = writeln!(page, "- {id} v{family}: {}", first_line(&place.why));
        }
    }
    page.push('\n');
}
