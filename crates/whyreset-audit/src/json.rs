//! Findings as one JSON object a line (`whyreset/audit/1`). Fields may be added, never renamed or
//! given another meaning.

use serde::Serialize;
use whyreset_host::inspect::Unread;

use crate::Finding;

const SCHEMA: &str = "whyreset/audit/1";

#[derive(Serialize)]
struct FindingJson<'a> {
    schema: &'static str,
    kind: &'static str,
    id: &'static str,
    severity: &'static str,
    causes: &'static [&'static str],
    summary: &'a str,
    reads: &'static str,
    why: &'static str,
    likely: &'a str,
    netns: Option<u32>,
    process: Option<ProcessJson<'a>>,
    port: Option<u16>,
    read: Vec<ReadJson<'a>>,
    fix: &'a [String],
    seen: Option<SeenJson<'a>>,
}

#[derive(Serialize)]
struct ProcessJson<'a> {
    pid: u32,
    name: &'a str,
    exe: Option<&'a str>,
    unit: Option<&'a str>,
    container: Option<&'a str>,
}

#[derive(Serialize)]
struct ReadJson<'a> {
    what: &'a str,
    cite: &'a str,
}

#[derive(Serialize)]
struct SeenJson<'a> {
    count: u64,
    cause: &'static str,
    time_ns: u64,
    client: String,
    server: String,
    process: Option<&'a str>,
}

#[derive(Serialize)]
struct UnreadJson<'a> {
    schema: &'static str,
    kind: &'static str,
    what: &'a str,
    cure: &'a str,
}

/// One finding, with a newline at its end.
pub fn finding(one: &Finding) -> String {
    let process = one.place.process.as_ref().map(|process| ProcessJson {
        pid: process.pid,
        name: &process.name,
        exe: process.exe.as_deref(),
        unit: process.unit.as_deref(),
        container: process.container.as_deref(),
    });
    line(&FindingJson {
        schema: SCHEMA,
        kind: "finding",
        id: one.check.id,
        severity: one.severity.as_str(),
        causes: one.check.causes,
        summary: &one.summary,
        reads: one.check.reads,
        why: one.check.why,
        likely: &one.likely,
        netns: one.place.netns,
        process,
        port: one.place.port,
        read: one
            .read
            .iter()
            .map(|read| ReadJson {
                what: &read.what,
                cite: &read.cite,
            })
            .collect(),
        fix: &one.fix,
        seen: one.link.as_ref().map(|link| SeenJson {
            count: link.count,
            cause: link.last.cause,
            time_ns: link.last.at.0,
            client: link.last.flow.client.to_string(),
            server: link.last.flow.server.to_string(),
            process: link.last.process.as_deref(),
        }),
    })
}

/// What could not be read, with a newline at its end.
pub fn unread(unread: &Unread) -> String {
    line(&UnreadJson {
        schema: SCHEMA,
        kind: "unread",
        what: &unread.what,
        cure: &unread.cure,
    })
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CHECKS, Severity};

    #[test]
    fn a_finding_is_one_line() {
        let one = CHECKS[0].finds(Severity::Likely, "a\nb").read("c", "d").at(80);
        let text = finding(&one);
        assert_eq!(text.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["causes"][0], CHECKS[0].causes[0]);
        assert_eq!(value["port"], 80);
        assert_eq!(value["summary"], "a\nb");
    }
}
