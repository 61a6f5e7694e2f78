//! A command followed by the kernel's events: what concerns its processes, and those that it starts,
//! is told. Refuses to tell of any other's.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use whyreset_causes::judge;
use whyreset_evidence::{Dossier, Fact, Outcome, Process, Side, Verdict, What};
use whyreset_flow::Silences;
use whyreset_host::{Spaces, privileges};
use whyreset_live::{Options, Watcher};
use whyreset_report::json_v1;
use whyreset_trace::{Event, Follow, Held, Unable};

use super::report::{Report, notice};
use crate::commands::watch::rulebook::Rulebook;
use crate::holders::Table;

/// Longest time between two looks at whether the command has ended.
const LOOK_UP: Duration = Duration::from_millis(50);
/// While an answer about rules is awaited.
const SOON: Duration = Duration::from_millis(10);
/// What the last reset drew is told within this.
const AFTER: Duration = Duration::from_millis(150);

/// The kernel's events, and who tells which rule rejected.
pub(super) struct Eyes {
    watcher: Watcher,
    rulebook: Option<Rulebook>,
}

/// Attaches; all privileges but looking up owners are given up.
///
/// # Errors
/// What is missing, and what to run.
pub(super) fn eyes() -> Result<Eyes> {
    let rulebook = Rulebook::open(None).ok();
    let holders = Box::new(Table::scanned(Spaces::open(None)));
    let watcher = Watcher::attach(&Options::default(), holders)?;
    if let Err(error) = privileges::drop_all_but_lookup() {
        notice(&format!("privileges could not be dropped: {error}"));
    }
    Ok(Eyes { watcher, rulebook })
}

/// The processes of the command, also those that have ended.
type Family = Arc<Mutex<HashSet<u32>>>;

/// Where each dossier passes.
struct Desk<'a> {
    family: Family,
    rulebook: Option<Rulebook>,
    silences: Silences,
    report: Report<'a>,
}

impl Desk<'_> {
    fn take(&mut self, dossier: &Dossier) {
        let mut dossier = dossier.clone();
        self.silences.note(&dossier);
        self.silences.tell(&mut dossier);
        if self.member(&dossier).is_none() {
            return;
        }
        let ready = match &mut self.rulebook {
            Some(rulebook) => rulebook.consult(&dossier),
            None => Some(dossier),
        };
        if let Some(dossier) = ready {
            self.say(&dossier);
        }
    }

    fn take_answers(&mut self) {
        for dossier in self.rulebook.as_mut().map(Rulebook::answered).unwrap_or_default() {
            self.say(&dossier);
        }
    }

    fn waits(&self) -> bool {
        self.rulebook.as_ref().is_some_and(Rulebook::is_waiting)
    }

    fn member(&self, dossier: &Dossier) -> Option<(Option<Side>, Process)> {
        let family = self.family.lock().ok()?;
        member(dossier, |pid| family.contains(&pid))
    }

    fn say(&mut self, dossier: &Dossier) {
        if let Some((side, process)) = self.member(dossier) {
            tell(&judge(dossier), side, &process, &mut self.report);
        }
    }
}

/// Runs the command; its exit code.
pub(super) fn run(eyes: Eyes, held: Held, report: Report<'_>) -> Result<u8, Unable> {
    let Eyes {
        mut watcher,
        rulebook,
    } = eyes;
    // The kernel's symbols are read at the first look: not at the command's cost.
    watcher.poll(Duration::ZERO, &mut |_| true);
    let family = Arc::new(Mutex::new(HashSet::from([held.pid()])));
    let runner = {
        let family = Arc::clone(&family);
        thread::spawn(move || {
            held.run(Follow::Tree, &mut |event| {
                if let (Event::Started(pid), Ok(mut family)) = (event, family.lock()) {
                    family.insert(pid);
                }
            })
        })
    };
    let mut desk = Desk {
        family,
        rulebook,
        silences: Silences::default(),
        report,
    };
    let mut look = |span: Duration, desk: &mut Desk<'_>| {
        watcher.poll(span, &mut |dossier| {
            desk.take(dossier);
            true
        });
        desk.take_answers();
    };
    while !runner.is_finished() {
        look(if desk.waits() { SOON } else { LOOK_UP }, &mut desk);
    }
    look(AFTER, &mut desk);
    while desk.waits() {
        look(SOON, &mut desk);
    }
    watcher.flush(&mut |dossier| {
        desk.take(dossier);
        true
    });
    desk.take_answers();
    let code = runner
        .join()
        .map_err(|_| Unable::NotStarted("the command's follower broke".to_owned()))??;
    if watcher.lost() > 0 {
        notice(&format!(
            "{} kernel events were lost: the ring was full",
            watcher.lost()
        ));
    }
    desk.report.close(
        code,
        "not seen this way: what was closed in order, AF_UNIX, connects that were given up: --by calls",
    );
    Ok(code)
}

/// The first process of the command in a dossier, and the end of the connection that it had.
fn member(dossier: &Dossier, ours: impl Fn(u32) -> bool) -> Option<(Option<Side>, Process)> {
    let of = |fact: &Fact| match &fact.what {
        What::Owner(process) | What::Listener(process) => Some(process.clone()),
        What::Ended(ended) => ended.by.clone(),
        What::Sent(sent) => sent.actor.clone(),
        What::Holds(holdings) => Some(holdings.process.clone()),
        _ => None,
    };
    let found = |fact: &Fact| {
        let process = of(fact).filter(|process| !process.kernel && ours(process.pid))?;
        Some((fact.side, process))
    };
    dossier.facts.iter().find_map(found)
}

fn tell(verdict: &Verdict, side: Option<Side>, process: &Process, report: &mut Report<'_>) {
    let out = if report.is_json() {
        line(verdict, side, process) + "\n"
    } else {
        whyreset_report::text::verdict(verdict, &report.style)
    };
    report.write(&out);
}

/// The same envelope as of a command that is followed by its calls (`whyreset/run/1`).
fn line(verdict: &Verdict, side: Option<Side>, process: &Process) -> String {
    let whole: Value = serde_json::from_str(&json_v1::line(verdict)).unwrap_or_default();
    let (outcome, by) = match verdict.outcome {
        Outcome::Reset => ("reset", Some("rst")),
        Outcome::Refused => ("refused", Some("rst")),
        Outcome::Timeout => ("silent", None),
        Outcome::Aborted => ("aborted", None),
    };
    let own = side.is_some_and(|side| verdict.reset.from.as_str() == side.as_str());
    let connection = &verdict.connection;
    json!({
        "schema": "whyreset/run/1",
        "time": whole["time"],
        "outcome": if own && outcome == "reset" { "aborted" } else { outcome },
        "by": by,
        "from": verdict.reset.from.as_str(),
        "stage": stage(verdict),
        "side": side.map(Side::as_str),
        "process": {"pid": process.pid, "name": process.name, "exe": process.exe},
        "errno": whole["victim"]["errno"],
        "local": side.map(|side| connection.flow.addr(side).to_string()),
        "remote": side.map(|side| connection.flow.addr(side.other()).to_string()),
        "age_ms": whole["connection"]["age_ms"],
        "silence_ms": whole["connection"]["idle_ms"],
        "verdict": whole,
    })
    .to_string()
}

/// The words of a command that is followed by its calls, from what the verdict counts.
fn stage(verdict: &Verdict) -> &'static str {
    const IDLE: Duration = Duration::from_secs(1);
    let connection = &verdict.connection;
    if connection.stage == whyreset_evidence::Stage::Handshake {
        return "handshake";
    }
    // The SYN counts as a byte that was acknowledged.
    let asked = connection.bytes_to_server.is_some_and(|bytes| bytes > 1);
    let answered = connection.bytes_to_client.is_some_and(|bytes| bytes > 0);
    let idle = connection.idle.is_some_and(|idle| idle >= IDLE);
    match (asked, answered) {
        (false, false) => "open",
        (true, false) => "after-request",
        _ if idle => "idle",
        _ => "mid-response",
    }
}
