//! Plays one scenario under the eyes of the product from three places at once and holds what it
//! says against the truth. Refuses to count a scenario that could not be played.

mod basic;
mod record;
mod report;
mod several;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::record::{Captures, Ears};
use crate::compare::compare;
use crate::said::Said;
use crate::scenario::{Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Family};
use crate::truth::Vantage;
use crate::watcher::Watcher;

pub use basic::run_basic;
pub use record::Wire;
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
    /// What was played.
    pub scenario: &'static Scenario,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The outcome.
    pub outcome: Outcome,
    /// What was done, line by line.
    pub done: Vec<String>,
    /// The decisive frames, where they were recorded.
    pub wire: Option<Wire>,
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

/// What a run does beside playing.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Whether the product watches; without it only the steps are played.
    pub watch: bool,
    /// Keep the decisive frames.
    pub wire: bool,
    /// Where whole captures of both ends go.
    pub captures: Option<PathBuf>,
}

/// Plays one scenario. `program` is the built `whyreset`.
pub fn run_one(program: &Path, scenario: &'static Scenario, family: Family, how: &How) -> Report {
    let begun = Instant::now();
    let mut report = Report {
        scenario,
        family,
        outcome: Outcome::Played(Vec::new()),
        done: Vec::new(),
        wire: None,
        took: Duration::ZERO,
    };
    match scenario.probe_on(family) {
        Err(why) => report.outcome = Outcome::Skipped(why),
        Ok(()) => {
            if let Err(error) = play(program, &mut report, how) {
                report.outcome = Outcome::Broken(format!("{error:#}"));
            }
        }
    }
    report.took = begun.elapsed();
    report
}

fn play(program: &Path, report: &mut Report, how: &How) -> anyhow::Result<()> {
    let (scenario, family) = (report.scenario, report.family);
    let mut stage = match scenario.steps {
        Steps::Code(_) => Stage::apart(program, family, scenario.client, scenario.server)?,
        Steps::Script(_) => Stage::routed(program, family)?,
    };
    let watchers = if how.watch {
        watchers(program, scenario, &stage)?
    } else {
        Vec::new()
    };
    let ears = how.wire.then(|| Ears::open(&stage)).transpose()?;
    let captures = how.captures.as_deref();
    let captures = captures
        .map(|folder| Captures::start(program, &stage, folder, scenario.id, family))
        .transpose()?;
    let played = match scenario.steps {
        Steps::Code(play) => play(&mut stage),
        Steps::Script(script) => script.play(&mut stage),
    };
    report.done = stage.journal().lines();
    played?;
    // The watchers end before the stage does: the actors' death may send more.
    let about = stage.server_address();
    let port = about
        .filter(|_| scenario.is_software())
        .map(|address| address.port());
    let mut all = Vec::new();
    for (vantage, watcher) in watchers {
        let said = watcher.verdicts(QUIET)?;
        all.push(match vantage {
            Some(vantage) => Seen {
                vantage: vantage.word(),
                differences: compare(scenario, vantage, port, &said),
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
    report.outcome = Outcome::Played(all);
    report.wire = ears.map(|ears| ears.decisive(about)).transpose()?.flatten();
    if let Some(captures) = captures {
        captures.finish(scenario, about)?;
    }
    Ok(())
}

/// One at each place that the truth speaks of, all attached. `None` is the whole machine without
/// `--all`.
fn watchers(
    program: &Path,
    scenario: &Scenario,
    stage: &Stage,
) -> anyhow::Result<Vec<(Option<Vantage>, Watcher)>> {
    let mut watchers = Vec::new();
    for vantage in Vantage::ALL {
        if scenario.truth.view(vantage).is_none() {
            continue;
        }
        let words = words(stage, vantage, true)?;
        watchers.push((Some(vantage), Watcher::start(program, &words)?));
    }
    if scenario.truth.benign {
        let words = words(stage, Vantage::Machine, false)?;
        watchers.push((None, Watcher::start(program, &words)?));
    }
    for (_, watcher) in &mut watchers {
        watcher.wait_ready()?;
    }
    Ok(watchers)
}

fn words(stage: &Stage, vantage: Vantage, all: bool) -> anyhow::Result<Vec<String>> {
    let mut words = vec!["-o".to_owned(), "json".to_owned()];
    if all {
        words.push("--all".to_owned());
    }
    let place = match vantage {
        Vantage::Server => Some(stage.at(End::Server)?),
        Vantage::Client => Some(stage.at(End::Client)?),
        Vantage::Router => stage.topology()?.router(),
        Vantage::Machine => None,
    };
    if let Some(place) = place {
        words.extend(["--netns".to_owned(), place.inode()?.to_string()]);
    }
    words.extend(stage.topology()?.filter().split(' ').map(str::to_owned));
    Ok(words)
}
