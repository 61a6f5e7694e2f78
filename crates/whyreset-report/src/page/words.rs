//! The words that pages share: who, when, how long, how many. Refuses to escape.

use std::time::Duration;

use whyreset_evidence::{
    Connection, EvidenceLine, Mark, Origin, Outcome, Process, SeenFrom, Stage, Timestamp, Verdict, Victim,
};

/// `2026-11-22 12:00:00.000000 UTC`: a page is read in other zones than it was written in.
pub fn moment(at: Timestamp) -> String {
    since(at, "%Y-%m-%d %H:%M:%S%.6f UTC")
}

/// A point in time, UTC, by jiff's format.
pub fn since(at: Timestamp, format: &str) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.0))
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .strftime(format)
        .to_string()
}

/// `51.0 ms`, `75.0 s`, `2 h 5 min`.
pub fn passed(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        1..=599 => format!("{:.1} s", span.as_secs_f64()),
        600..=5_999 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3_600), seconds % 3_600 / 60),
    }
}

/// `12,345`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 reset`, `2 resets`.
pub fn count(number: u64, noun: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{} {noun}{many}", grouped(number))
}

/// `12.5 %`.
pub fn percent(part: u64, whole: u64) -> String {
    let whole = u128::from(whole.max(1));
    let tenths = (u128::from(part) * 1_000 + whole / 2) / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `reset by server`.
pub fn what_happened(verdict: &Verdict) -> String {
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

/// `established`.
pub fn stage(connection: &Connection) -> &'static str {
    match connection.stage {
        Stage::Unknown => "stage not known",
        stage => stage.as_str(),
    }
}

/// `nginx[812]`.
pub fn name(process: &Process) -> String {
    process.to_string()
}

/// Where a process runs, as far as more than its name is known.
pub fn place(process: &Process) -> Option<String> {
    let named = |word: &str, value: &Option<String>| value.as_ref().map(|value| format!("{word}{value}"));
    let parts: Vec<String> = [
        process.exe.clone(),
        named("unit ", &process.unit),
        named("container ", &process.container),
        named("pod ", &process.pod),
        process.exit.map(|exit| format!("ended by {exit}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `curl[9012] got ECONNRESET`.
pub fn suffering(victim: &Victim) -> String {
    if let Some(service) = &victim.kernel {
        let of = if service.is_empty() {
            String::new()
        } else {
            format!(" ({service})")
        };
        return format!("the kernel's own socket{of}: no process holds it, and none got an error");
    }
    let who = victim
        .process
        .as_ref()
        .map_or_else(|| "the program there".to_owned(), name);
    match victim.errno {
        Some(errno) => format!("{who} got {errno}"),
        None => format!("{who} held the socket"),
    }
}

/// The evidence with each sentence once: what was seen, what was not, what could not be.
pub fn evidence(lines: &[EvidenceLine]) -> Vec<&EvidenceLine> {
    let mut shown: Vec<&EvidenceLine> = Vec::new();
    for mark in [Mark::Seen, Mark::Absent, Mark::Blind] {
        for line in lines.iter().filter(|line| line.finding == mark) {
            if !shown.iter().any(|known| known.what == line.what) {
                shown.push(line);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "0.0 %");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0 %");
        assert_eq!(
            (count(1, "reset"), count(2, "reset")),
            ("1 reset".into(), "2 resets".into())
        );
    }

    #[test]
    fn spans_are_written_for_people() {
        for (ms, expected) in [
            (51, "51.0 ms"),
            (75_040, "75.0 s"),
            (725_000, "12 min 5 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(passed(Duration::from_millis(ms)), expected);
        }
    }
}
