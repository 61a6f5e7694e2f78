//! Resets really seen, from a recording of `whyreset watch --record`, held beside what was found.
//! Refuses to keep more than a summary of each.

use std::io::{self, BufRead};

use whyreset_evidence::{Flow, Timestamp, parse_dossier};

use crate::Finding;

/// Resets that are kept.
const MOST: usize = 200_000;
/// Bytes of one record.
const RECORD: usize = 1 << 20;

/// One reset of a recording, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The cause's id.
    pub cause: &'static str,
    /// When.
    pub at: Timestamp,
    /// The connection.
    pub flow: Flow,
    /// Inode of the network namespace, where it was recorded.
    pub netns: Option<u32>,
    /// Name of the process that is accused.
    pub process: Option<String>,
}

/// The resets that belong to a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// How many.
    pub count: u64,
    /// The last of them.
    pub last: Seen,
}

/// Why a recording could not be read.
#[derive(Debug)]
pub enum BadRecord {
    /// The file.
    File(io::Error),
    /// A record of it, counted from 1, and what is wrong.
    Damaged(u64, String),
}

impl core::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::Damaged(number, why) => write!(f, "record {number} is damaged: {why}"),
        }
    }
}

impl core::error::Error for BadRecord {}

/// Judges every record.
///
/// # Errors
/// The file cannot be read, or holds something that is no record.
pub fn read(mut from: impl BufRead) -> Result<Vec<Seen>, BadRecord> {
    let mut all = Vec::new();
    let mut number = 0;
    let mut record = String::new();
    loop {
        let mut line = Vec::new();
        let left = RECORD.saturating_sub(record.len());
        let length = io::Read::take(&mut from, left as u64 + 1)
            .read_until(b'\n', &mut line)
            .map_err(BadRecord::File)?;
        if length > left {
            return Err(BadRecord::Damaged(
                number + 1,
                format!("it is longer than {RECORD} bytes"),
            ));
        }
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            record.push_str(&line);
            continue;
        }
        if !record.is_empty() {
            number += 1;
            let dossier =
                parse_dossier(&record).map_err(|why| BadRecord::Damaged(number, why.to_string()))?;
            let verdict = whyreset_causes::judge(&dossier);
            all.push(Seen {
                cause: verdict.cause.id,
                at: verdict.time,
                flow: dossier.flow,
                netns: dossier.netns,
                process: verdict.sender.process.map(|process| process.name),
            });
            record.clear();
        }
        if length == 0 || all.len() >= MOST {
            return Ok(all);
        }
    }
}

/// Gives each finding the resets that belong to it, and tells how many belong to none.
pub fn link(findings: &mut [Finding], seen: &[Seen]) -> usize {
    let mut linked = vec![false; seen.len()];
    for finding in findings {
        for (one, linked) in seen.iter().zip(&mut linked) {
            if !belongs(finding, one) {
                continue;
            }
            *linked = true;
            let count = finding.link.as_ref().map_or(0, |link| link.count) + 1;
            let latest = finding.link.take().map(|link| link.last);
            let last = latest
                .filter(|last| last.at > one.at)
                .unwrap_or_else(|| one.clone());
            finding.link = Some(Link { count, last });
        }
    }
    linked.iter().filter(|linked| !**linked).count()
}

/// Of one of its causes, and where it says where: in its namespace, and at its port or by its
/// process.
fn belongs(finding: &Finding, seen: &Seen) -> bool {
    let place = &finding.place;
    let netns = place.netns.is_none() || seen.netns.is_none() || place.netns == seen.netns;
    let ports = [seen.flow.client.port(), seen.flow.server.port()];
    let port = place.port.map(|port| ports.contains(&port));
    let process = place
        .process
        .as_ref()
        .and_then(|process| Some(seen.process.as_deref()? == process.name));
    let here = match (port, process) {
        (None, None) => true,
        (port, process) => port == Some(true) || process == Some(true),
    };
    finding.check.causes.contains(&seen.cause) && netns && here
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CHECKS, Severity};

    const RECORD: &str = "flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server\n\
        +0 server sent state=CLOSE shut=3 attached unread=3912 reason=TCP_ABORT_ON_CLOSE by=nginx[812]\n";

    fn finding(id: &str) -> Finding {
        let check = CHECKS.iter().find(|check| check.id == id).expect("it is there");
        check.finds(Severity::Happened, "x")
    }

    #[test]
    fn resets_are_linked_by_cause_and_place() {
        let text = format!("{RECORD}\n\n{RECORD}");
        let seen = read(text.as_bytes()).unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].cause, "unread-data");
        let mut findings = [
            finding("close-unread"),
            finding("close-unread").at(8_080),
            finding("close-unread").at(9),
            finding("linger2"),
        ];
        assert_eq!(link(&mut findings, &seen), 0);
        let counts = findings.map(|one| one.link.map(|link| link.count));
        assert_eq!(counts, [Some(2), Some(2), None, None]);
        assert_eq!(link(&mut [finding("linger2")], &seen), 2);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        assert_eq!(read(&b""[..]).unwrap(), []);
        assert!(matches!(read(&b"nonsense\n"[..]), Err(BadRecord::Damaged(1, _))));
        let endless = vec![b'x'; super::RECORD + 2];
        assert!(matches!(read(&endless[..]), Err(BadRecord::Damaged(1, _))));
    }
}
