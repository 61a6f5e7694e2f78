//! How much time looking things up may still take, so that a storm of resets cannot turn the
//! watcher into a storm of /proc reads. Refuses to sleep: without credit the answer is no.

use std::time::{Duration, Instant};

/// The most that can be saved up.
const BURST: Duration = Duration::from_millis(100);
/// One part in so many of the time that passes may be spent.
const SHARE: u32 = 10;
/// What one full scan costs at least: with `SHARE` no more than 20 a second in the long run.
pub(crate) const SCAN_COST: Duration = Duration::from_millis(5);

/// A purse of time that refills slowly.
#[derive(Debug)]
pub(crate) struct Credit {
    left: Duration,
    debt: Duration,
    at: Instant,
}

impl Credit {
    pub(crate) fn full(now: Instant) -> Self {
        Self {
            left: BURST,
            debt: Duration::ZERO,
            at: now,
        }
    }

    /// Whether anything may be spent.
    pub(crate) fn any(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at) / SHARE;
        self.at = now;
        let paid = earned.min(self.debt);
        self.debt = self.debt.saturating_sub(paid);
        self.left = (self.left + earned.saturating_sub(paid)).min(BURST);
        self.debt.is_zero() && !self.left.is_zero()
    }

    /// Takes what was spent; what exceeds the credit is owed.
    pub(crate) fn spend(&mut self, spent: Duration) {
        self.debt += spent.saturating_sub(self.left);
        self.left = self.left.saturating_sub(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_gets_a_burst_and_then_a_tenth_of_the_time() {
        let start = Instant::now();
        let mut credit = Credit::full(start);
        let mut scans = 0;
        for millisecond in 0..10_000 {
            if credit.any(start + Duration::from_millis(millisecond)) {
                credit.spend(SCAN_COST);
                scans += 1;
            }
        }
        // 20 were saved up, and 20 a second come in.
        assert!((210..=222).contains(&scans), "{scans} scans in ten seconds");
    }

    #[test]
    fn what_was_overdrawn_is_paid_back_first() {
        let start = Instant::now();
        let mut credit = Credit::full(start);
        credit.spend(BURST + Duration::from_millis(100));
        assert!(!credit.any(start + Duration::from_millis(900)));
        assert!(credit.any(start + Duration::from_millis(1010)));
    }
}
