//! Numbers and names as the sentences of all causes spell them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::string::ToString as _;

use core::time::Duration;

use whyreset_evidence::{Dossier, Flags, Process, Segment, Side};

use crate::{Cause, reading, service};

/// `3,912`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 byte`, `3,912 bytes`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `0.4 ms`, `12 ms`, `3.5 s`, `2 min`, `1.5 h`: two figures are enough to act on.
pub fn span(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1e3;
    let (value, unit) = match ms {
        ms if ms < 1_000.0 => (ms, "ms"),
        ms if ms < 120_000.0 => (ms / 1e3, "s"),
        ms if ms < 7_200_000.0 => (ms / 6e4, "min"),
        ms => (ms / 3.6e6, "h"),
    };
    if value >= 10.0 {
        return format!("{value:.0} {unit}");
    }
    let figures = format!("{value:.1}");
    format!("{} {unit}", figures.strip_suffix(".0").unwrap_or(&figures))
}

/// The span of a kernel field kept in milliseconds.
pub fn span_ms(ms: u64) -> String {
    span(Duration::from_millis(ms))
}

/// The process's name, or who it is by role: `nginx`, `the server`.
pub fn who(process: Option<&Process>, side: Option<Side>) -> String {
    match (process, side) {
        (Some(process), _) => process.name.clone(),
        (None, Some(side)) => format!("the {side}"),
        (None, None) => "somebody".to_owned(),
    }
}

/// The end that the reset came from, by role: `the server`.
pub fn sender(dossier: &Dossier) -> String {
    who(None, dossier.from())
}

/// The other end of the sender's, by role.
pub fn receiver(dossier: &Dossier) -> String {
    who(None, dossier.from().map(Side::other))
}

/// The process that this cause accuses, by name, else the sending end by role.
pub fn accused(dossier: &Dossier, cause: &Cause) -> String {
    match service::sender(dossier) {
        Some(used) if reading::accused(dossier, cause).is_none() => used.who(),
        _ => who(reading::accused(dossier, cause).as_ref(), dossier.from()),
    }
}

/// What a segment carries: `120 bytes`, `a FIN`, `an ACK without data`.
pub fn payload(segment: &Segment) -> String {
    match segment.len {
        0 => self::segment(segment),
        len => counted(len.into(), "byte"),
    }
}

/// What a segment is: `a SYN`, `a segment of 120 bytes`, `an ACK without data`.
pub fn segment(segment: &Segment) -> String {
    let flags = segment.flags;
    match segment.len {
        _ if flags.is_open() => "a SYN".to_owned(),
        _ if flags.is_syn_ack() => "a SYN-ACK".to_owned(),
        0 if flags.has(Flags::FIN) => "a FIN".to_owned(),
        0 if flags.has(Flags::ACK) => "an ACK without data".to_owned(),
        0 => "a segment without flags that count".to_owned(),
        len => format!("a segment of {}", counted(len.into(), "byte")),
    }
}
