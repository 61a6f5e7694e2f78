//! Steps of a long task: each named, timed and told at the end, a skipped one with its reason.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How a step ended, when it did not fail.
pub enum Outcome {
    /// All of it held.
    Passed,
    /// It, or a part of it, could not be held here: why.
    Skipped(String),
}

/// The steps so far.
#[derive(Default)]
pub struct Steps(Vec<Step>);

struct Step {
    name: &'static str,
    took: Duration,
    end: Result<Outcome>,
}

impl Steps {
    /// Does one step and keeps how it ended; a failure does not stop the ones after it.
    pub fn step(&mut self, name: &'static str, act: impl FnOnce() -> Result<Outcome>) {
        println!("\n== {name}");
        let start = Instant::now();
        let end = act();
        let took = start.elapsed();
        match &end {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Skipped(why)) => println!("skipped: {why}"),
            Err(error) => println!("FAILED: {error:#}"),
        }
        self.0.push(Step { name, took, end });
    }

    /// Prints the table; whether no step failed.
    pub fn finish(&self) -> bool {
        println!();
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for Step { name, took, end } in &self.0 {
            let (word, why) = match end {
                Ok(Outcome::Passed) => {
                    passed += 1;
                    ("passed", String::new())
                }
                Ok(Outcome::Skipped(why)) => {
                    skipped += 1;
                    ("skipped", format!("  {why}"))
                }
                Err(error) => {
                    failed += 1;
                    let text = format!("{error:#}");
                    ("FAILED", format!("  {}", text.lines().next().unwrap_or_default()))
                }
            };
            println!("{name:<14} {:>7.1} s  {word}{why}", took.as_secs_f64());
        }
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        failed == 0
    }
}
