//! What the faults of a proxy mean for one connection: which of them concern it, since when, and
//! which have struck. Refuses to touch the connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Fault;
use crate::kind::{Act, How, Stream};
use crate::relay::{Link, Side};

/// What a connection remembers of one fault.
#[derive(Debug)]
struct Known {
    fault: Arc<Fault>,
    /// Whether chance has it concern this connection.
    concerned: bool,
    since: Instant,
    state: State,
}

/// Where a fault stands in one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its moment has not come.
    Waits,
    /// It closes as soon as data of its victim lies unread.
    Armed,
    /// Nothing passes while it is on.
    Hangs,
    /// It has done what it does.
    Done,
}

/// The faults of one connection.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    known: Vec<Known>,
}

/// A fault whose moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) how: How,
    pub(crate) victim: Side,
    /// Its place in the plan.
    at: usize,
}

/// Which end a fault hits.
pub(crate) fn victim(fault: &Fault) -> Side {
    match fault.stream {
        Stream::Upstream => Side::Server,
        Stream::Downstream => Side::Client,
    }
}

impl Plan {
    /// Takes the faults that are on now; those it knew keep what is remembered of them.
    pub(crate) fn set(&mut self, faults: &[Arc<Fault>], number: u64, now: Instant) {
        let mut before = std::mem::take(&mut self.known);
        for fault in faults.iter().filter(|fault| !fault.kind.is_gate()) {
            let kept = before.iter().position(|known| known.fault.id == fault.id);
            self.known.push(match kept {
                Some(at) => before.swap_remove(at),
                None => Known {
                    fault: Arc::clone(fault),
                    concerned: fault.concerns(number),
                    since: now,
                    state: State::Waits,
                },
            });
        }
    }

    /// Whether nothing is to be done to this connection.
    pub(crate) fn is_bare(&self) -> bool {
        self.active().next().is_none()
    }

    /// The faults that change how data passes toward this side.
    pub(crate) fn shapes(&self, toward: Side) -> Vec<Arc<Fault>> {
        self.active()
            .filter(|(_, known)| shapes(&known.fault) && victim(&known.fault) == toward)
            .map(|(_, known)| Arc::clone(&known.fault))
            .collect()
    }

    /// Bytes that may still pass toward this side in this answer.
    pub(crate) fn allowance(&self, toward: Side, turn: u64) -> Option<u64> {
        self.active()
            .filter(|(_, known)| known.fault.kind.act == Act::Bytes && victim(&known.fault) == toward)
            .map(|(_, known)| known.fault.value("bytes").saturating_sub(turn))
            .min()
    }

    /// The fault that strikes because no byte may pass any more.
    pub(crate) fn spent(&self, toward: Side, turn: u64) -> Option<Strike> {
        self.waiting(|known| {
            known.fault.kind.act == Act::Bytes
                && victim(&known.fault) == toward
                && turn >= known.fault.value("bytes")
        })
    }

    /// The fault that strikes as the client begins this request.
    pub(crate) fn on_request(&self, number: u64) -> Option<Strike> {
        self.waiting(|known| known.fault.kind.act == Act::Request && number >= known.fault.value("n"))
    }

    /// The fault that strikes now by time. `quiet`: since when nothing has passed or waited.
    pub(crate) fn by_time(&self, now: Instant, quiet: Option<Instant>, link: &Link) -> Option<Strike> {
        self.waiting(|known| moment(known, quiet, link).is_some_and(|moment| moment <= now))
    }

    /// When the next one strikes by time, if nothing happens.
    pub(crate) fn next(&self, quiet: Option<Instant>, link: &Link) -> Option<Instant> {
        self.active()
            .filter(|(_, known)| known.state == State::Waits)
            .filter_map(|(_, known)| moment(known, quiet, link))
            .min()
    }

    /// A fault that closes as soon as data of this side lies unread.
    pub(crate) fn armed(&self, side: Side) -> Option<Strike> {
        self.find(|known| known.state == State::Armed && victim(&known.fault) == side)
    }

    /// Whether a fault holds everything up.
    pub(crate) fn hangs(&self) -> bool {
        self.known.iter().any(|known| known.state == State::Hangs)
    }

    /// Whether who begins a request must be looked at before the request is read.
    pub(crate) fn counts_requests(&self) -> bool {
        self.on_request(u64::MAX).is_some()
    }

    /// It waits for unread data from now on.
    pub(crate) fn arm(&mut self, strike: Strike) {
        self.known[strike.at].state = State::Armed;
    }

    /// It holds everything up while it is on.
    pub(crate) fn hang(&mut self, strike: Strike) {
        self.known[strike.at].state = State::Hangs;
        self.known[strike.at].fault.strikes();
    }

    /// It has done what it does.
    pub(crate) fn done(&mut self, strike: Strike) {
        self.known[strike.at].state = State::Done;
        self.known[strike.at].fault.strikes();
    }

    fn active(&self) -> impl Iterator<Item = (usize, &Known)> {
        self.known
            .iter()
            .enumerate()
            .filter(|(_, known)| known.concerned && known.state != State::Done)
    }

    fn waiting(&self, strikes: impl Fn(&Known) -> bool) -> Option<Strike> {
        self.find(|known| known.state == State::Waits && strikes(known))
    }

    fn find(&self, strikes: impl Fn(&Known) -> bool) -> Option<Strike> {
        let (at, known) = self.active().find(|(_, known)| strikes(known))?;
        Some(Strike {
            how: known.fault.how(),
            victim: victim(&known.fault),
            at,
        })
    }
}

/// When a fault strikes if nothing happens before.
fn moment(known: &Known, quiet: Option<Instant>, link: &Link) -> Option<Instant> {
    let ms = |name| Duration::from_millis(known.fault.value(name));
    match known.fault.kind.act {
        Act::After(_) => Some(known.since + ms("after")),
        Act::Idle => Some(quiet?.max(known.since) + ms("idle")),
        Act::Answered(_) => {
            let answered = link.toward(victim(&known.fault)).bytes > 0;
            answered.then_some(())?;
            Some(quiet?.max(known.since) + ms("idle"))
        }
        _ => None,
    }
}

/// Whether it changes how data passes, and breaks nothing by itself.
fn shapes(fault: &Fault) -> bool {
    fault.kind.toxiproxy
}
