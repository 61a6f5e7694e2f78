//! Between a dossier and lines: what lines can know of a reset, and a joined line as a fact. Refuses
//! lines that would be quoted for their time and an address alone.

use whyreset_evidence::{Claim, Dossier, Fact, Logged, Process, Side, Tie, What};

use crate::{Offset, Ranked, Reset, Says};

/// What lines can know of this reset.
pub fn reset_of(dossier: &Dossier) -> Reset {
    let mut reset = Reset {
        at: i64::try_from(dossier.time().0).unwrap_or(i64::MAX),
        client: dossier.flow.addr(Side::Client),
        server: dossier.flow.addr(Side::Server),
        pids: Vec::new(),
        names: Vec::new(),
        units: Vec::new(),
    };
    for fact in &dossier.facts {
        let process: Option<&Process> = match &fact.what {
            What::Sent(sent) => sent.actor.as_ref(),
            What::Ended(ended) => ended.by.as_ref(),
            What::Owner(process) | What::Listener(process) => Some(process),
            What::Holds(holdings) => Some(&holdings.process),
            What::Killed(killed) => {
                add(&mut reset.pids, killed.victim);
                None
            }
            _ => None,
        };
        if let Some(process) = process.filter(|process| !process.kernel) {
            add(&mut reset.pids, process.pid);
            add(&mut reset.names, process.name.clone());
            reset
                .units
                .extend(process.unit.clone().filter(|unit| !unit.is_empty()));
        }
    }
    reset.units.sort_unstable();
    reset.units.dedup();
    reset
}

fn add<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}

impl Ranked {
    /// Whether it is worth quoting: it names this very connection, or states something.
    pub fn is_worth(&self) -> bool {
        self.tie == Tie::Connection || self.stated.is_some()
    }
}

/// A joined line as a fact about the reset.
pub fn fact_of(dossier: &Dossier, line: Ranked, clock: Option<&Offset>) -> Fact {
    let claim = line.stated.map(|stated| match stated.says {
        Says::Cause(id) => Claim::Cause(id.to_owned()),
        Says::Situation(id) => Claim::Situation(id.to_owned()),
    });
    Fact {
        at: dossier.time(),
        side: None,
        what: What::Logged(Logged {
            quote: line.quote,
            tie: line.tie,
            apart_ms: line.apart.unwrap_or(0) / 1_000_000,
            clock: clock.map(ToString::to_string),
            claim,
        }),
        cite: format!("log:{}", line.place),
    }
}
