//! One failure as one line of JSON (`whyreset/run/1`). Fields may be added, never renamed or given
//! another meaning. Refuses to judge: a verdict is put in by who has one.

use serde_json::{Value, json};
use whyreset_evidence::Timestamp;

use crate::failure::Failure;
use crate::reading::Reading;

/// One failure, without a newline at its end.
pub fn line(failure: &Failure, reading: &Reading, verdict: Option<&Value>) -> String {
    let ms = |span: std::time::Duration| span.as_secs_f64() * 1e3;
    let guesses = reading.guesses.iter().map(|guess| {
        json!({
            "id": guess.id,
            "certainty": guess.certainty.as_str(),
            "what": guess.what,
            "decide": guess.decide,
        })
    });
    let (local, remote) = match (failure.flow, failure.side) {
        (Some(flow), Some(side)) => (
            Some(flow.addr(side).to_string()),
            Some(flow.addr(side.other()).to_string()),
        ),
        _ => (None, None),
    };
    json!({
        "schema": "whyreset/run/1",
        "time": utc(failure.at),
        "outcome": failure.outcome(),
        "by": failure.by(),
        "from": failure.from().map(whyreset_evidence::Side::as_str),
        "stage": failure.stage.as_str(),
        "side": failure.side.map(whyreset_evidence::Side::as_str),
        "process": {"pid": failure.process.pid, "name": failure.process.name, "exe": failure.process.exe},
        "errno": failure.errno.map(|(errno, _)| errno.to_string()),
        "errno_known": failure.errno.map(|(_, known)| known.as_str()),
        "call": failure.call,
        "local": local,
        "remote": remote,
        "age_ms": failure.age.map(ms),
        "silence_ms": failure.silence.map(ms),
        "bytes_sent": failure.sent,
        "bytes_acked": failure.acked,
        "bytes_received": failure.received,
        "bytes_unread": failure.unread,
        "tcp_info": {
            "state": failure.info.state.to_string(),
            "retransmits": failure.info.retransmits,
            "total_retransmits": failure.info.total_retransmits,
            "probes": failure.info.probes,
            "rtt_ms": ms(failure.info.rtt),
        },
        "notes": reading.notes,
        "guesses": guesses.collect::<Vec<_>>(),
        "next": reading.next,
        "verdict": verdict,
    })
    .to_string()
}

/// RFC 3339, UTC, nanoseconds kept.
fn utc(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.9}")
}
