//! The rules of one namespace as they were read, and when they held: a segment is held against those that
//! stood when it was dropped. Refuses to take rules that came later for them.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use whyreset_evidence::{Ruled, Timestamp};
use whyreset_host::netns;
use whyreset_host::rules::{Changes, Dropped, Rules};

/// How long rules must rest after a change before they are read unasked.
const REST: Duration = Duration::from_millis(30);
/// Unasked, reading takes at most one part in so many of the time.
const SHARE: u32 = 20;
/// Where nobody counts changes, so many times as long as reading takes is not read again.
const PAUSE: u32 = 4;
/// How long rules are kept that hold no more: whoever asks for a segment asks before.
const KEPT: Duration = Duration::from_secs(4);

/// Rules, and when they held, as far as changes were heard of.
struct Reading<R = Rules> {
    rules: R,
    /// What its rules had counted the time before.
    before: HashMap<String, u64>,
    /// When reading began.
    begun: Timestamp,
    /// The last change before them.
    since: Option<Timestamp>,
    /// The first change after them.
    until: Option<Timestamp>,
}

impl<R> Reading<R> {
    fn held(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// What was read of one namespace.
pub(super) struct Known {
    latest: Reading,
    /// Those before.
    older: Option<Reading>,
    at: Instant,
    /// How long reading took.
    took: Duration,
    changes: Option<Changes>,
    /// The last change that was heard of.
    changed: Option<Timestamp>,
    /// They have changed since; when to read them, should nobody ask before.
    due: Option<Instant>,
}

/// Which of the rules that are known are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Those that were read last.
    Latest,
    /// Those before.
    Older,
    /// Those that stood at the time are not known, and those that were read last stand for them.
    Unknown,
}

/// Which of them held then.
fn held<R>(latest: &Reading<R>, older: Option<&Reading<R>>, at: Timestamp) -> When {
    if latest.since.is_none_or(|since| since <= at) {
        When::Latest
    } else if older.is_some_and(|older| older.held(at)) {
        When::Older
    } else {
        When::Unknown
    }
}

impl Known {
    /// Where word of changes comes.
    pub(super) const fn changes(&self) -> Option<&Changes> {
        self.changes.as_ref()
    }

    /// When they are to be read unasked.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    fn note_changes(&mut self, first: Timestamp, last: Timestamp) {
        self.changed = Some(last);
        self.latest.until = self.latest.until.or(Some(first));
    }

    /// Notes that the rules have changed.
    pub(super) fn listen(&mut self) {
        if let Some((first, last)) = self.changes.as_ref().and_then(Changes::heard) {
            self.note_changes(first, last);
            let fair = self.at + self.took * SHARE;
            self.due = Some(fair.max(Instant::now() + REST));
        }
        if self.older.as_ref().is_some_and(|older| is_past(older.until)) {
            self.older = None;
        }
    }

    /// Notes how long all that is done unasked has taken.
    pub(super) fn took(&mut self, time: Duration) {
        self.took = time;
    }

    /// These rules, read in the namespace with this inode (0 for this program's own), or what is known of
    /// it where they are the same still and nobody asks for what they have `counted` since; after what was
    /// dropped `at` that time.
    pub(super) fn read(last: Option<Self>, netns: u32, counted: bool, at: Timestamp) -> Result<Self, String> {
        let space = (netns != 0).then_some(netns);
        let last = match last {
            Some(mut last) if last.is_new(at) && !counted => {
                last.due = None;
                return Ok(last);
            }
            Some(mut last) => {
                let (current, changed, mut last) = netns::inside(space, move || {
                    last.listen();
                    let rules = &last.latest.rules;
                    (rules.are_current(), rules.have_changed(), last)
                })
                .map_err(|error| error.to_string())?;
                if current {
                    // What was heard of was part of what was read already.
                    last.due = None;
                    if last.latest.until.take().is_some() {
                        last.latest.since = last.changed;
                    }
                    if !counted {
                        return Ok(last);
                    }
                } else if changed && last.latest.until.is_none() {
                    // It is counted before it is told.
                    let now = now();
                    last.note_changes(now, now);
                }
                Some(last)
            }
            None => None,
        };
        Self::read_anew(last, space)
    }

    fn read_anew(last: Option<Self>, space: Option<u32>) -> Result<Self, String> {
        let (clock, begun) = (Instant::now(), now());
        let (before, older, ear, since) = match last {
            Some(last) => {
                let before = last.latest.rules.counters();
                // Read again for what they have counted, they are no others.
                let changed = last.latest.until.is_some();
                let older = if changed { Some(last.latest) } else { last.older };
                (before, older, last.changes, last.changed)
            }
            None => (HashMap::new(), None, None, None),
        };
        let listen = move || (ear.or_else(Changes::listen), Rules::read());
        let (changes, rules) = netns::inside(space, listen).map_err(|error| error.to_string())?;
        Ok(Self {
            latest: Reading {
                rules: rules.map_err(|error| error.to_string())?,
                before,
                begun,
                since,
                until: None,
            },
            older,
            at: clock,
            took: clock.elapsed(),
            changes,
            changed: since,
            due: None,
        })
    }

    /// Whether they need not be read again for what was dropped then, where nobody counts their changes.
    fn is_new(&self, at: Timestamp) -> bool {
        let rests = self.at.elapsed() < self.took * PAUSE;
        !self.latest.rules.count_changes() && (at <= self.latest.begun || rests)
    }

    /// The rules that can have met this segment, dropped `at` that time, and which rules were asked.
    pub(super) fn about(&self, dropped: &Dropped, at: Timestamp) -> (Ruled, When) {
        let when = held(&self.latest, self.older.as_ref(), at);
        let reading = match (&self.older, when) {
            (Some(older), When::Older) => older,
            _ => &self.latest,
        };
        let mut ruled = reading.rules.about(dropped, &reading.before);
        let uncounted = !reading.rules.count_changes() && at > reading.begun;
        if when == When::Unknown || uncounted {
            ruled.whole = false;
            for rule in ruled.resets.iter_mut().chain(&mut ruled.drops) {
                rule.surely = false;
            }
        }
        (ruled, when)
    }

    /// The rules that are meant.
    pub(super) fn rules(&mut self, when: When) -> &mut Rules {
        match (&mut self.older, when) {
            (Some(older), When::Older) => &mut older.rules,
            _ => &mut self.latest.rules,
        }
    }
}

/// The clock that segments are dropped by.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

fn is_past(until: Option<Timestamp>) -> bool {
    until.is_some_and(|until| now().since(until) > KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(since: Option<u64>, until: Option<u64>) -> Reading<()> {
        Reading {
            rules: (),
            before: HashMap::new(),
            begun: Timestamp::default(),
            since: since.map(Timestamp),
            until: until.map(Timestamp),
        }
    }

    #[test]
    fn a_segment_is_held_against_the_rules_of_its_time() {
        let (old, new) = (reading(Some(10), Some(20)), reading(Some(30), None));
        let held = |at| held(&new, Some(&old), Timestamp(at));
        assert_eq!(held(30), When::Latest);
        assert_eq!(held(99), When::Latest);
        assert_eq!(held(10), When::Older);
        assert_eq!(held(19), When::Older);
        // Between the two others stood that nobody read, and before them too.
        assert_eq!(held(20), When::Unknown);
        assert_eq!(held(29), When::Unknown);
        assert_eq!(held(9), When::Unknown);
    }

    #[test]
    fn rules_of_which_no_change_was_heard_stood_all_the_time() {
        assert_eq!(held(&reading(None, None), None, Timestamp(1)), When::Latest);
        let old = reading(None, Some(5));
        assert_eq!(
            held(&reading(Some(5), None), Some(&old), Timestamp(1)),
            When::Older
        );
    }
}
