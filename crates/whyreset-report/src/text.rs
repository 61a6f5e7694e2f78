//! A verdict for people: one line that says it, then the reasons in columns.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use whyreset_evidence::{
    Certainty, EvidenceLine, Mark, Origin, Outcome, Party, Process, SeenFrom, Source, Verdict,
};

use crate::escape::escape;
use crate::page::suffering;
use crate::paint::Ink;
use crate::wrap::wrap;

/// Columns before the reasons: as wide as the time.
const INDENT: usize = 14;
/// Columns of the word before each reason.
const WORD: usize = 8;
/// More rivals than this are not read at three in the morning; beside a certain cause one will do.
const RIVALS: usize = 4;
const RIVALS_OF_CERTAIN: usize = 1;
/// Answers of the form "it is not so" that are shown where the cause is not certain.
const ABSENT: usize = 2;

/// How it is printed.
#[derive(Clone, Debug)]
pub struct Style {
    /// Whether to colour.
    pub colour: bool,
    /// Columns of the terminal; `None` for no wrapping.
    pub width: Option<usize>,
    /// Only the head line.
    pub brief: bool,
    /// With each piece of evidence, where it was read.
    pub verbose: bool,
    /// The zone of the times.
    pub zone: TimeZone,
}

/// The whole verdict, with a newline at its end.
pub fn verdict(verdict: &Verdict, style: &Style) -> String {
    let mut out = head(verdict, style);
    out.push('\n');
    if !style.brief {
        reasons(verdict, style, &mut out);
    }
    out
}

fn head(verdict: &Verdict, style: &Style) -> String {
    let flow = verdict.connection.flow;
    let cause = &verdict.cause;
    let time = jiff::Timestamp::from_nanosecond(i128::from(verdict.time.0)).unwrap_or_default();
    let time = time
        .to_zoned(style.zone.clone())
        .strftime(match verdict.source {
            Source::Capture => "%Y-%m-%d %H:%M:%S%.6f",
            _ => "%H:%M:%S%.3f",
        })
        .to_string();
    let id = match cause.situation {
        Some(situation) => format!("{}/{situation}", cause.id),
        None => cause.id.to_owned(),
    };
    let mut parts = vec![
        Ink::Faint.on(&time, style.colour),
        format!("{} -> {}", flow.client, flow.server),
        Ink::Red.on(&what_happened(verdict), style.colour),
    ];
    if let Some(process) = &verdict.sender.process {
        parts.push(Ink::Bold.on(&name(process), style.colour));
    } else if !matches!(verdict.sender.party, Party::Application | Party::Unknown) {
        parts.push(format!("({})", verdict.sender.party.as_str()));
    }
    if id != cause.certainty.as_str() {
        parts.push(Ink::Bold.on(&id, style.colour));
    }
    parts.push(Ink::of(cause.certainty).on(cause.certainty.as_str(), style.colour));
    if verdict.reset.benign {
        parts.push("(benign)".to_owned());
    }
    parts.extend(verdict.connection.conn_state.map(str::to_owned));
    parts.extend(verdict.reset.frame.map(|frame| format!("frame {frame}")));
    parts.join("  ")
}

fn what_happened(verdict: &Verdict) -> String {
    let verb = match verdict.outcome {
        Outcome::Reset => "reset",
        Outcome::Refused => "refused",
        Outcome::Timeout => "timed out",
        Outcome::Aborted => "aborted",
    };
    match (verdict.reset.from, verdict.reset.seen) {
        (Origin::End(side), _) if verdict.outcome == Outcome::Timeout => format!("{verb} at {side}"),
        (Origin::End(side), _) => format!("{verb} by {side}"),
        (Origin::Between, _) => format!("{verb} between"),
        (Origin::Unknown, SeenFrom::Received) if verdict.reset.accepted == Some(false) => {
            "reset refused".to_owned()
        }
        (Origin::Unknown, SeenFrom::Received) => format!("{verb} received"),
        (Origin::Unknown, _) => verb.to_owned(),
    }
}

fn name(process: &Process) -> String {
    format!("{}[{}]", escape(&process.name), process.pid)
}

fn reasons(verdict: &Verdict, style: &Style, out: &mut String) {
    let cause = &verdict.cause;
    let mut summary = escape(&cause.summary);
    if let Some(mechanism) = cause.mechanism {
        _ = write!(summary, " (by way of {mechanism})");
    }
    _ = writeln!(out, "{:INDENT$}{}", "", wrap(&summary, INDENT, style.width));
    let mut row = |word: &str, ink: Ink, text: &str| {
        let text = wrap(text, INDENT + WORD, style.width);
        let word = ink.on(&format!("{word:WORD$}"), style.colour);
        _ = writeln!(out, "{:INDENT$}{word}{text}", "");
    };
    if let Some(process) = &verdict.sender.process
        && let Some(place) = place(process)
    {
        row("who", Ink::Plain, &place);
    }
    let absent = if cause.certainty == Certainty::Certain {
        0
    } else {
        ABSENT
    };
    for line in evidence(&verdict.evidence, absent) {
        let mut text = escape(&line.what);
        match line.finding {
            Mark::Blind => _ = write!(text, ": {}", escape(&line.cite)),
            _ if style.verbose => _ = write!(text, " ({})", escape(&line.cite)),
            _ => {}
        }
        let ink = if line.finding == Mark::Blind {
            Ink::Yellow
        } else {
            Ink::Plain
        };
        row(line.finding.as_str(), ink, &text);
    }
    if let Some(victim) = &verdict.victim {
        row("victim", Ink::Plain, &escape(&suffering(victim)));
    }
    let most = if cause.certainty == Certainty::Certain {
        RIVALS_OF_CERTAIN
    } else {
        RIVALS
    };
    for rival in cause.rivals.iter().take(most) {
        row(
            "rival",
            Ink::Faint,
            &format!("{}: {}", rival.id, escape(&rival.because)),
        );
    }
    for fix in &verdict.fix {
        row("fix", Ink::Green, &escape(fix));
    }
}

/// Where the accused process runs, as far as more than its name is known.
fn place(process: &Process) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(process.exe.as_deref().map(escape));
    parts.extend(
        process
            .unit
            .as_deref()
            .map(|unit| format!("unit {}", escape(unit))),
    );
    parts.extend(
        process
            .container
            .as_deref()
            .map(|id| format!("container {}", escape(short(id)))),
    );
    parts.extend(process.pod.as_deref().map(|pod| format!("pod {}", escape(pod))));
    parts.extend(process.exit.map(|exit| format!("ended by {exit}")));
    (!parts.is_empty()).then(|| format!("{}: {}", name(process), parts.join(", ")))
}

/// A container id as its tools print it.
fn short(id: &str) -> &str {
    id.get(..12)
        .filter(|_| id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .unwrap_or(id)
}

/// What is shown of the evidence: each sentence once, what was seen before what was not.
fn evidence(lines: &[EvidenceLine], absent: usize) -> Vec<&EvidenceLine> {
    let mut shown: Vec<&EvidenceLine> = Vec::new();
    for (mark, most) in [
        (Mark::Seen, usize::MAX),
        (Mark::Absent, absent),
        (Mark::Blind, usize::MAX),
    ] {
        let mut left = most;
        for line in lines.iter().filter(|line| line.finding == mark) {
            if left > 0 && !shown.iter().any(|known| known.what == line.what) {
                shown.push(line);
                left -= 1;
            }
        }
    }
    shown
}
