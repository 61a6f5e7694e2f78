//! Which silences to try next, from what the tried ones showed. Pure: no clock, no socket.

use std::time::Duration;

use super::Fate;

/// Silences lie this much above whole seconds: timers are set in whole seconds and fire late.
const ABOVE: Duration = Duration::from_millis(200);
/// Bounds this near to each other are near enough, where they are not longer than 100 s.
const NEAR: Duration = Duration::from_millis(1_050);

/// One held connection: how long, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Without a byte either way.
    pub silence: Duration,
    /// What became of it.
    pub fate: Fate,
    /// What the other end said before it ended the connection, its first bytes. Hostile input.
    pub said: Vec<u8>,
}

impl Sample {
    /// One where nothing was said.
    pub const fn new(silence: Duration, fate: Fate) -> Self {
        Self {
            silence,
            fate,
            said: Vec::new(),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The other end closed it (FIN) by itself.
    Fin,
    /// A reset came by itself.
    Reset,
    /// The poke drew a reset.
    ResetOnByte,
    /// The poke drew a FIN.
    FinOnByte,
    /// The poke drew nothing, or the answer that was asked for never came.
    Silence,
}

impl Kind {
    /// One word, for JSON and state files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::ResetOnByte => "reset-on-byte",
            Self::FinOnByte => "fin-on-byte",
            Self::Silence => "silence",
        }
    }

    /// From that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Fin,
            Self::Reset,
            Self::ResetOnByte,
            Self::FinOnByte,
            Self::Silence,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }

    /// It came without a poke: its moment is measured, not bounded.
    pub const fn is_unasked(self) -> bool {
        matches!(self, Self::Fin | Self::Reset)
    }
}

/// What the samples say of the timer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The longest silence that was survived.
    pub alive: Duration,
    /// The shortest that was not.
    pub dead: Option<Duration>,
    /// How that one ended.
    pub kind: Option<Kind>,
    /// After how long connections were ended unasked, in order.
    pub measured: Vec<Duration>,
    /// The other end spoke after this silence by itself.
    pub spoke: Option<Duration>,
    /// A longer silence was survived than one that was not: it is not one timer alone.
    pub crossed: bool,
}

impl Bounds {
    /// From all samples.
    pub fn of(samples: &[Sample]) -> Self {
        let ended = || {
            samples
                .iter()
                .filter_map(|sample| Some((sample.silence, sample.fate.kind()?)))
        };
        let alive = samples
            .iter()
            .filter(|sample| sample.fate == Fate::Alive)
            .map(|sample| sample.silence)
            .max()
            .unwrap_or_default();
        let first = ended().min_by_key(|(silence, _)| *silence);
        let mut measured: Vec<Duration> = ended()
            .filter(|(_, kind)| kind.is_unasked())
            .map(|(silence, _)| silence)
            .collect();
        measured.sort();
        Self {
            alive,
            dead: first.map(|(silence, _)| silence),
            kind: first.map(|(_, kind)| kind),
            crossed: first.is_some_and(|(dead, _)| alive > dead + NEAR),
            spoke: samples
                .iter()
                .filter(|sample| sample.fate == Fate::Spoke)
                .map(|sample| sample.silence)
                .min(),
            measured,
        }
    }

    /// The timer, as far as it is known: measured where it ended connections unasked, else the
    /// shortest silence that was not survived.
    pub fn timer(&self) -> Option<Duration> {
        let unasked = self.kind.is_some_and(Kind::is_unasked);
        if unasked {
            return self.measured.get(self.measured.len() / 2).copied();
        }
        self.dead
    }

    /// Whether there is nothing more to learn up to this silence.
    pub fn is_done(&self, longest: Duration) -> bool {
        if self.crossed || self.spoke.is_some() {
            return true;
        }
        match (self.kind, self.dead) {
            (Some(kind), _) if kind.is_unasked() => true,
            (_, Some(dead)) => dead.saturating_sub(self.alive) <= NEAR.max(dead / 100),
            (_, None) => self.alive + NEAR > longest,
        }
    }

    /// The silences to try next, the shortest first; none where all is known.
    pub fn next(&self, longest: Duration, most: usize) -> Vec<Duration> {
        if self.is_done(longest) || most == 0 {
            return Vec::new();
        }
        let first = self.alive.as_secs() + 1;
        let steps: Vec<u64> = match self.dead {
            Some(dead) => {
                // One that lies where the shortest dead one does teaches nothing.
                let last = dead.saturating_sub(ABOVE + Duration::from_millis(50));
                let inside: Vec<u64> = (first..)
                    .take_while(|&step| Duration::from_secs(step) < last)
                    .take(200_000)
                    .collect();
                spread(&inside, most)
            }
            None => geometric(first, longest.as_secs().max(first), most),
        };
        let mut silences: Vec<Duration> = steps
            .into_iter()
            .map(|step| Duration::from_secs(step) + ABOVE)
            .filter(|silence| *silence > self.alive && self.dead.is_none_or(|dead| *silence < dead))
            .collect();
        silences.dedup();
        silences
    }
}

/// Some of them, at equal distances from both ends.
fn spread(inside: &[u64], most: usize) -> Vec<u64> {
    if inside.len() <= most {
        return inside.to_vec();
    }
    (1..=most)
        .filter_map(|index| inside.get(index * inside.len() / (most + 1)).copied())
        .collect()
}

/// From the first to the last, each longer than the one before by the same factor.
fn geometric(first: u64, last: u64, most: usize) -> Vec<u64> {
    let (low, high) = (Duration::from_secs(first), Duration::from_secs(last));
    let steps = u32::try_from(most.saturating_sub(1).max(1)).unwrap_or(u32::MAX);
    let factor = high.div_duration_f64(low).powf(1.0 / f64::from(steps));
    let half = Duration::from_millis(500);
    let mut out: Vec<u64> = (0..steps)
        .map(|index| (low.mul_f64(factor.powf(f64::from(index))) + half).as_secs())
        .collect();
    // The last one stands for the bound itself.
    out.push(last);
    out.dedup();
    out.truncate(most.max(1));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_mins(10);

    /// Plays a timer of this length and says how many rounds it takes.
    fn found(timer: Duration, kind: Kind, connections: usize) -> (Bounds, usize) {
        let mut samples = Vec::new();
        for round in 0.. {
            let bounds = Bounds::of(&samples);
            let next = bounds.next(MOST, connections);
            assert!(next.len() <= connections && round < 20, "{next:?}");
            if next.is_empty() {
                return (bounds, round);
            }
            for silence in next {
                let alive = silence < timer;
                let passed = if kind.is_unasked() {
                    silence.min(timer)
                } else {
                    silence
                };
                samples.push(Sample::new(
                    passed,
                    if alive { Fate::Alive } else { Fate::Ended(kind) },
                ));
            }
        }
        unreachable!()
    }

    #[test]
    fn bounds_come_together_to_a_second_or_one_per_cent() {
        for connections in [2, 4, 16] {
            for seconds in [1, 2, 9, 30, 60, 239, 350, 599] {
                let timer = Duration::from_secs(seconds);
                let (bounds, _) = found(timer, Kind::ResetOnByte, connections);
                let dead = bounds.dead.unwrap();
                assert!(bounds.alive < timer && timer <= dead, "{bounds:?}");
                let near = dead.saturating_sub(bounds.alive).as_secs_f64();
                assert!(near <= (dead.as_secs_f64() / 100.0).max(1.2), "{bounds:?}");
            }
        }
    }

    #[test]
    fn what_ends_unasked_is_known_after_one_round() {
        let (bounds, rounds) = found(Duration::from_secs(7), Kind::Fin, 16);
        assert_eq!((bounds.timer(), rounds), (Some(Duration::from_secs(7)), 1));
    }

    #[test]
    fn nothing_is_said_beyond_the_bound_and_nothing_of_contradictions() {
        let (bounds, _) = found(Duration::from_secs(601), Kind::Silence, 16);
        assert_eq!((bounds.dead, bounds.is_done(MOST)), (None, true));
        let samples = [(9, Fate::Ended(Kind::Silence)), (20, Fate::Alive)]
            .map(|(seconds, fate)| Sample::new(Duration::from_secs(seconds), fate));
        let bounds = Bounds::of(&samples);
        assert!(bounds.crossed && bounds.next(MOST, 16).is_empty());
    }
}
