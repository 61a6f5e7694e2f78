//! When a line was written, in the common formats of logs, with a zone and without. Refuses to take
//! a clock's word for true: what was assumed is said with it.

mod forms;
mod json;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// What a log without zone, year or date is read against.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The zone of times that name none.
    pub zone: TimeZone,
    /// Nanoseconds since the epoch that no line is much later than: now, or when the file was last
    /// written.
    pub reference: i64,
    /// When this host was booted, for the kernel's own stamps.
    pub boot: Option<i64>,
}

impl Clock {
    /// The system's zone, and now.
    pub fn system() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let ns = |at: rustix::time::Timespec| at.tv_sec * 1_000_000_000 + at.tv_nsec;
        Self {
            zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
            reference: ns(now),
            boot: Some(ns(now) - ns(up)),
        }
    }
}

/// How much of a time the line said by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// With its zone, or as seconds since the epoch.
    Whole,
    /// Without a zone: the clock's is assumed.
    NoZone,
    /// Without a zone and a year.
    NoYear,
    /// Without a zone and a date.
    NoDate,
    /// Since boot.
    SinceBoot,
}

/// When a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the epoch, by the log's own clock.
    pub ns: i64,
    /// What was said and what was assumed.
    pub written: Written,
    /// Nanoseconds of its last digit.
    pub resolution: u64,
}

/// A time as its digits say it, before zone and date are filled in.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    year: Option<i16>,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    resolution: u64,
    /// Seconds east of UTC.
    offset: Option<i32>,
}

/// Tokens of a line's beginning at which a time is looked for.
const TOKENS: usize = 14;
/// Bytes of it.
const HEAD: usize = 256;

/// The time at the beginning of `line`.
pub fn parse(line: &[u8], clock: &Clock) -> Option<Stamp> {
    let line = forms::skip_escapes(line);
    if line.first() == Some(&b'{') {
        return json::find(line, clock);
    }
    let head = &line[..line.len().min(HEAD)];
    if let Some(stamp) = forms::since_boot(head, clock.boot).or_else(|| forms::epoch(head)) {
        return Some(stamp);
    }
    let mut tokens = 0;
    let mut before = b' ';
    for at in 0..head.len() {
        let begins = matches!(
            before,
            b' ' | b'[' | b'(' | b'<' | b'>' | b'"' | b'=' | b'\t' | b'|'
        );
        before = head[at];
        if !begins || !head[at].is_ascii_alphanumeric() {
            continue;
        }
        tokens += 1;
        if tokens > TOKENS {
            break;
        }
        if let Some(parts) = forms::at(&head[at..], at == 0) {
            return resolve(parts, clock);
        }
    }
    // The text after a prefix of Docker or a shipper: one object of JSON.
    let object = memchr::memchr(b'{', head)?;
    (head.get(object + 1) == Some(&b'"')).then(|| json::find(&line[object..], clock))?
}

fn resolve(parts: Parts, clock: &Clock) -> Option<Stamp> {
    let reference = || {
        let at = jiff::Timestamp::from_nanosecond(i128::from(clock.reference)).ok()?;
        Some(at.to_zoned(clock.zone.clone()).datetime())
    };
    let at = |year: i16, month: i8, day: i8| {
        let civil = DateTime::new(
            year,
            month,
            day,
            parts.hour,
            parts.minute,
            // A leap second is the next one's beginning.
            parts.second.min(59),
            parts.nanos,
        )
        .ok()?;
        let stamp = match parts.offset {
            Some(seconds) => Offset::from_seconds(seconds).ok()?.to_timestamp(civil).ok()?,
            None => clock
                .zone
                .to_ambiguous_zoned(civil)
                .compatible()
                .ok()?
                .timestamp(),
        };
        i64::try_from(stamp.as_nanosecond()).ok()
    };
    // A clock may be ahead; a line is not from next week.
    let latest = clock.reference.saturating_add(26 * 3_600_000_000_000);
    let (ns, written) = match (parts.year, parts.month) {
        (Some(year), _) => {
            let whole = parts.offset.is_some();
            let written = if whole { Written::Whole } else { Written::NoZone };
            (at(year, parts.month, parts.day)?, written)
        }
        (None, 0) => {
            let today = reference()?;
            let now = at(today.year(), today.month(), today.day())?;
            let ahead = now > clock.reference.saturating_add(60_000_000_000);
            let ns = if ahead { now - 86_400_000_000_000 } else { now };
            (ns, Written::NoDate)
        }
        (None, _) => {
            let year = reference()?.year();
            let ns = at(year, parts.month, parts.day)
                .filter(|ns| *ns <= latest)
                .or_else(|| at(year - 1, parts.month, parts.day))?;
            (ns, Written::NoYear)
        }
    };
    Some(Stamp {
        ns,
        written,
        resolution: parts.resolution,
    })
}

#[cfg(test)]
mod tests;
