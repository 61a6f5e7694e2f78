//! Plays many scenarios, a few at a time, and prints each as it ends. Refuses to call a run good
//! in which nothing was played.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use super::report::{Tally, print};
use super::{run_one, run_steps};
use crate::scenario::Scenario;
use crate::topology::Family;

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
    /// Whether the product watches; without it only the steps are played.
    pub watch: bool,
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
    thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, work.len().max(1)) {
            let send = send.clone();
            let (work, next) = (&work, &next);
            scope.spawn(move || {
                while let Some(&(scenario, family)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = if options.watch { run_one } else { run_steps };
                    let report = run(&options.program, scenario, family);
                    if send.send(report).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for report in reports {
            tally.count(&report);
            if !print(&report, options.json) {
                break;
            }
        }
    });
    tally.end(options.json)
}
