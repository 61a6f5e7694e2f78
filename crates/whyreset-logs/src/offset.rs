//! How far a log's clock is from ours, by events that are in both. Refuses an answer that only one
//! pair, or a minority of pairs, speaks for.

use std::fmt;

const SECOND: i64 = 1_000_000_000;
/// Zones lie on quarters of an hour.
const QUARTER: i64 = 900 * SECOND;
/// Pairs looked at.
const MOST: usize = 4096;

/// The distance of two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Nanoseconds to add to the log's times to have ours.
    pub ns: i64,
    /// How far the pairs lie from it, in nanoseconds.
    pub spread: u64,
    /// Pairs that agree.
    pub agree: usize,
    /// Pairs that there were.
    pub of: usize,
}

/// From pairs of (the log's time, our time) of what may be the same event. Many may be wrong; those
/// that are right agree with each other within the log's `resolution`.
pub fn estimate(pairs: &[(i64, i64)], resolution: u64) -> Option<Offset> {
    estimate_of(pairs, resolution, pairs.len().min(MOST))
}

/// The same, where at most `possible` of the pairs can be right, since each event is in several.
pub fn estimate_of(pairs: &[(i64, i64)], resolution: u64, possible: usize) -> Option<Offset> {
    let mut apart: Vec<i64> = pairs
        .iter()
        .take(MOST)
        .map(|(log, ours)| ours.saturating_sub(*log))
        .collect();
    apart.sort_unstable();
    let width = i64::try_from(resolution)
        .unwrap_or(SECOND)
        .clamp(200_000_000, 2 * SECOND);
    // The window of that width which holds most.
    let (mut best, mut from) = (0..0, 0);
    for to in 0..apart.len() {
        while apart[to].saturating_sub(apart[from]) > width {
            from += 1;
        }
        if to + 1 - from > best.len() {
            best = from..to + 1;
        }
    }
    let agree = best.len();
    if agree < 2 || agree * 3 < possible {
        return None;
    }
    let within = &apart[best];
    Some(Offset {
        ns: within[agree / 2],
        spread: within[agree - 1].abs_diff(within[0]),
        agree,
        of: possible.max(agree),
    })
}

impl Offset {
    /// Seconds east that the log's zone is mistaken by, and the rest.
    pub fn zone_and_rest(&self) -> (i64, i64) {
        let quarters = (self.ns + self.ns.signum() * QUARTER / 2) / QUARTER;
        let rest = self.ns - quarters * QUARTER;
        // Clocks that differ by minutes are no zones.
        if rest.abs() <= 120 * SECOND && quarters.abs() <= 4 * 14 {
            (quarters * QUARTER, rest)
        } else {
            (0, self.ns)
        }
    }
}

impl fmt::Display for Offset {
    #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a second")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (zone, rest) = self.zone_and_rest();
        if zone != 0 {
            let (sign, minutes) = (if zone < 0 { '-' } else { '+' }, zone.abs() / (60 * SECOND));
            write!(
                f,
                "the log is written in another zone ({sign}{}:{:02} to ours) and ",
                minutes / 60,
                minutes % 60
            )?;
        }
        let seconds = rest as f64 / 1e9;
        match rest {
            _ if rest.abs() < SECOND / 5 => write!(f, "its clock agrees with ours")?,
            1.. => write!(f, "its clock is {seconds:.1} s behind ours")?,
            _ => write!(f, "its clock is {:.1} s ahead of ours", -seconds)?,
        }
        write!(f, ", by {} of {} events found in both", self.agree, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_pairs_agree_on_is_found() {
        let off = |apart: i64| -> Vec<(i64, i64)> {
            let noise = [0, 3, -5, 90, 40];
            (0..20_i64)
                .map(|n| {
                    let log = n * 10 * SECOND;
                    let wrong = if n % 4 == 0 { 777 * SECOND * n } else { 0 };
                    let index = usize::try_from(n % 5).unwrap();
                    (log, log + apart + noise[index] * 1_000_000 + wrong)
                })
                .collect()
        };
        for (apart, part) in [
            (3_700_000_000, "3.7 s behind"),
            (-3_700_000_000, "3.7 s ahead"),
            (
                7200 * SECOND + 3_700_000_000,
                "+2:00 to ours) and its clock is 3.7 s behind",
            ),
            (-(19_800 * SECOND), "-5:30 to ours) and its clock agrees"),
            (0, "agrees"),
        ] {
            let found = estimate(&off(apart), 1_000_000).unwrap();
            assert!((found.ns - apart).abs() < 100_000_000, "{apart}: {found:?}");
            assert!(found.to_string().contains(part), "{found}");
        }
        assert_eq!(estimate(&[], 1), None);
        assert_eq!(estimate(&[(0, 5)], 1), None);
        let scattered: Vec<_> = (0..100).map(|n| (0, n * n * SECOND)).collect();
        assert_eq!(estimate(&scattered, 1), None);
        assert_eq!(estimate(&[(i64::MIN, i64::MAX), (i64::MAX, i64::MIN)], 1), None);
    }
}
