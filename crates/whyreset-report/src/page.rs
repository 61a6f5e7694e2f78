//! What a page about a whole capture is made from: the capture's account and the verdicts that are
//! told. Refuses to judge, to read a file, and to escape: every face does that at its own door.

mod tally;
mod words;

use whyreset_evidence::{Certainty, Timestamp, Verdict};

use crate::ladder::Rung;

pub(crate) use tally::{Tally, sender};
pub(crate) use words::{
    count, evidence, grouped, moment, name, passed, percent, place, since, stage, suffering, what_happened,
};

/// One verdict with the segments that led to it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// 1-based number of the reset's frame.
    pub frame: Option<u64>,
    /// The decisive segments, in order.
    pub rungs: &'a [Rung],
    /// How many more of the same were folded into it.
    pub alike: usize,
}

/// One verdict as a point in time; the folded ones have theirs too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When the reset passed.
    pub time: Timestamp,
    /// The cause's id.
    pub cause: &'static str,
    /// How sure.
    pub certainty: Certainty,
    /// Harms nobody.
    pub benign: bool,
}

/// What a whole capture was.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// What stands above the page.
    pub title: &'a str,
    /// Names of the files that were read.
    pub files: &'a [String],
    /// What was not seen, or not believed: a cut tail, losses, evictions, blindness.
    pub notices: &'a [String],
    /// TCP segments that were read.
    pub segments: u64,
    /// Connections that were followed.
    pub connections: u64,
    /// Resets in the capture, all of them.
    pub resets: u64,
    /// Resets that only repeat or answer another one.
    pub echoes: u64,
    /// Time of the first frame.
    pub first: Option<Timestamp>,
    /// Time of the last frame.
    pub last: Option<Timestamp>,
    /// Every verdict, also the folded ones.
    pub points: &'a [Point],
}

impl Account<'_> {
    /// `2026-11-22 12:00:00.000000 UTC to ..., 75.1 s`.
    pub(crate) fn span(&self) -> Option<String> {
        let (first, last) = (self.first?, self.last?);
        if first == last {
            return Some(moment(first));
        }
        Some(format!(
            "{} to {}, {}",
            moment(first),
            moment(last),
            passed(last.since(first))
        ))
    }

    /// What the resets are that have no verdict of their own, where there are any.
    pub(crate) fn beyond(&self) -> Option<String> {
        let judged = self.points.len() as u64;
        let others = self.resets.saturating_sub(self.echoes).saturating_sub(judged);
        let mut parts = Vec::new();
        if self.echoes > 0 {
            parts.push(format!(
                "{} only repeat or answer another one",
                grouped(self.echoes)
            ));
        }
        if others > 0 {
            parts.push(format!("{} are not on this page", grouped(others)));
        }
        (!parts.is_empty()).then(|| {
            format!(
                "The capture holds {}: {}.",
                count(self.resets, "reset"),
                parts.join(", ")
            )
        })
    }
}
