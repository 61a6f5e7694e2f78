//! Lines that speak of errors, kept by their time until a reset asks for them. Refuses to grow: what
//! is kept has a bound, and what had to go is counted.

use whyreset_evidence::{Dossier, Fact, Tie};

use crate::join::{AFTER, BEFORE};
use crate::time::Stamp;
use crate::{Line, Offset, Reset, Stated, Who, compared, estimate, fact_of, rank, reset_of};

/// Bytes of a line that are kept.
const OF_A_LINE: usize = 2048;
/// What a line costs beside its text, bytes.
const BESIDE: usize = 256;
/// Lines quoted for one reset.
const QUOTED: usize = 3;
/// Lines looked at for one reset, of each source.
const LOOKED_AT: usize = 20_000;

/// Lines whose coming is remembered.
const CAME: usize = 64;

/// A line that may be asked for.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in its file; 0 where lines have none.
    pub number: u64,
    /// When it was written.
    pub stamp: Stamp,
    /// Who it speaks of.
    pub who: Who,
    /// Its beginning.
    text: Box<[u8]>,
    /// systemd unit, where the journal says it.
    pub unit: Option<String>,
    /// What it states.
    pub stated: Option<&'static Stated>,
}

impl Kept {
    /// Keeps the beginning of `text`.
    pub fn new(number: u64, stamp: Stamp, who: Who, text: &[u8], stated: Option<&'static Stated>) -> Self {
        Self {
            number,
            stamp,
            who,
            text: text[..text.len().min(OF_A_LINE)].into(),
            unit: None,
            stated,
        }
    }

    fn cost(&self) -> usize {
        BESIDE + self.text.len()
    }
}

struct Log {
    name: String,
    /// By time.
    lines: Vec<Kept>,
    /// Nanoseconds of the coarsest time on it.
    coarsest: u64,
    offset: Option<Offset>,
    /// Times of lines, and when they came.
    came: Vec<(i64, i64)>,
}

/// All that is kept.
pub struct Store {
    logs: Vec<Log>,
    /// Bytes that may be kept.
    most: usize,
    held: usize,
    /// Lines that had to go.
    pub dropped: u64,
}

impl Store {
    /// Keeps about so many bytes.
    pub const fn new(most: usize) -> Self {
        Self {
            logs: Vec::new(),
            most,
            held: 0,
            dropped: 0,
        }
    }

    /// A place for the lines of one source; its number.
    pub fn source(&mut self, name: String) -> usize {
        self.logs.push(Log {
            name,
            lines: Vec::new(),
            coarsest: 0,
            offset: None,
            came: Vec::new(),
        });
        self.logs.len() - 1
    }

    /// Keeps a line; where there is no room, the oldest quarter of the fullest source goes first.
    pub fn add(&mut self, source: usize, line: Kept) {
        if self.held + line.cost() > self.most {
            self.make_room();
        }
        let Some(log) = self.logs.get_mut(source) else {
            return;
        };
        self.held += line.cost();
        log.coarsest = log.coarsest.max(line.stamp.resolution);
        let at = if log.lines.last().is_none_or(|last| last.stamp.ns <= line.stamp.ns) {
            log.lines.len()
        } else {
            log.lines.partition_point(|one| one.stamp.ns <= line.stamp.ns)
        };
        log.lines.insert(at, line);
    }

    fn make_room(&mut self) {
        let Some(log) = self.logs.iter_mut().max_by_key(|log| log.lines.len()) else {
            return;
        };
        let gone = log.lines.len().div_ceil(4);
        for line in log.lines.drain(..gone) {
            self.held = self.held.saturating_sub(line.cost());
        }
        self.dropped += gone as u64;
    }

    /// Finds out how each source's clock differs from ours, by resets that its lines may speak of.
    pub fn compare_clocks(&mut self, resets: &[Reset]) {
        for log in &mut self.logs {
            log.offset = compared::offset(&log.lines, resets);
        }
    }

    /// Notes a line of this source with `stamp` that came at `came`, by our clock: the newest that
    /// was there, so that it has not lain about for long.
    pub fn note_clock(&mut self, source: usize, stamp: Stamp, came: i64) {
        let Some(log) = self.logs.get_mut(source) else {
            return;
        };
        if log.came.len() == CAME {
            log.came.remove(0);
        }
        log.came.push((stamp.ns, came));
        log.offset = estimate(&log.came, stamp.resolution)
            .filter(|offset| compared::differs(offset, stamp.resolution));
    }

    /// The clocks that differ from ours, by source.
    pub fn clocks(&self) -> impl Iterator<Item = (&str, &Offset)> {
        self.logs
            .iter()
            .filter_map(|log| Some((log.name.as_str(), log.offset.as_ref()?)))
    }

    /// The lines that are worth quoting for this reset, the nearest first.
    pub fn join(&self, dossier: &Dossier) -> Vec<Fact> {
        let reset = reset_of(dossier);
        let mut best = Vec::new();
        for log in &self.logs {
            let offset = log.offset.as_ref();
            let found = rank(&reset, log.near(reset.at), offset, 4 * QUOTED);
            best.extend(
                found
                    .into_iter()
                    .filter(crate::Ranked::is_worth)
                    .map(|line| (line, offset)),
            );
        }
        best.sort_by_key(|(line, _)| (line.tie, std::cmp::Reverse(line.score)));
        let mut quoted: Vec<Fact> = Vec::new();
        let mut said_already: Vec<&'static Stated> = Vec::new();
        for (line, offset) in best {
            if quoted.len() == QUOTED {
                break;
            }
            // Of lines that say the same of no one connection the nearest is enough.
            let said = line.stated.filter(|_| line.tie != Tie::Connection);
            if said.is_some_and(|one| said_already.iter().any(|known| std::ptr::eq(*known, one))) {
                continue;
            }
            said_already.extend(line.stated);
            quoted.push(fact_of(dossier, line, offset));
        }
        quoted
    }
}

impl Log {
    fn near(&self, at: i64) -> impl Iterator<Item = Line<'_>> {
        let moved = at.saturating_sub(self.offset.map_or(0, |offset| offset.ns));
        let loose = self
            .coarsest
            .saturating_add(self.offset.map_or(0, |offset| offset.spread));
        let loose = i64::try_from(loose).unwrap_or(i64::MAX);
        let from = moved.saturating_sub(BEFORE.saturating_add(loose));
        let to = moved.saturating_add(AFTER.saturating_add(loose));
        let begin = self.lines.partition_point(|line| line.stamp.ns < from);
        self.lines[begin..]
            .iter()
            .take_while(move |line| line.stamp.ns <= to)
            .take(LOOKED_AT)
            .map(|line| Line {
                source: &self.name,
                number: line.number,
                text: &line.text,
                stamp: Some(line.stamp),
                who: &line.who,
                unit: line.unit.as_deref(),
                stated: line.stated,
            })
    }
}
