//! `cargo xtask score`: plays every scenario of the lab on both address families, holds what the
//! product said from each place against the truth, and writes `docs/SCORE.md`. Refuses to leave a
//! wrong accusation out.

mod captures;
mod late;
mod page;
mod peers;
mod run;
mod script;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::script::Script;

/// Where the page goes.
const PAGE: &str = "docs/SCORE.md";
/// Scenarios at a time.
const JOBS: &str = "3";

/// What one place said of one run.
pub struct Place {
    pass: bool,
    why: String,
    /// Cause and certainty of each verdict.
    said: Vec<(String, String)>,
    /// The kernel's own reasons that the verdicts quote.
    reasons: Vec<String>,
}

/// One scenario on one address family.
#[derive(Default)]
pub struct Played {
    cause: String,
    places: BTreeMap<String, Place>,
    skipped: Option<String>,
    broken: Option<String>,
    /// How often it was played: again where the kernel may have hidden what decides.
    times: u64,
}

/// A scenario and the family it was played on.
pub type Run = (String, String);

/// All runs.
pub type Runs = BTreeMap<Run, Played>;

impl Played {
    /// The truth was said, with all its particulars, from one place at least, and nothing else
    /// was said there. A truth of silence is met by silence everywhere. Where nobody looked,
    /// nothing was met.
    fn right(&self) -> bool {
        if self.broken.is_some() || self.places.is_empty() {
            return false;
        }
        let silent = self.cause == "unknown";
        let meets = |place: &Place| {
            // What is `certain` and passes is the truth, or as true where a moment decides.
            let names =
                |(cause, certainty): &(String, String)| *cause == self.cause || certainty == "certain";
            place.pass && (silent || place.said.iter().any(names))
        };
        if silent {
            self.places.values().all(meets)
        } else {
            self.places.values().any(meets)
        }
    }

    /// What cannot be played here is left out; what was played and broke is not.
    fn counts(&self) -> bool {
        self.skipped.is_none()
    }
}

/// Plays everything and writes the page.
pub fn run(binary: &Path) -> Result<()> {
    let captures = tempfile::tempdir().context("no place for captures")?;
    let script = Script::start();
    let folder = captures.path().to_string_lossy();
    let runs = play(binary, &["--keep-capture", &folder])?;
    let reasons = script
        .and_then(Script::end)
        .map(|told| script::by_run(&told, captures.path()));
    let peers = peers::look(captures.path())?;
    let views = captures::look(binary, captures.path())?;
    let joined = play(binary, &["--watch-from", "during"])?;
    let under_run = play(binary, &["--under-run"])?;
    let page = page::write(&runs, &joined, &under_run, &reasons, &peers, &views);
    fs::create_dir_all("docs")?;
    fs::write(PAGE, &page).with_context(|| format!("cannot write {PAGE}"))?;
    println!(
        "{}",
        page.lines()
            .take_while(|line| !line.starts_with("## Truth"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    println!("written: {PAGE}");
    Ok(())
}

/// Prints the part of the page on captures, for a folder that `lab run --keep-capture` filled, and
/// what that printed with `-o json` where it was kept.
pub fn captures(binary: &Path, folder: &Path, lab: Option<&Path>) -> Result<()> {
    let mut page = String::new();
    let runs = match lab {
        None => Runs::new(),
        Some(lab) => {
            read(&fs::read_to_string(lab).with_context(|| format!("cannot read {}", lab.display()))?)?
        }
    };
    let views = captures::look(binary, folder)?;
    captures::write(&mut page, &views, &runs, &peers::look(folder)?);
    print!("{page}");
    Ok(())
}

/// Every scenario on both families, with more `arguments`.
fn play(binary: &Path, arguments: &[&str]) -> Result<Runs> {
    let output = Command::new(binary)
        .args(["lab", "run", "--all", "-o", "json", "--jobs", JOBS])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    // 1 is a scenario that was told wrongly; by anything else not all were played.
    ensure!(
        matches!(output.status.code(), Some(0 | 1)),
        "the lab ended with {}",
        output.status
    );
    read(&String::from_utf8_lossy(&output.stdout))
}

fn read(lines: &str) -> Result<Runs> {
    let mut runs = Runs::new();
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let played = runs.entry((text("scenario"), text("family"))).or_default();
        played.cause = text("cause");
        played.times = value["times"].as_u64().unwrap_or(1);
        match (value["vantage"].as_str(), value["pass"].as_bool()) {
            (Some(vantage), Some(pass)) => {
                played.places.insert(vantage.to_owned(), place(&value, pass));
            }
            (_, Some(_)) => played.broken = Some(text("why")),
            _ => played.skipped = Some(text("why")),
        }
    }
    Ok(runs)
}

fn place(value: &Value, pass: bool) -> Place {
    let said = value["said"].as_array().cloned().unwrap_or_default();
    let word = |verdict: &Value, pointer: &str| {
        verdict
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let reasons = said
        .iter()
        .flat_map(|verdict| verdict["evidence"].as_array().cloned().unwrap_or_default())
        .filter_map(|line| {
            Some(
                line["what"]
                    .as_str()?
                    .strip_prefix("kernel reset reason ")?
                    .to_owned(),
            )
        })
        .collect();
    Place {
        pass,
        why: value["why"].as_str().unwrap_or_default().to_owned(),
        said: said
            .iter()
            .map(|verdict| (word(verdict, "/cause/id"), word(verdict, "/cause/certainty")))
            .collect(),
        reasons,
    }
}

#[cfg(test)]
mod tests;
