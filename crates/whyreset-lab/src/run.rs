//! Plays one scenario under the eyes of the product from three places at once and holds what it
//! says against the truth. Refuses to count a scenario that could not be played.

mod basic;
mod record;
mod report;
mod several;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use self::record::{Captures, Ears};
use crate::compare::{self, compare};
use crate::kernel;
use crate::lookout::{Heard, Lookout, WatchFrom};
use crate::said::Said;
use crate::scenario::{Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Family};
use crate::truth::Vantage;
use crate::under_run::Told;

pub use basic::run_basic;
pub use record::Wire;
pub use report::{list_json, list_text};
pub use several::{Options, run_several};

/// A watcher prints within this time after the last event.
const QUIET: Duration = Duration::from_millis(700);

/// Why a scenario cannot be watched from a moment within it.
const NO_MOMENT: &str = "there is no moment at which the connection stands and nothing has happened to it";

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
    /// When the watchers started.
    pub from: WatchFrom,
    /// The outcome.
    pub outcome: Outcome,
    /// What was done, line by line.
    pub done: Vec<String>,
    /// The decisive frames, where they were recorded.
    pub wire: Option<Wire>,
    /// How long it took.
    pub took: Duration,
    /// What came out the first time, where it was played again because this kernel may have hidden what
    /// decides.
    pub before: Option<Box<Report>>,
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

    /// Whether something hidden may be all that is wrong: it was played, and nothing was said that should
    /// not have been.
    fn may_lack_a_moment(&self) -> bool {
        let Outcome::Played(seen) = &self.outcome else {
            return false;
        };
        let mut differences = seen.iter().flat_map(|seen| &seen.differences);
        !self.passed() && !differences.any(|difference| compare::is_too_much(difference))
    }
}

/// What a run does beside playing.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Whether the product watches; without it only the steps are played.
    pub watch: bool,
    /// When its watchers start.
    pub from: WatchFrom,
    /// Whether the client's programs run under `whyreset run`, which is then a place of its own.
    pub under_run: bool,
    /// Keep the decisive frames.
    pub wire: bool,
    /// Where whole captures go: both ends, and the router where there is one.
    pub captures: Option<PathBuf>,
}

/// Plays one scenario, and once more where the kernel may have hidden what decides. `program` is the
/// built `whyreset`.
pub fn run_one(program: &Path, scenario: &'static Scenario, family: Family, how: &How) -> Report {
    let report = run_once(program, scenario, family, how);
    if report.may_lack_a_moment() && kernel::hides_moments().is_some() {
        return Report {
            before: Some(Box::new(report)),
            ..run_once(program, scenario, family, how)
        };
    }
    report
}

fn run_once(program: &Path, scenario: &'static Scenario, family: Family, how: &How) -> Report {
    let begun = Instant::now();
    let mut report = Report {
        scenario,
        family,
        from: how.from,
        outcome: Outcome::Played(Vec::new()),
        done: Vec::new(),
        wire: None,
        took: Duration::ZERO,
        before: None,
    };
    let possible = scenario.probe_on(family).and_then(|()| match how.from {
        WatchFrom::During if !scenario.may_be_joined() => Err(NO_MOMENT.to_owned()),
        _ if how.under_run => scenario
            .client_needs_root()
            .map_or(Ok(()), |why| Err(why.to_owned())),
        _ => Ok(()),
    });
    match possible {
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
        Steps::Across(_) | Steps::Script(_) => Stage::routed(program, family)?,
    };
    if how.watch {
        let mut lookout = Lookout::plan(program, scenario, &stage, how.from)?;
        lookout.reached(WatchFrom::Before)?;
        stage.watch_with(lookout);
    }
    if how.under_run {
        stage.put_client_under_run()?;
    }
    let ears = how.wire.then(|| Ears::open(&stage)).transpose()?;
    let captures = how.captures.as_deref();
    let captures = captures
        .map(|folder| Captures::start(program, &stage, folder, scenario.id, family))
        .transpose()?;
    let played = match scenario.steps {
        Steps::Code(play) | Steps::Across(play) => play(&mut stage),
        Steps::Script(script) => script.play(&mut stage),
    };
    report.done = stage.journal().lines();
    played?;
    // The watchers end before the stage does: the actors' death may send more.
    let (about, client) = (stage.server_address(), stage.address(End::Client));
    if let Some(mut lookout) = stage.watched() {
        if how.from == WatchFrom::After {
            // What is still on its way is of the time before.
            thread::sleep(QUIET);
        }
        lookout.reached(WatchFrom::After)?;
        report.outcome = match lookout.end(QUIET)? {
            Some(heard) => {
                let mut seen = judge(scenario, how.from, about, &heard);
                if let Some(under_run) = stage.end_under_run() {
                    seen.insert(0, judge_run(scenario, client, about, &heard, &under_run.told()?));
                }
                Outcome::Played(seen)
            }
            None => Outcome::Skipped(NO_MOMENT.to_owned()),
        };
    }
    report.wire = ears.map(|ears| ears.decisive(about)).transpose()?.flatten();
    if let Some(captures) = captures {
        captures.finish(scenario, about)?;
    }
    Ok(())
}

/// Holds what each place said of this server against the truth.
fn judge(scenario: &Scenario, from: WatchFrom, server: Option<SocketAddr>, heard: &Heard) -> Vec<Seen> {
    let port = port_of(scenario, server);
    let with_roles = |said: &[Said]| -> Vec<Said> {
        let told = said.iter().cloned();
        match server {
            Some(server) => told.map(|verdict| verdict.with_server(server)).collect(),
            None => told.collect(),
        }
    };
    let mut all = Vec::new();
    for (vantage, said) in &heard.places {
        let differences = match (*vantage, from) {
            (Some(vantage), WatchFrom::Before) => compare(scenario, vantage, port, said),
            (Some(vantage), WatchFrom::During) => compare::joined(scenario, vantage, port, &with_roles(said)),
            (Some(vantage), WatchFrom::After) => {
                compare::too_late(scenario, vantage, port, &with_roles(said), heard.since)
            }
            (None, _) => said
                .iter()
                .map(|verdict| format!("not folded away: {}", verdict.brief()))
                .collect(),
        };
        all.push(Seen {
            vantage: vantage.map_or("folded", Vantage::word),
            differences,
            said: said.clone(),
        });
    }
    all
}

/// Holds what `whyreset run` told of the client's connections against the machine's watcher.
fn judge_run(
    scenario: &Scenario,
    client: IpAddr,
    server: Option<SocketAddr>,
    heard: &Heard,
    told: &[Told],
) -> Seen {
    let about = port_of(scenario, server);
    let machine = heard
        .places
        .iter()
        .find(|(place, _)| *place == Some(Vantage::Machine));
    let machine = machine.map_or(&[][..], |(_, said)| said);
    Seen {
        vantage: "run",
        differences: compare::under_run(scenario, client, about, told, machine),
        said: told.iter().filter_map(Told::verdict).collect(),
    }
}

/// The port that it is about, where programs have others open too.
fn port_of(scenario: &Scenario, server: Option<SocketAddr>) -> Option<u16> {
    server
        .filter(|_| scenario.is_software())
        .map(|address| address.port())
}
