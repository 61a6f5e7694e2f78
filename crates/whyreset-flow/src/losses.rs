//! When the capturing host lost packets. Refuses to keep more than a few of the times: what it forgets
//! it counts as lost since the capture began.

use alloc::collections::VecDeque;

/// Losses that are kept apart.
const MOST: usize = 256;

/// Losses over a capture.
#[derive(Debug, Default)]
pub struct Losses {
    /// Times and counts, the oldest first.
    lately: VecDeque<(u64, u64)>,
    /// The time of the newest that is not kept apart, and how many it and those before it were.
    before: (u64, u64),
}

impl Losses {
    /// So many packets were lost shortly before this time.
    pub fn note(&mut self, at: u64, count: u64) {
        if self.lately.len() >= MOST
            && let Some((then, old)) = self.lately.pop_front()
        {
            self.before = (self.before.0.max(then), self.before.1.saturating_add(old));
        }
        self.lately.push_back((at, count));
    }

    /// How many were lost since.
    pub fn since(&self, first: u64) -> u64 {
        let lately = self.lately.iter().filter(|(at, _)| *at >= first);
        let older = if self.before.1 > 0 && self.before.0 >= first {
            self.before.1
        } else {
            0
        };
        lately.fold(older, |sum, (_, count)| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_counts_for_what_stood_then() {
        let mut losses = Losses::default();
        assert_eq!(losses.since(0), 0);
        losses.note(100, 3);
        assert_eq!((losses.since(50), losses.since(101)), (3, 0));
        for at in 0..1_000 {
            losses.note(200 + at, 1);
        }
        assert_eq!(losses.since(0), 1_003);
        assert_eq!(losses.since(1_199), 1);
        assert_eq!(losses.since(1_200), 0);
    }
}
