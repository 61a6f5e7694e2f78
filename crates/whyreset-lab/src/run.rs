//! Plays one scenario under the eyes of the product from three places at once and holds what it
//! says against the truth. Refuses to count a scenario that could not be played.

mod basic;
mod report;
mod several;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::compare::compare;
use crate::said::Said;
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::topology::{End, Family};
use crate::truth::Vantage;
use crate::watcher::Watcher;

pub use basic::run_basic;
pub use report::{list_json, list_text};
pub use several::{Options, run_several};

/// A watcher prints within this time after the last event.
const QUIET: Duration = Duration::from_millis(700);

/// What came out from one place.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The place, or `folded` for the whole machine without `--all`.
    pub vantage: &'static str,
    /// Differences from the truth; empty where all is right.
    pub differences: Vec<String>,
    /// What was said.
    pub said: Vec<Said>,
}

/// What came out of one scenario.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was played; one entry for each place.
    Played(Vec<Seen>),
    /// It cannot be played here.
    Skipped(String),
    /// Playing it failed: a fault of the lab, of the machine, or of the product's start.
    Broken(String),
}

/// One scenario on one address family.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its id.
    pub scenario: &'static str,
    /// The truth.
    pub cause: &'static str,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The outcome.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether nothing is wrong. A skipped scenario is not wrong.
    pub fn passed(&self) -> bool {
        match &self.outcome {
            Outcome::Played(seen) => seen.iter().all(|seen| seen.differences.is_empty()),
            Outcome::Skipped(_) => true,
            Outcome::Broken(_) => false,
        }
    }
}

/// Plays one scenario under the eyes of the product. `program` is the built `whyreset`.
pub fn run_one(program: &Path, scenario: &'static Scenario, family: Family) -> Report {
    run(program, scenario, family, true)
}

/// Plays only the steps of one scenario, unwatched: checks the lab itself.
pub fn run_steps(program: &Path, scenario: &'static Scenario, family: Family) -> Report {
    run(program, scenario, family, false)
}

fn run(program: &Path, scenario: &'static Scenario, family: Family, watch: bool) -> Report {
    let begun = Instant::now();
    let outcome = match scenario.probe() {
        Err(why) => Outcome::Skipped(why),
        Ok(()) => match play(program, scenario, family, watch) {
            Ok(seen) => Outcome::Played(seen),
            Err(error) => Outcome::Broken(format!("{error:#}")),
        },
    };
    Report {
        scenario: scenario.id,
        cause: scenario.cause,
        family,
        outcome,
        took: begun.elapsed(),
    }
}

fn play(program: &Path, scenario: &Scenario, family: Family, watch: bool) -> anyhow::Result<Vec<Seen>> {
    let mut stage = Stage::apart(program, family, scenario.client, scenario.server)?;
    let mut watchers = Vec::new();
    if watch {
        for vantage in Vantage::ALL {
            let words = words(&stage, vantage, true)?;
            watchers.push((Some(vantage), Watcher::start(program, &words)?));
        }
        if scenario.truth.benign {
            let words = words(&stage, Vantage::Machine, false)?;
            watchers.push((None, Watcher::start(program, &words)?));
        }
    }
    for (_, watcher) in &mut watchers {
        watcher.wait_ready()?;
    }
    (scenario.play)(&mut stage)?;
    // The watchers end before the stage does: the actors' death may send more.
    let mut all = Vec::new();
    for (vantage, watcher) in watchers {
        let said = watcher.verdicts(QUIET)?;
        all.push(match vantage {
            Some(vantage) => Seen {
                vantage: vantage.word(),
                differences: compare(scenario, vantage, &said),
                said,
            },
            None => Seen {
                vantage: "folded",
                differences: said
                    .iter()
                    .map(|v| format!("not folded away: {}", v.brief()))
                    .collect(),
                said,
            },
        });
    }
    Ok(all)
}

fn words(stage: &Stage, vantage: Vantage, all: bool) -> anyhow::Result<Vec<String>> {
    let mut words = vec!["-o".to_owned(), "json".to_owned()];
    if all {
        words.push("--all".to_owned());
    }
    let end = match vantage {
        Vantage::Server => Some(End::Server),
        Vantage::Client => Some(End::Client),
        Vantage::Machine => None,
    };
    if let Some(end) = end {
        words.extend(["--netns".to_owned(), stage.at(end)?.inode()?.to_string()]);
    }
    words.extend(stage.topology()?.filter().split(' ').map(str::to_owned));
    Ok(words)
}
