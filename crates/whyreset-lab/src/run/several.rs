//! Plays many scenarios, a few at a time, and prints each as it ends. Refuses to call a run good
//! in which nothing was played.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::report::{Tally, print};
use super::{How, Wire, run_one};
use crate::scenario::Scenario;
use crate::topology::Family;

/// The bar moves at least this often.
const TICK: Duration = Duration::from_millis(500);

/// What to run and how to print it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The built `whyreset`.
    pub program: PathBuf,
    /// Which scenarios.
    pub scenarios: Vec<&'static Scenario>,
    /// On which address families.
    pub families: Vec<Family>,
    /// How many at a time.
    pub jobs: usize,
    /// JSON lines instead of text.
    pub json: bool,
    /// What each run does beside playing.
    pub how: How,
    /// Draws the decisive frames, where each run is to be told in full: what was done, the frames
    /// and the verdicts.
    pub draw: Option<fn(&Wire) -> String>,
}

/// Plays them. Exit code 1 where one failed or none was played.
pub fn run_several(options: &Options) -> ExitCode {
    let work: Vec<(&'static Scenario, Family)> = options
        .scenarios
        .iter()
        .flat_map(|&scenario| options.families.iter().map(move |&family| (scenario, family)))
        .collect();
    let next = AtomicUsize::new(0);
    let (send, reports) = channel();
    let mut tally = Tally::default();
    // Draws nothing where stderr is no terminal.
    let bar = ProgressBar::new(work.len() as u64).with_style(style());
    bar.enable_steady_tick(TICK);
    thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, work.len().max(1)) {
            let send = send.clone();
            let (work, next) = (&work, &next);
            scope.spawn(move || {
                while let Some(&(scenario, family)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = run_one(&options.program, scenario, family, &options.how);
                    if send.send(report).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for report in reports {
            tally.count(&report);
            bar.inc(1);
            bar.set_message(tally.sum());
            if !bar.suspend(|| print(&report, options)) {
                break;
            }
        }
    });
    bar.finish_and_clear();
    tally.end(options.json)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
