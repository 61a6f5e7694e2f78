//! Verdict v1 as JSON (`contracts/verdict-v1.schema.json`). Fields may be added here, never
//! renamed or given another meaning.

use std::time::Duration;

use serde::Serialize;
use whyreset_evidence::{Errno, Process, Source, Timestamp, Verdict};

/// One verdict as one line, without a newline at its end.
pub fn line(verdict: &Verdict) -> String {
    // Every key is a string and no value is a map of ours: this cannot fail.
    serde_json::to_string(&Line::of(verdict)).unwrap_or_default()
}

/// RFC 3339, UTC, nanoseconds kept.
pub(crate) fn utc(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.9}")
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    time: String,
    source: &'static str,
    outcome: &'static str,
    connection: Connection,
    reset: Reset,
    sender: Sender<'a>,
    victim: Option<Victim<'a>>,
    cause: Cause<'a>,
    evidence: Vec<Evidence<'a>>,
    fix: &'a [String],
}

#[derive(Serialize)]
struct Connection {
    client: String,
    server: String,
    roles_known: bool,
    stage: &'static str,
    age_ms: Option<f64>,
    idle_ms: Option<f64>,
    bytes_to_server: Option<u64>,
    bytes_to_client: Option<u64>,
    netns: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_state: Option<&'static str>,
}

#[derive(Serialize)]
struct Reset {
    from: &'static str,
    seen: &'static str,
    accepted: Option<bool>,
    count: usize,
    benign: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
}

#[derive(Serialize)]
struct Sender<'a> {
    party: &'static str,
    host: &'static str,
    process: Option<ProcessJson<'a>>,
    rule: Option<&'a str>,
    hop: Option<u32>,
}

#[derive(Serialize)]
struct ProcessJson<'a> {
    pid: u32,
    name: &'a str,
    exe: Option<&'a str>,
    cgroup: Option<&'a str>,
    unit: Option<&'a str>,
    container: Option<&'a str>,
    pod: Option<&'a str>,
    alive: Option<bool>,
    exit: Option<String>,
}

#[derive(Serialize)]
struct Victim<'a> {
    process: Option<ProcessJson<'a>>,
    errno: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<&'a str>,
}

#[derive(Serialize)]
struct Cause<'a> {
    id: &'static str,
    summary: &'a str,
    certainty: &'static str,
    situation: Option<&'static str>,
    mechanism: Option<&'static str>,
    rivals: Vec<Rival<'a>>,
}

#[derive(Serialize)]
struct Rival<'a> {
    id: &'static str,
    because: &'a str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    finding: &'static str,
    what: &'a str,
    cite: &'a str,
}

fn ms(span: Option<Duration>) -> Option<f64> {
    // Whole microseconds, divided once: no tail of binary noise.
    span.map(|span| {
        u32::try_from(span.as_micros()).map_or_else(|_| span.as_secs_f64() * 1e3, |us| f64::from(us) / 1e3)
    })
}

/// The contract names five errors; another one is told in the evidence.
fn errno(errno: Option<Errno>) -> Option<&'static str> {
    match errno? {
        Errno::ConnReset => Some("ECONNRESET"),
        Errno::ConnRefused => Some("ECONNREFUSED"),
        Errno::Pipe => Some("EPIPE"),
        Errno::TimedOut => Some("ETIMEDOUT"),
        Errno::ConnAborted => Some("ECONNABORTED"),
        Errno::HostUnreach | Errno::NetUnreach | Errno::Other(_) => None,
    }
}

impl<'a> ProcessJson<'a> {
    fn of(process: &'a Process) -> Self {
        Self {
            pid: process.pid,
            name: &process.name,
            exe: process.exe.as_deref(),
            cgroup: process.cgroup.as_deref(),
            unit: process.unit.as_deref(),
            container: process.container.as_deref(),
            pod: process.pod.as_deref(),
            alive: process.alive,
            exit: process.exit.map(|exit| exit.to_string()),
        }
    }
}

impl<'a> Line<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let connection = &verdict.connection;
        let flow = connection.flow;
        Self {
            schema: "whyreset/verdict/1",
            time: utc(verdict.time),
            source: match verdict.source {
                Source::Live => "live",
                Source::Capture => "capture",
                Source::Probe => "probe",
                Source::Fleet => "fleet",
            },
            outcome: verdict.outcome.as_str(),
            connection: Connection {
                client: flow.client.to_string(),
                server: flow.server.to_string(),
                roles_known: flow.roles == whyreset_evidence::Roles::Known,
                stage: connection.stage.as_str(),
                age_ms: ms(connection.age),
                idle_ms: ms(connection.idle),
                bytes_to_server: connection.bytes_to_server,
                bytes_to_client: connection.bytes_to_client,
                netns: connection.netns,
                conn_state: connection.conn_state,
            },
            reset: Reset {
                from: verdict.reset.from.as_str(),
                seen: verdict.reset.seen.as_str(),
                accepted: verdict.reset.accepted,
                count: verdict.reset.count,
                benign: verdict.reset.benign,
                frame: verdict.reset.frame,
            },
            sender: Sender {
                party: verdict.sender.party.as_str(),
                host: verdict.sender.host.as_str(),
                process: verdict.sender.process.as_ref().map(ProcessJson::of),
                rule: verdict.sender.rule.as_deref(),
                hop: None,
            },
            victim: verdict.victim.as_ref().map(|victim| Victim {
                process: victim.process.as_ref().map(ProcessJson::of),
                errno: errno(victim.errno),
                kernel: victim.kernel.as_deref(),
            }),
            cause: Cause {
                id: verdict.cause.id,
                summary: &verdict.cause.summary,
                certainty: verdict.cause.certainty.as_str(),
                situation: verdict.cause.situation,
                mechanism: verdict.cause.mechanism,
                rivals: verdict
                    .cause
                    .rivals
                    .iter()
                    .map(|r| Rival {
                        id: r.id,
                        because: &r.because,
                    })
                    .collect(),
            },
            evidence: verdict
                .evidence
                .iter()
                .map(|line| Evidence {
                    finding: line.finding.as_str(),
                    what: &line.what,
                    cite: &line.cite,
                })
                .collect(),
            fix: &verdict.fix,
        }
    }
}
