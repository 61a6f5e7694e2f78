//! One direction under faults that change how data passes: a queue of what is to be written, each
//! piece with the moment when it may be. Reads no clock and no socket: a caller tells it both.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Fault;
use crate::kind::Act;

/// Bytes that wait in one direction before its sender is no longer read.
pub(crate) const ROOM: usize = 1 << 20;
/// Pieces that wait, however small they are.
const PIECES: usize = 4_096;
/// A limited rate comes in pieces of so many of them a second.
const PACE: u64 = 10;

/// What is to be done toward the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Data(Vec<u8>),
    /// The sender has ended.
    Fin,
    /// The connection is closed in order.
    Close,
    /// Both ends are reset.
    Reset,
}

/// One fault in the way of the data, and what it remembers.
#[derive(Debug)]
struct Stage {
    fault: Arc<Fault>,
    /// When the piece before may go on; none overtakes another.
    last: Instant,
    /// Bytes that went through.
    passed: u64,
    /// Nothing goes through any more.
    shut: bool,
    chance: fastrand::Rng,
    /// When a `timeout` closes.
    close_at: Option<Instant>,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    stages: Vec<Stage>,
    queue: VecDeque<(Instant, Item)>,
    waiting: usize,
}

impl Lane {
    /// Sets the faults in the way of the data. Those that stay keep what they remember; what waits
    /// for one that goes is let go. `false`: one went that dropped data, so that the connection
    /// cannot go on.
    pub(crate) fn set(&mut self, faults: &[Arc<Fault>], number: u64, now: Instant) -> bool {
        let stays = |stage: &Stage| faults.iter().any(|fault| fault.id == stage.fault.id);
        let gone = self.stages.iter().any(|stage| !stays(stage));
        let whole = self
            .stages
            .iter()
            .all(|stage| stays(stage) || stage.fault.kind.act != Act::Timeout);
        if gone {
            for (due, _) in &mut self.queue {
                *due = now;
            }
        }
        let mut before = std::mem::take(&mut self.stages);
        for fault in faults {
            let kept = before.iter().position(|stage| stage.fault.id == fault.id);
            self.stages.push(match kept {
                Some(at) => before.remove(at),
                None => Stage::new(fault, number, now),
            });
        }
        whole
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether its sender may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting < ROOM && self.queue.len() < PIECES
    }

    /// Puts in what the sender sent.
    pub(crate) fn push(&mut self, item: Item, now: Instant) {
        let mut items = vec![(now, item)];
        for stage in &mut self.stages {
            let mut through = Vec::new();
            for (due, item) in items {
                stage.pass(due, item, &mut through);
            }
            items = through;
        }
        for (due, item) in items {
            if let Item::Data(data) = &item {
                self.waiting += data.len();
            }
            self.queue.push_back((due, item));
        }
    }

    /// What may be done now.
    pub(crate) fn due(&self, now: Instant) -> Option<&Item> {
        self.queue
            .front()
            .filter(|(due, _)| *due <= now)
            .map(|(_, item)| item)
    }

    /// So many bytes of what was due were written.
    pub(crate) fn wrote(&mut self, count: usize) {
        if let Some((_, Item::Data(data))) = self.queue.front_mut() {
            self.waiting -= count;
            if count < data.len() {
                data.drain(..count);
                return;
            }
        }
        self.queue.pop_front();
    }

    /// When something may be done that may not yet.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        let head = self.queue.front().map(|(due, _)| *due).filter(|due| *due > now);
        let close = self.stages.iter().filter_map(|stage| stage.close_at).min();
        [head, close].into_iter().flatten().min()
    }

    /// Whether a `timeout` closes the connection now.
    pub(crate) fn closes(&self, now: Instant) -> bool {
        self.stages
            .iter()
            .any(|stage| stage.close_at.is_some_and(|at| at <= now))
    }

    /// What waits, without the moments, for a receiver whose sender has ended or not.
    pub(crate) fn drain(&mut self) -> Vec<u8> {
        self.waiting = 0;
        let mut data = Vec::new();
        for (_, item) in self.queue.drain(..) {
            if let Item::Data(piece) = item {
                data.extend_from_slice(&piece);
            }
        }
        data
    }
}

impl Stage {
    fn new(fault: &Arc<Fault>, number: u64, now: Instant) -> Self {
        let timeout = fault.value("timeout");
        let closes = fault.kind.act == Act::Timeout && timeout > 0;
        Self {
            fault: Arc::clone(fault),
            last: now,
            passed: 0,
            shut: false,
            chance: fault.chance(number),
            close_at: closes.then(|| now + Duration::from_millis(timeout)),
        }
    }

    fn ms(&self, name: &str) -> Duration {
        Duration::from_millis(self.fault.value(name))
    }

    /// One item through this fault.
    fn pass(&mut self, due: Instant, item: Item, out: &mut Vec<(Instant, Item)>) {
        if self.shut {
            return;
        }
        match (self.fault.kind.act, item) {
            (Act::Latency, Item::Data(data)) => {
                let jitter = self.fault.value("jitter");
                let early = self.ms("latency").saturating_sub(self.ms("jitter"));
                let late = Duration::from_millis(self.chance.u64(0..=jitter.saturating_mul(2)));
                // A jitter above the latency would be before its time.
                let late = late.min(self.ms("latency") + self.ms("jitter"));
                self.last = self.last.max(due + early + late);
                out.push((self.last, Item::Data(data)));
            }
            (Act::Bandwidth, Item::Data(data)) => self.pace(due, &data, out),
            (Act::Slicer, Item::Data(data)) => self.slice(due, &data, out),
            (Act::LimitData, Item::Data(mut data)) => {
                let limit = self.fault.value("bytes");
                let room = usize::try_from(limit - self.passed.min(limit)).unwrap_or(usize::MAX);
                data.truncate(room);
                self.passed += data.len() as u64;
                if !data.is_empty() {
                    out.push((due, Item::Data(data)));
                }
                if self.passed >= limit {
                    self.shut = true;
                    out.push((due, Item::Close));
                }
            }
            (Act::Timeout, Item::Data(_)) => {}
            (Act::ResetPeer, Item::Data(_) | Item::Fin) => {
                self.shut = true;
                out.push((due + self.ms("timeout"), Item::Reset));
            }
            (Act::SlowClose, item @ (Item::Fin | Item::Close)) => {
                out.push((due + self.ms("delay"), item));
            }
            // Nothing overtakes what was delayed before it.
            (_, item) => out.push((due.max(self.last), item)),
        }
    }

    /// `rate` thousand bytes a second.
    fn pace(&mut self, due: Instant, data: &[u8], out: &mut Vec<(Instant, Item)>) {
        let rate = self.fault.value("rate").saturating_mul(1_000);
        if rate == 0 {
            out.push((due, Item::Data(data.to_vec())));
            return;
        }
        let piece = rate / PACE;
        let piece = usize::try_from(piece).unwrap_or(usize::MAX).max(1);
        for piece in data.chunks(piece) {
            let nanos = u128::from(piece.len() as u64) * 1_000_000_000 / u128::from(rate);
            let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.last = self.last.max(due) + takes;
            out.push((self.last, Item::Data(piece.to_vec())));
        }
    }

    /// Pieces of `average_size`, give or take `size_variation`, and a pause after each.
    fn slice(&mut self, due: Instant, mut data: &[u8], out: &mut Vec<(Instant, Item)>) {
        let average = self.fault.value("average_size");
        let variation = self.fault.value("size_variation").min(average.saturating_sub(1));
        let pause = Duration::from_micros(self.fault.value("delay"));
        let mut at = self.last.max(due);
        while !data.is_empty() {
            let size = average - variation + self.chance.u64(0..=variation * 2);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let (piece, rest) = data.split_at(if average == 0 {
                data.len()
            } else {
                size.min(data.len())
            });
            out.push((at, Item::Data(piece.to_vec())));
            at += pause;
            data = rest;
        }
        self.last = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(words: &[&str], now: Instant) -> Lane {
        let mut lane = Lane::default();
        let faults: Vec<_> = words
            .iter()
            .map(|words| Arc::new(Fault::from_words(words).unwrap()))
            .collect();
        assert!(lane.set(&faults, 1, now));
        lane
    }

    /// What comes out: milliseconds after the beginning, and what.
    fn all(mut lane: Lane, begun: Instant) -> Vec<(u128, Item)> {
        lane.queue
            .drain(..)
            .map(|(due, item)| ((due - begun).as_millis(), item))
            .collect()
    }

    #[test]
    fn latency_keeps_the_order_and_the_end_last() {
        let now = Instant::now();
        let mut lane = lane(&["latency,latency=100,jitter=30,seed=3"], now);
        for at in 0..50 {
            lane.push(Item::Data(vec![at]), now + Duration::from_millis(at.into()));
        }
        lane.push(Item::Fin, now + Duration::from_millis(50));
        assert_eq!(lane.waiting, 50);
        let out = all(lane, now);
        assert!(out.is_sorted_by_key(|(at, _)| *at), "{out:?}");
        assert!(out.iter().all(|(at, _)| (70..=180).contains(at)), "{out:?}");
        assert_eq!(out.last().unwrap().1, Item::Fin);
        let data: Vec<u8> = out
            .iter()
            .filter_map(|(_, item)| match item {
                Item::Data(data) => Some(data[0]),
                _ => None,
            })
            .collect();
        assert_eq!(data, (0..50).collect::<Vec<u8>>());
    }

    #[test]
    fn bandwidth_takes_its_time() {
        let now = Instant::now();
        let mut lane = lane(&["bandwidth,rate=10"], now);
        lane.push(Item::Data(vec![0; 3_500]), now);
        let out = all(lane, now);
        let moments: Vec<u128> = out.iter().map(|(at, _)| *at).collect();
        assert_eq!(moments, [100, 200, 300, 350]);
    }

    #[test]
    fn slices_are_small_and_nothing_is_lost() {
        let now = Instant::now();
        let mut lane = lane(
            &["slicer,average_size=64,size_variation=32,delay=1000,seed=1"],
            now,
        );
        let data: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        lane.push(Item::Data(data.clone()), now);
        let mut whole = Vec::new();
        for (at, (moment, item)) in all(lane, now).into_iter().enumerate() {
            let Item::Data(piece) = item else {
                panic!("only data")
            };
            assert!(piece.len() <= 96 && moment == at as u128);
            whole.extend(piece);
        }
        assert_eq!(whole, data);
    }

    #[test]
    fn a_limit_cuts_and_closes() {
        let now = Instant::now();
        let mut lane = lane(&["limit_data,bytes=5"], now);
        lane.push(Item::Data(vec![1; 3]), now);
        lane.push(Item::Data(vec![2; 3]), now);
        lane.push(Item::Data(vec![3; 3]), now);
        let items: Vec<Item> = all(lane, now).into_iter().map(|(_, item)| item).collect();
        assert_eq!(
            items,
            [Item::Data(vec![1; 3]), Item::Data(vec![2; 2]), Item::Close]
        );
    }

    #[test]
    fn faults_stand_one_behind_the_other() {
        let now = Instant::now();
        let mut lane = lane(
            &[
                "latency,latency=100",
                "reset_peer,timeout=50",
                "slow_close,delay=7",
            ],
            now,
        );
        lane.push(Item::Data(vec![1]), now);
        lane.push(Item::Data(vec![2]), now);
        assert_eq!(all(lane, now), [(150, Item::Reset)]);
    }

    #[test]
    fn what_waits_goes_when_its_fault_goes() {
        let now = Instant::now();
        let mut lane = lane(&["latency,latency=60000"], now);
        lane.push(Item::Data(vec![1]), now);
        assert_eq!(lane.due(now), None);
        assert!(lane.set(&[], 1, now));
        assert_eq!(lane.due(now), Some(&Item::Data(vec![1])));
        lane.wrote(1);
        assert!(lane.is_empty() && lane.waiting == 0);
    }

    #[test]
    fn a_timeout_that_goes_closes() {
        let now = Instant::now();
        let mut lane = lane(&["timeout,timeout=100"], now);
        lane.push(Item::Data(vec![1]), now);
        assert!(lane.queue.is_empty());
        assert!(!lane.closes(now) && lane.closes(now + Duration::from_millis(100)));
        assert!(!lane.set(&[], 1, now));
    }
}
