//! What came together: counts by cause and sender, and closes after one and the same silence, for
//! the end of a watch. Refuses to call a silence a timeout before it was met three times.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use whyreset_causes::known_timers;
use whyreset_evidence::{Origin, Verdict};

use crate::escape::escape;
use crate::paint::Ink;

/// Kinds of verdict counted apart at most: a hostile host can invent process names.
const KINDS: usize = 1_024;

/// Kinds that are printed; the rest are counted together.
const ROWS: usize = 25;

/// Silences that are kept of one closer.
const SILENCES: usize = 256;
/// So many closes after one silence are a timeout and no accident.
const ENOUGH: usize = 3;
/// Silences are one where they differ by a twentieth at most, or by so many milliseconds.
const SPREAD: u64 = 20;
const SPREAD_MS: u64 = 100;

/// Counts.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    counts: BTreeMap<(bool, &'static str, String), u64>,
    beyond: u64,
    /// Silences before a close, ms, by the address that closed and who did it.
    silences: BTreeMap<(SocketAddr, String), Vec<u64>>,
}

impl Summary {
    /// Counts one verdict.
    pub fn add(&mut self, verdict: &Verdict) {
        let sender = match (&verdict.sender.process, verdict.sender.party, verdict.sender.host) {
            (Some(process), ..) => escape(&process.name),
            (None, party, host) => format!("{} ({})", party.as_str(), host.as_str()),
        };
        self.note_silence(verdict, &sender);
        self.count((verdict.reset.benign, verdict.cause.id, sender), 1);
    }

    /// Counts so many resets that this sender sent for this cause.
    pub fn add_many(&mut self, cause: &'static str, benign: bool, sender: String, count: u64) {
        self.count((benign, cause, sender), count);
    }

    fn count(&mut self, key: (bool, &'static str, String), count: u64) {
        if self.counts.len() >= KINDS && !self.counts.contains_key(&key) {
            self.beyond += count;
            return;
        }
        *self.counts.entry(key).or_default() += count;
    }

    fn note_silence(&mut self, verdict: &Verdict, sender: &str) {
        let connection = &verdict.connection;
        let Some(quiet) = connection.quiet_before_close else {
            return;
        };
        let Origin::End(side) = verdict.reset.from else {
            return;
        };
        let closed = connection.flow.addr(side);
        let key = (closed, sender.to_owned());
        if self.silences.len() >= KINDS && !self.silences.contains_key(&key) {
            return;
        }
        let silences = self.silences.entry(key).or_default();
        if silences.len() < SILENCES {
            silences.push(u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX));
        }
    }

    /// `3 connections of 10.0.0.1:8080 were closed by nginx after 75.0 to 75.1 s of silence: ...`.
    fn timeouts(&self) -> Vec<String> {
        let line = |((address, who), silences): (&(SocketAddr, String), &Vec<u64>)| {
            let (least, most) = (*silences.iter().min()?, *silences.iter().max()?);
            let together = most - least <= (least / SPREAD).max(SPREAD_MS);
            (silences.len() >= ENOUGH && together).then(|| {
                format!(
                    "{} connections of {address} were closed by {who} after {:.1} to {:.1} s of silence: a timeout{}",
                    silences.len(),
                    seconds(least),
                    seconds(most),
                    known_timers(least)
                )
            })
        };
        self.silences.iter().filter_map(line).collect()
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
        let further: u64 = rows.iter().skip(ROWS).map(|(_, count)| **count).sum::<u64>() + self.beyond;
        for ((benign, id, sender), count) in rows.into_iter().take(ROWS) {
            let id = Ink::Bold.on(&format!("{id:widest$}"), colour);
            let note = if *benign { "  (benign)" } else { "" };
            _ = write!(out, "\n{count:>8}  {id}  {sender}{note}");
        }
        if further > 0 {
            _ = write!(out, "\n{further:>8}  of further kinds");
        }
        for line in self.timeouts() {
            _ = write!(out, "\n{line}");
        }
        out
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use whyreset_causes::judge;
    use whyreset_evidence::parse_dossier;

    use super::Summary;

    fn closed_after(silence_ms: u64, port: u16) -> whyreset_evidence::Verdict {
        let text = format!(
            "flow 10.0.0.2:{port} > 10.0.0.1:8080 watch=server\n\
             -900 server ended ESTABLISHED>FIN_WAIT1 shut=3 heard-ago={silence_ms} by=nginx[812]\n\
             +0 server sent state=TIME_WAIT mini sub=FIN_WAIT2 on=P. len=50 reason=TCP_TIMEWAIT_SOCKET\n"
        );
        judge(&parse_dossier(&text).expect("a dossier"))
    }

    #[test]
    fn three_closes_after_one_silence_are_a_timeout() {
        let mut summary = Summary::default();
        for (number, silence) in [75_004, 75_032].into_iter().enumerate() {
            summary.add(&closed_after(silence, 50_000 + u16::try_from(number).unwrap()));
        }
        assert!(!summary.text(false).contains("timeout"), "two may be an accident");
        summary.add(&closed_after(75_020, 50_002));
        let text = summary.text(false);
        assert!(
            text.contains(
                "3 connections of 10.0.0.1:8080 were closed by nginx after 75.0 to 75.0 s of silence"
            ),
            "{text}"
        );
        assert!(text.contains("nginx keepalive_timeout"), "{text}");
    }

    #[test]
    fn closes_after_different_silences_are_none() {
        let mut summary = Summary::default();
        for (number, silence) in [1_000, 30_000, 75_000].into_iter().enumerate() {
            summary.add(&closed_after(silence, 50_000 + u16::try_from(number).unwrap()));
        }
        assert!(!summary.text(false).contains("silence"));
    }
}
