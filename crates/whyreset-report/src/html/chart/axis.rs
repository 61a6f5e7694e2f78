//! The axes: bars of a round length in time, a round number at the top.

use std::time::Duration;

use whyreset_evidence::Timestamp;

use crate::page::{passed, since};

/// Bars at most.
const MOST: u64 = 60;
/// Words under the bars at most.
const TICKS: usize = 6;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Lengths of a bar from one second up; below, they go by tens.
const ROUND: [u64; 22] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
    364 * DAY,
];

/// Time, cut into bars.
#[derive(Debug)]
pub struct Axis {
    /// Where the first bar begins, nanoseconds since the epoch.
    pub start: u64,
    step: u64,
    /// How many bars there are, one at least.
    pub bars: usize,
}

impl Axis {
    /// Over all from `first` to `last`.
    pub fn over(first: Timestamp, last: Timestamp) -> Self {
        let span = last.0.saturating_sub(first.0);
        let fine = (3..9).flat_map(|power| [1, 2, 5].map(|head| head * 10_u64.pow(power)));
        let step = fine
            .chain(ROUND)
            .find(|step| span / step < MOST)
            .unwrap_or(span / MOST + 1);
        let start = first.0 / step * step;
        // A first bar that begins early may push the last one over the edge.
        let bars = (last.0.max(first.0) - start) / step + 1;
        Self {
            start,
            step,
            bars: usize::try_from(bars).unwrap_or(1),
        }
    }

    /// How long a bar is: `15 s`, `1 min`.
    pub fn length(&self) -> String {
        [
            (DAY, "day"),
            (HOUR, "h"),
            (MINUTE, "min"),
            (SECOND, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ]
        .into_iter()
        .find(|(unit, _)| self.step.is_multiple_of(*unit))
        .map_or_else(
            || passed(Duration::from_nanos(self.step)),
            |(unit, name)| match self.step / unit {
                many @ 2.. if unit == DAY => format!("{many} days"),
                many => format!("{many} {name}"),
            },
        )
    }

    /// The bar that this time falls into.
    pub fn bar(&self, at: Timestamp) -> usize {
        let place = at.0.saturating_sub(self.start) / self.step;
        usize::try_from(place).map_or(self.bars - 1, |place| place.min(self.bars - 1))
    }

    fn at(&self, bar: usize) -> Timestamp {
        Timestamp(self.start.saturating_add(self.step.saturating_mul(bar as u64)))
    }

    /// Which times a bar holds.
    pub fn words(&self, bar: usize) -> String {
        let format = if self.step < SECOND {
            "%Y-%m-%d %H:%M:%S%.6f"
        } else {
            "%Y-%m-%d %H:%M:%S"
        };
        format!("from {}", since(self.at(bar), format))
    }

    /// The bars that have a word beneath.
    pub fn ticks(&self) -> impl Iterator<Item = (usize, String)> {
        let long = self.step.saturating_mul(self.bars as u64) > DAY;
        let format = match self.step {
            DAY.. => "%Y-%m-%d",
            MINUTE.. if long => "%m-%d %H:%M",
            SECOND.. => "%H:%M:%S",
            1_000_000.. => "%H:%M:%S%.3f",
            _ => "%M:%S%.6f",
        };
        (0..self.bars)
            .step_by(self.bars.div_ceil(TICKS))
            .map(move |bar| (bar, since(self.at(bar), format)))
    }
}

/// A round number that is not less, and has a half where it is more than one.
pub fn top_of(highest: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        let round = [1, 2, 4, 6, 8].map(|head| power.saturating_mul(head));
        if let Some(round) = round.into_iter().find(|round| *round >= highest.max(1)) {
            return round;
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_into_a_bar_and_bars_are_few() {
        for (first, last) in [
            (0, 0),
            (5, 5),
            (0, u64::MAX),
            (u64::MAX, 0),
            (1_700_000_000 * SECOND + 1, 1_700_000_059 * SECOND),
            (1_700_000_000 * SECOND, 1_700_086_400 * SECOND),
            (SECOND - 1, 61 * SECOND - 1),
        ] {
            let axis = Axis::over(Timestamp(first), Timestamp(last));
            assert!((1..=61).contains(&axis.bars), "{first} {last}: {}", axis.bars);
            for at in [first, last, first / 2 + last / 2] {
                assert!(axis.bar(Timestamp(at)) < axis.bars);
            }
            assert!(axis.ticks().count() <= TICKS);
        }
    }

    #[test]
    fn bars_are_of_round_length() {
        let axis = Axis::over(Timestamp(3 * SECOND), Timestamp(303 * SECOND));
        assert_eq!((axis.length().as_str(), axis.start), ("10 s", 0));
        assert_eq!(axis.bar(Timestamp(299 * SECOND)), 29);
    }

    #[test]
    fn the_top_is_round_and_high_enough() {
        for (highest, top) in [
            (0, 1),
            (1, 1),
            (3, 4),
            (9, 10),
            (17, 20),
            (61, 80),
            (1_001, 2_000),
        ] {
            assert_eq!(top_of(highest), top);
        }
        assert_eq!(top_of(u64::MAX), u64::MAX);
    }
}
