//! `--forwarded`: resets of connections that only pass this host, from the headers of what comes in
//! and leaves, together with what its packet filters dropped. Refuses those of its own connections:
//! its kernel tells more of them.

use std::time::SystemTime;

use whyreset_capture::{Direction, Record};
use whyreset_evidence::{Dossier, Side, Way};
use whyreset_flow::Table;
use whyreset_live::{Stream, Watcher};

use crate::commands::read::input::{self, Seen};

/// Connections that are remembered at once.
const CONNECTIONS: usize = 200_000;
/// Packets taken at one look at most.
const AT_ONCE: u32 = 200_000;
/// `LINKTYPE_RAW`.
const RAW: u16 = 101;
/// A rejected segment and its reset lie this close together, nanoseconds.
const TOGETHER_NS: u64 = 1_000_000_000;

/// What passes.
pub struct Forwarded {
    stream: Stream,
    table: Table,
    frames: u64,
    /// Packets that were not taken in time.
    pub lost: u64,
}

impl Forwarded {
    /// Follows what this stream shows.
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            table: Table::new(CONNECTIONS, ""),
            frames: 0,
            lost: 0,
        }
    }

    /// Takes what has passed since the last look; hands over each reset two seconds after it, when
    /// what followed it is known.
    pub fn look(&mut self, watcher: &mut Watcher, deliver: &mut dyn FnMut(&Dossier) -> bool) -> bool {
        let mut told = Vec::new();
        let mut lost = self.stream.lost();
        self.lost += lost;
        for _ in 0..AT_ONCE {
            let Some(passing) = self.stream.take() else { break };
            self.frames += 1;
            let at = if passing.at == 0 { now() } else { passing.at };
            let record = Record {
                number: self.frames,
                at_ns: Some(at),
                link: RAW,
                interface: 0,
                wire_len: passing.length,
                data: passing.bytes,
                direction: Some(if passing.outgoing {
                    Direction::Outbound
                } else {
                    Direction::Inbound
                }),
                // Where among them they were lost is not told.
                drops_before: std::mem::take(&mut lost),
            };
            match input::decode(&record, at) {
                Seen::Segment(segment) => {
                    self.table.add(&segment, &mut |one| told.push(one));
                }
                Seen::Error(source, destination, seq) => self.table.icmp(at, source, destination, seq),
                Seen::Unread | Seen::Other => {}
            }
        }
        self.table.ripen(now(), &mut |one| told.push(one));
        for one in told {
            if let Some(dossier) = passed_by(one.dossier, watcher)
                && !deliver(&dossier)
            {
                return false;
            }
        }
        true
    }

    /// Hands over what still waits.
    pub fn finish(&mut self, watcher: &mut Watcher, deliver: &mut dyn FnMut(&Dossier) -> bool) {
        let mut told = Vec::new();
        self.table.finish(&mut |one| told.push(one));
        for one in told {
            if let Some(dossier) = passed_by(one.dossier, watcher)
                && !deliver(&dossier)
            {
                return;
            }
        }
    }
}

/// The dossier of a connection that only passes, with the segment that a filter here dropped.
fn passed_by(mut dossier: Dossier, watcher: &mut Watcher) -> Option<Dossier> {
    let (fact, passed) = dossier.passed()?;
    let (at, routed, left) = (fact.at, passed.routed, passed.way == Way::Left);
    let receiver = fact.side.map(Side::other)?;
    let (from, to) = (dossier.flow.addr(receiver), dossier.flow.addr(receiver.other()));
    let dropped = watcher
        .dropped(from, to)
        .filter(|drop| drop.at.0.abs_diff(at.0) <= TOGETHER_NS);
    // Of this host's own connections only what its packet filters answered in its name.
    let answered = left && dropped.is_some();
    if !(routed || answered) {
        return None;
    }
    if let Some(drop) = dropped {
        dossier.facts.insert(0, drop);
    }
    Some(dossier)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
