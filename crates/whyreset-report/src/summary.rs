//! What came together: counts by cause and sender, for the end of a watch.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use whyreset_evidence::Verdict;

use crate::escape::escape;
use crate::paint::Ink;

/// Kinds of verdict counted apart at most: a hostile host can invent process names.
const KINDS: usize = 1_024;

/// Counts.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    counts: BTreeMap<(bool, &'static str, String), u64>,
    beyond: u64,
}

impl Summary {
    /// Counts one verdict.
    pub fn add(&mut self, verdict: &Verdict) {
        let sender = match (&verdict.sender.process, verdict.sender.party, verdict.sender.host) {
            (Some(process), ..) => escape(&process.name),
            (None, party, host) => format!("{} ({})", party.as_str(), host.as_str()),
        };
        let key = (verdict.reset.benign, verdict.cause.id, sender);
        if self.counts.len() >= KINDS && !self.counts.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        *self.counts.entry(key).or_default() += 1;
    }

    /// Lines, most frequent first, the benign ones last.
    pub fn text(&self, colour: bool) -> String {
        if self.counts.is_empty() {
            return "no resets".to_owned();
        }
        let mut rows: Vec<_> = self.counts.iter().collect();
        rows.sort_by_key(|((benign, ..), count)| (*benign, std::cmp::Reverse(**count)));
        let total: u64 = self.counts.values().sum::<u64>() + self.beyond;
        let widest = rows.iter().map(|((_, id, _), _)| id.len()).max().unwrap_or(0);
        let mut out = format!("{total} in all");
        for ((benign, id, sender), count) in rows {
            let id = Ink::Bold.on(&format!("{id:widest$}"), colour);
            let note = if *benign { "  (benign)" } else { "" };
            _ = write!(out, "\n{count:>8}  {id}  {sender}{note}");
        }
        if self.beyond > 0 {
            _ = write!(out, "\n{:>8}  of further kinds", self.beyond);
        }
        out
    }
}
