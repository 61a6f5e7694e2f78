//! Prints what came out, as text or as JSON lines. Refuses to hide a skip.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Options, Outcome, Report, Seen, Wire};
use crate::kernel::hides_moments;
use crate::scenario::{Scenario, scenarios};

/// Differences, and verdicts, that are printed of one place.
const MOST: usize = 5;

/// How many came out which way.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    pub(crate) fn count(&mut self, report: &Report) {
        match &report.outcome {
            Outcome::Skipped(_) => self.skipped += 1,
            _ if report.passed() => self.passed += 1,
            _ => self.failed += 1,
        }
    }

    /// The sum, in words.
    pub(crate) fn sum(&self) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    /// Prints the sum to stderr; exit code 1 where one failed or nothing was played.
    pub(crate) fn end(&self, json: bool) -> ExitCode {
        if !json {
            _ = writeln!(io::stderr(), "{}", self.sum());
        }
        if self.failed > 0 || self.passed == 0 {
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}

/// Prints one report; false where nobody reads any more.
pub(crate) fn print(report: &Report, options: &Options) -> bool {
    let text = match options.draw {
        _ if options.json => json_lines(report),
        Some(draw) => whole(report, draw),
        None => text(report),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

fn text(report: &Report) -> String {
    let name = format!("{} v{}", report.scenario.id, report.family);
    let took = report.took.as_secs_f32();
    match &report.outcome {
        Outcome::Skipped(why) => format!("SKIP  {name:30}  {why}\n"),
        Outcome::Broken(why) => format!("FAIL  {name:30}  {took:4.1} s  could not be played: {why}\n"),
        Outcome::Played(seen) => {
            let word = match (report.passed(), seen.is_empty()) {
                (false, _) => "FAIL",
                (true, true) => "DONE",
                (true, false) => "PASS",
            };
            let head = format!("{word}  {name:30}  {took:4.1} s  {}\n", report.scenario.cause);
            head + &seen.iter().map(seen_text).collect::<String>() + &before_text(report)
        }
    }
}

/// What came out before it was played again.
fn before_text(report: &Report) -> String {
    let Some(before) = &report.before else {
        return String::new();
    };
    let why = hides_moments().unwrap_or_default();
    let mut told = format!("      played twice: {why}; the first time:\n");
    for line in text(before).lines() {
        _ = writeln!(told, "      {line}");
    }
    told
}

/// What was done, the decisive frames, what was said at each place, and how it came out.
fn whole(report: &Report, draw: fn(&Wire) -> String) -> String {
    let mut told = format!("{}: {}\n\n", report.scenario.id, report.scenario.summary);
    for line in &report.done {
        for (number, line) in line.lines().enumerate() {
            let margin = if number == 0 { "  " } else { "    " };
            _ = writeln!(told, "{margin}{line}");
        }
    }
    if let Some(wire) = &report.wire {
        _ = write!(told, "\n{}", draw(wire));
    }
    told.push('\n');
    if let Outcome::Played(seen) = &report.outcome {
        for seen in seen {
            for said in &seen.said {
                _ = writeln!(told, "  from the {:8} {}", seen.vantage, said.brief());
            }
            if seen.said.is_empty() {
                _ = writeln!(told, "  from the {:8} nothing to be said", seen.vantage);
            }
        }
    }
    told + &text(report) + "\n"
}

/// The differences from one place, and all that was said there.
fn seen_text(seen: &Seen) -> String {
    if seen.differences.is_empty() {
        return String::new();
    }
    let mut told: Vec<&String> = Vec::new();
    for difference in &seen.differences {
        if !told.contains(&difference) {
            told.push(difference);
        }
    }
    let differences = told
        .iter()
        .take(MOST)
        .map(|difference| format!("      {:8}  {difference}\n", seen.vantage));
    let said = seen
        .said
        .iter()
        .take(MOST)
        .map(|said| format!("      {:8}  {}\n", "", said.value()));
    differences.chain(said).collect()
}

fn json_lines(report: &Report) -> String {
    let line = |vantage: Value, pass: Value, why: String, said: Vec<&Value>| {
        let object = json!({
            "scenario": report.scenario.id, "cause": report.scenario.cause, "family": report.family.to_string(),
            "watch_from": report.from.word(),
            "vantage": vantage, "pass": pass, "why": why, "said": said,
            "seconds": report.took.as_secs_f32(), "times": 1 + u8::from(report.before.is_some()),
        });
        format!("{object}\n")
    };
    match &report.outcome {
        Outcome::Skipped(why) => line(Value::Null, Value::Null, format!("skipped: {why}"), Vec::new()),
        Outcome::Broken(why) => line(Value::Null, false.into(), why.clone(), Vec::new()),
        Outcome::Played(seen) => seen
            .iter()
            .map(|seen| {
                let said = seen.said.iter().map(crate::said::Said::value).collect();
                line(
                    seen.vantage.into(),
                    seen.differences.is_empty().into(),
                    seen.differences.join("; "),
                    said,
                )
            })
            .collect(),
    }
}

impl Report {
    /// As text or JSON lines, each ending with a newline.
    pub fn render(&self, json: bool) -> String {
        if json { json_lines(self) } else { text(self) }
    }
}

/// The list of scenarios for people: id, truth, seconds, what is done and with which programs, and
/// what is missing here.
pub fn list_text() -> String {
    let line = |scenario: &&Scenario| {
        let missing = scenario
            .probe()
            .err()
            .map_or(String::new(), |why| format!("  [cannot run here: {why}]"));
        let software = scenario.software();
        let software = if software.is_empty() {
            String::new()
        } else {
            format!(" ({})", software.join(", "))
        };
        format!(
            "{:26} {:22} {:2} s  {}{software}{missing}\n",
            scenario.id, scenario.cause, scenario.seconds, scenario.summary
        )
    };
    scenarios().iter().map(line).collect()
}

/// The same as JSON lines.
pub fn list_json() -> String {
    let line = |scenario: &&Scenario| {
        let object = json!({
            "id": scenario.id, "cause": scenario.cause, "summary": scenario.summary,
            "seconds": scenario.seconds, "basic": scenario.basic, "software": scenario.software(), "missing": scenario.probe().err(),
        });
        format!("{object}\n")
    };
    scenarios().iter().map(line).collect()
}
