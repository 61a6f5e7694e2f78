//! One try as one line of JSON (`whyreset/probe/1`). Fields may be added, never renamed or given
//! another meaning. Refuses to judge: a verdict is put in by who has one.

use serde::Serialize;
use serde_json::Value;
use whyreset_evidence::Timestamp;

use crate::outcome::{Attempt, End, Exchange, Report};
use crate::reading::Reading;
use crate::words;

/// Bytes of an answer that are told.
const SHOWN: usize = 256;

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    time: String,
    target: String,
    #[serde(rename = "try")]
    number: u64,
    outcome: &'static str,
    by: Option<&'static str>,
    stage: &'static str,
    address: Option<String>,
    attempts: Vec<AttemptJson>,
    exchange: Option<ExchangeJson<'a>>,
    heard: Option<&'a str>,
    guesses: Vec<GuessJson<'a>>,
    next: &'a [String],
    verdict: Option<Value>,
}

#[derive(Serialize)]
struct AttemptJson {
    address: String,
    outcome: &'static str,
    by: Option<&'static str>,
    icmp: Option<IcmpJson>,
    error: Option<String>,
    started_ms: f64,
    took_ms: f64,
}

#[derive(Serialize)]
struct IcmpJson {
    from: Option<String>,
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
    what: &'static str,
}

#[derive(Serialize)]
struct ExchangeJson<'a> {
    local: String,
    age_ms: f64,
    silence_ms: f64,
    bytes_sent: u64,
    bytes_acked: u64,
    bytes_received: u64,
    first_bytes: Option<String>,
    http_status: Option<u16>,
    tls: Option<TlsJson<'a>>,
}

#[derive(Serialize)]
struct TlsJson<'a> {
    version: Option<&'a str>,
    cipher: Option<&'a str>,
    protocol: Option<&'a str>,
    alert: Option<AlertJson>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct AlertJson {
    number: u8,
    name: &'static str,
}

#[derive(Serialize)]
struct GuessJson<'a> {
    id: Option<&'static str>,
    certainty: &'static str,
    what: &'a str,
    decide: &'a str,
}

/// One try as one line, without a newline at its end.
#[inline(never)]
pub fn line(report: &Report, reading: &Reading, verdict: Option<Value>) -> String {
    let line = Line {
        schema: "whyreset/probe/1",
        time: utc(report.at),
        target: report.target.to_string(),
        number: report.number,
        outcome: report.end.as_str(),
        by: by(&report.end),
        stage: report.stage.as_str(),
        address: report.address().map(|address| address.to_string()),
        attempts: report.attempts.iter().map(attempt).collect(),
        exchange: report.exchange.as_ref().map(exchange),
        heard: reading.heard.as_deref(),
        guesses: reading
            .guesses
            .iter()
            .map(|guess| GuessJson {
                id: guess.id,
                certainty: guess.certainty.as_str(),
                what: &guess.what,
                decide: &guess.decide,
            })
            .collect(),
        next: &reading.next,
        verdict,
    };
    // Every key is a string and no value is a map of ours: this cannot fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// RFC 3339, UTC, nanoseconds kept.
pub(crate) fn utc(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.9}")
}

const fn by(end: &End) -> Option<&'static str> {
    match end {
        End::Refused | End::Reset { .. } => Some("rst"),
        End::RefusedByIcmp(_) => Some("icmp"),
        End::Closed => Some("fin"),
        _ => None,
    }
}

fn attempt(attempt: &Attempt) -> AttemptJson {
    AttemptJson {
        address: attempt.address.to_string(),
        outcome: attempt.end.as_str(),
        by: by(&attempt.end),
        icmp: match &attempt.end {
            End::RefusedByIcmp(icmp) => Some(IcmpJson {
                from: icmp.from.map(|from| from.to_string()),
                kind: icmp.kind,
                code: icmp.code,
                what: icmp.words(),
            }),
            _ => None,
        },
        error: match &attempt.end {
            End::Failed(why) => Some(why.clone()),
            _ => None,
        },
        started_ms: attempt.started.as_secs_f64() * 1e3,
        took_ms: attempt.took.as_secs_f64() * 1e3,
    }
}

fn exchange(exchange: &Exchange) -> ExchangeJson<'_> {
    let first = if exchange.heard.plain.is_empty() {
        &exchange.heard.raw
    } else {
        &exchange.heard.plain
    };
    ExchangeJson {
        local: exchange.local.to_string(),
        age_ms: exchange.age.as_secs_f64() * 1e3,
        silence_ms: exchange.silence.as_secs_f64() * 1e3,
        bytes_sent: exchange.sent,
        bytes_acked: exchange.acked,
        bytes_received: exchange.heard.raw_total,
        first_bytes: (!first.is_empty()).then(|| words::escaped(first, SHOWN)),
        http_status: exchange.status,
        tls: exchange.tls.as_ref().map(|tls| TlsJson {
            version: tls.version.as_deref(),
            cipher: tls.cipher.as_deref(),
            protocol: tls.protocol.as_deref(),
            alert: tls.alert.map(|(number, name)| AlertJson { number, name }),
            error: tls.trouble.as_deref(),
        }),
    }
}
