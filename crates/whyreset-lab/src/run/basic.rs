//! The basic resets on plain loopback of the current namespace, with one watcher for the whole
//! machine: needs nothing but the kernel and the binary itself. Refuses to use any other program.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use super::{Outcome, QUIET, Report, Seen};
use crate::compare::compare;
use crate::lookout::WatchFrom;
use crate::loopback;
use crate::said::Said;
use crate::scenario::{Scenario, Steps, scenarios};
use crate::stage::Stage;
use crate::topology::Family;
use crate::truth::Vantage;
use crate::watcher::Watcher;

/// A scenario that was played, and the server's address by which its verdicts are found: the port alone
/// may be another family's, too.
type Done = (&'static Scenario, Family, anyhow::Result<SocketAddr>, Stage);

/// Plays the basic scenarios, each on these families, one after the other.
///
/// # Errors
/// Loopback could not be brought up, or the watcher did not start or end properly.
pub fn run_basic(program: &Path, families: &[Family]) -> anyhow::Result<Vec<Report>> {
    let begun = Instant::now();
    loopback::raise().context("cannot bring loopback up")?;
    let words = ["-o", "json", "--all"].map(str::to_owned);
    let mut watcher = Watcher::start(program, &words)?;
    watcher.wait_ready()?;
    let mut played: Vec<Done> = Vec::new();
    for &scenario in scenarios().iter().filter(|scenario| scenario.basic) {
        let Steps::Code(play) = scenario.steps else {
            continue;
        };
        for &family in families {
            let mut stage = Stage::on_loopback(program, family);
            let result = play(&mut stage).and_then(|()| stage.server_address().context("no server"));
            played.push((scenario, family, result, stage));
        }
    }
    let said = watcher.verdicts(QUIET)?;
    let took = begun.elapsed();
    let report = |(scenario, family, result, _): &Done| Report {
        scenario,
        family: *family,
        from: WatchFrom::Before,
        outcome: match result {
            Err(error) => Outcome::Broken(format!("{error:#}")),
            Ok(server) => Outcome::Played(vec![look(scenario, *server, &said)]),
        },
        done: Vec::new(),
        wire: None,
        took,
        before: None,
    };
    Ok(played.iter().map(report).collect())
}

fn look(scenario: &Scenario, server: SocketAddr, said: &[Said]) -> Seen {
    let mine = |verdict: &&Said| {
        ["server", "client"]
            .iter()
            .any(|end| verdict.address(end) == Some(server))
    };
    let said: Vec<Said> = said.iter().filter(mine).cloned().collect();
    Seen {
        vantage: Vantage::Machine.word(),
        differences: compare(scenario, Vantage::Machine, None, &said),
        said,
    }
}
