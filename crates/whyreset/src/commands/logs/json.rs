//! The kinds of lines as one JSON object each, and one for the whole. Refuses nothing: what is not
//! known is null.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};
use whyreset_logs::{Says, Stamp};

use super::groups::{Group, Groups, Kind};
use super::{Account, text};

const SCHEMA: &str = "whyreset.logs/v1";

/// All of it.
pub fn lines(groups: &Groups, account: &Account) -> Result<String> {
    let mut out = String::new();
    for group in groups.sorted() {
        out.push_str(&serde_json::to_string(&one(group, groups))?);
        out.push('\n');
    }
    let total = json!({
        "schema": SCHEMA,
        "kind": "summary",
        "sources": account.files,
        "failed": account.failed,
        "lines": account.scanned.lines,
        "bytes": account.scanned.bytes,
        "overlong": account.scanned.overlong,
        "not_kept": groups.turned_away,
        "seconds": account.took.as_secs_f64(),
    });
    out.push_str(&serde_json::to_string(&total)?);
    out.push('\n');
    Ok(out)
}

fn one(group: &Group, groups: &Groups) -> Value {
    let at = |stamp: Option<Stamp>| {
        stamp
            .and_then(|stamp| Timestamp::from_nanosecond(stamp.ns.into()).ok())
            .map(|at| at.to_string())
    };
    let mut value = json!({
        "schema": SCHEMA,
        "kind": match group.kind { Kind::Error(..) => "error", Kind::Stated(_) => "stated" },
        "id": group.kind.id(),
        "count": group.count,
        "program": group.program,
        "to": group.to,
        "peers": group.from.iter().map(|one| one.ip.to_string()).collect::<Vec<_>>(),
        "more_peers": group.many,
        "first": at(group.first),
        "last": at(group.last),
        "zone_assumed": group.assumed(),
        "every_ns": group.period(),
        "idle_ns": group.idle.map(|(least, most)| [least, most]),
        "source": groups.sources[group.source],
        "line": group.line,
        "text": group.quote,
        "next": text::next(group),
    });
    match group.kind {
        Kind::Error(runtime, message) => {
            value["runtime"] = json!(runtime.id);
            value["errno"] = json!(message.errno);
            value["can"] = message
                .can
                .iter()
                .map(|(end, how)| json!({"end": end.as_str(), "how": how}))
                .collect();
            value["not"] = json!(message.not);
            value["likely"] = message
                .likely
                .iter()
                .map(|one| json!({"cause": one.cause, "situation": one.situation, "when": one.when, "confirm": one.confirm}))
                .collect();
        }
        Kind::Stated(stated) => {
            value["software"] = json!(stated.software);
            value["states"] = match stated.says {
                Says::Cause(id) => json!({"cause": id}),
                Says::Situation(id) => json!({"situation": id}),
            };
        }
    }
    value
}
