//! Resets counted by cause, with how sure and who sent them, and the one sentence that says it all.
//! Refuses to name a sender that no told verdict names.

use std::collections::BTreeMap;

use whyreset_evidence::{Certainty, Host, Origin, Party, Side, Verdict};

use super::words::{count, grouped};
use super::{Account, Told};

/// Causes that the head line names; the others are one number.
const NAMED: usize = 3;
/// Senders that a row names.
const SENDERS: usize = 3;

/// One cause.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub cause: &'static str,
    /// How many resets.
    pub count: u64,
    /// Of these, how many are certain, likely, possible and unknown.
    pub certainty: [u64; 4],
    /// Of these, how many harm nobody.
    pub benign: u64,
    /// Who sent them and how often, the most frequent first, as far as they are told.
    senders: Vec<(String, u64)>,
}

impl Row {
    /// `10.0.0.1:8080 (9), 10.0.0.7:80 (2) and 3 more`.
    pub fn who(&self) -> String {
        let mut names: Vec<String> = self
            .senders
            .iter()
            .take(SENDERS)
            .map(|(name, count)| format!("{name} ({})", grouped(*count)))
            .collect();
        let more = self.senders.len().saturating_sub(SENDERS);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        names.join(", ")
    }

    /// What the cause means, in the catalogue's words.
    pub fn meaning(&self) -> &'static str {
        whyreset_causes::find(self.cause).map_or("", |cause| cause.summary)
    }
}

/// All causes, the most frequent first.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The causes.
    pub rows: Vec<Row>,
    /// All resets that were judged.
    pub total: u64,
}

impl Tally {
    /// Counts.
    pub fn of(account: &Account, told: &[Told]) -> Self {
        let mut rows: BTreeMap<&'static str, Row> = BTreeMap::new();
        for point in account.points {
            let row = rows.entry(point.cause).or_insert(Row {
                cause: point.cause,
                count: 0,
                certainty: [0; 4],
                benign: 0,
                senders: Vec::new(),
            });
            row.count += 1;
            row.certainty[column(point.certainty)] += 1;
            row.benign += u64::from(point.benign);
        }
        let mut senders: BTreeMap<&'static str, BTreeMap<String, u64>> = BTreeMap::new();
        for one in told {
            *senders
                .entry(one.verdict.cause.id)
                .or_default()
                .entry(sender(one.verdict))
                .or_default() += 1 + one.alike as u64;
        }
        for (cause, names) in senders {
            if let Some(row) = rows.get_mut(cause) {
                row.senders = names.into_iter().collect();
                row.senders.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            }
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        Self {
            total: rows.iter().map(|row| row.count).sum(),
            rows,
        }
    }

    /// `17 resets in 12 connections: 9 unread-data by 10.0.0.1:8080, 8 no-listener by 10.0.0.3:81`.
    pub fn headline(&self, account: &Account) -> String {
        if self.total == 0 {
            return match account.resets {
                0 => "No resets".to_owned(),
                resets => format!("{}, none of them told here", count(resets, "reset")),
            };
        }
        let mut parts: Vec<String> = self
            .rows
            .iter()
            .take(NAMED)
            .map(|row| {
                let by = match row.senders.as_slice() {
                    [] => String::new(),
                    [(one, _)] => format!(" by {one}"),
                    [(one, _), more @ ..] => {
                        let others = count(more.len() as u64, "other");
                        format!(" by {one} and {others}")
                    }
                };
                let benign = if row.benign == row.count { " (benign)" } else { "" };
                format!("{} {}{by}{benign}", grouped(row.count), row.cause)
            })
            .collect();
        let others: u64 = self.rows.iter().skip(NAMED).map(|row| row.count).sum();
        if others > 0 {
            parts.push(format!("{} of other causes", grouped(others)));
        }
        format!(
            "{} in {}: {}",
            count(self.total, "reset"),
            count(account.connections, "connection"),
            parts.join(", ")
        )
    }
}

/// The column of a certainty: the surest first.
const fn column(certainty: Certainty) -> usize {
    match certainty {
        Certainty::Certain => 0,
        Certainty::Likely => 1,
        Certainty::Possible => 2,
        Certainty::Unknown => 3,
    }
}

/// Who sent it, so that the same sender has the same name twice: a client's port is left out.
pub fn sender(verdict: &Verdict) -> String {
    let flow = verdict.connection.flow;
    let who = match (verdict.reset.from, verdict.sender.party) {
        (Origin::End(Side::Server), _) => flow.server.to_string(),
        (Origin::End(Side::Client), _) => flow.client.ip().to_string(),
        (Origin::Between, Party::Firewall) => "a firewall between".to_owned(),
        (Origin::Between, _) => "something between".to_owned(),
        (Origin::Unknown, _) if verdict.sender.host == Host::Between => "something between".to_owned(),
        (Origin::Unknown, _) => "nobody known".to_owned(),
    };
    match &verdict.sender.process {
        Some(process) => format!("{} at {who}", process.name),
        None => who,
    }
}
