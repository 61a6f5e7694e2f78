//! The kinds of lines for people. Refuses to print what was not made harmless.

use std::fmt::Write as _;

use jiff::Timestamp;
use whyreset_causes::messages::End;
use whyreset_logs::{Says, Stamp};
use whyreset_report::text::Style;

use super::Account;
use super::groups::{Group, Groups, Kind};

/// Peers that are named.
const NAMED: usize = 3;

/// All of it.
pub fn page(groups: &Groups, account: &Account, style: &Style) -> String {
    let sorted = groups.sorted();
    let mut out = String::new();
    for group in &sorted {
        one(group, groups, style, &mut out);
    }
    let errors: u64 = counted(&sorted, |kind| matches!(kind, Kind::Error(..)));
    let stated: u64 = counted(&sorted, |kind| matches!(kind, Kind::Stated(_)));
    _ = writeln!(
        out,
        "{errors} lines with connection errors and {stated} that state a cause, of {} kinds, in {} lines of {} sources ({:.1} MB in {:.2} s)",
        sorted.len(),
        account.scanned.lines,
        account.files,
        megabytes(account.scanned.bytes),
        account.took.as_secs_f64()
    );
    if !sorted.is_empty() {
        out.push_str("A log line can be wrong or forged: `sudo whyreset` while it happens, or `whyreset read` on a capture, proves who reset.\n");
    }
    out
}

fn counted(sorted: &[&Group], which: impl Fn(&Kind) -> bool) -> u64 {
    sorted
        .iter()
        .filter(|group| which(&group.kind))
        .map(|group| group.count)
        .sum()
}

#[expect(clippy::cast_precision_loss, reason = "shown to a tenth")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn one(group: &Group, groups: &Groups, style: &Style, out: &mut String) {
    match group.kind {
        Kind::Error(runtime, message) => {
            _ = writeln!(out, "{}x  {}  ({})", group.count, message.id, runtime.name);
        }
        Kind::Stated(stated) => {
            let what = match stated.says {
                Says::Cause(id) => format!("states the cause {id}"),
                Says::Situation(id) => format!("names the case {id}"),
            };
            _ = writeln!(out, "{}x  {} {what}", group.count, stated.software);
        }
    }
    if let Some(who) = parties(group) {
        line("who", &who, out);
    }
    if let Some(when) = when(group, style) {
        line("when", &when, out);
    }
    if let Some((least, most)) = group.idle {
        let idle = if least == most {
            seconds(least)
        } else {
            format!("{} to {}", seconds(least), seconds(most))
        };
        line("idle", &format!("{idle} of silence or age before it"), out);
    }
    if let Kind::Error(_, message) = group.kind {
        let can: Vec<String> = message
            .can
            .iter()
            .map(|(end, how)| format!("{} ({how})", end.as_str()))
            .collect();
        line("can be", &can.join("; "), out);
        let cannot: Vec<&str> = [End::Reset, End::Close, End::Refused, End::Timeout]
            .into_iter()
            .filter(|end| message.can.iter().all(|(known, _)| known != end))
            .map(End::as_str)
            .collect();
        if !cannot.is_empty() {
            line("cannot", &cannot.join(", "), out);
        }
        line("but", message.not, out);
        if let Some(likely) = message.likely.first() {
            line("likely", &format!("{}: {}", likely.cause, likely.when), out);
        }
    }
    for next in next(group) {
        line("next", &next, out);
    }
    line(
        "line",
        &format!(
            "{}:{}: {}",
            whyreset_logs::quote(groups.sources[group.source].as_bytes()),
            group.line,
            group.quote
        ),
        out,
    );
    out.push('\n');
}

fn line(label: &str, text: &str, out: &mut String) {
    _ = writeln!(out, "      {label:<8}{text}");
}

/// Who wrote it, to where, and for whom.
pub fn parties(group: &Group) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(program) = &group.program {
        parts.push(program.clone());
    }
    if let Some(to) = &group.to {
        parts.push(format!("to {to}"));
    }
    let mut peers = group.from.iter();
    let named: Vec<String> = peers.by_ref().take(NAMED).map(|one| one.ip.to_string()).collect();
    if !named.is_empty() {
        let others = peers.count();
        let more = match (others, group.many) {
            (0, false) => String::new(),
            (others, false) => format!(" and {others} others"),
            (others, true) => format!(" and more than {others} others"),
        };
        parts.push(format!("with {}{more}", named.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn when(group: &Group, style: &Style) -> Option<String> {
    let (first, last) = (group.first?, group.last?);
    let mut out = at(first, style)?;
    if last.ns != first.ns {
        _ = write!(out, " to {}", at(last, style)?);
    }
    if let Some(period) = group.period() {
        _ = write!(out, ", every {}", seconds(u64::try_from(period).unwrap_or(0)));
    }
    if group.assumed() {
        out.push_str(" (by this host's zone: the log does not say its own)");
    }
    Some(out)
}

fn at(stamp: Stamp, style: &Style) -> Option<String> {
    let at = Timestamp::from_nanosecond(stamp.ns.into()).ok()?;
    let form = if stamp.resolution >= 1_000_000_000 {
        "%Y-%m-%d %H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S%.3f"
    };
    Some(at.to_zoned(style.zone.clone()).strftime(form).to_string())
}

#[expect(clippy::cast_precision_loss, reason = "shown to a tenth")]
fn seconds(ns: u64) -> String {
    format!("{:.1} s", ns as f64 / 1e9)
}

/// What to run to know more.
pub fn next(group: &Group) -> Vec<String> {
    let Kind::Error(_, message) = group.kind else {
        return vec![format!("whyreset explain {}", group.kind.id())]
            .into_iter()
            .filter(|_| whyreset_causes::find(group.kind.id()).is_some())
            .collect();
    };
    let mut next = vec![format!("whyreset explain {}", message.id)];
    let socket = group
        .to
        .as_ref()
        .and_then(|to| to.parse::<std::net::SocketAddr>().ok());
    if let Some(socket) = socket {
        next.push(format!(
            "sudo whyreset watch host {} and port {}",
            socket.ip(),
            socket.port()
        ));
    }
    let idle = message.likely.iter().any(|one| {
        matches!(one.cause, "idle-timeout" | "keepalive-race") || one.situation == Some("stale-pool")
    });
    if let Some(to) = &group.to
        && idle
    {
        next.push(format!("whyreset probe {to} --idle"));
    }
    next
}
