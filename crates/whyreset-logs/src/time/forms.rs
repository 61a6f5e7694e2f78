//! The written forms of times. Refuses to fill in what is not written.

use super::{Parts, Stamp, Written};

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const DAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// Reads on through a line's beginning.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self
            .0
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits < least {
            return None;
        }
        let value = self.0[..digits]
            .iter()
            .fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
        self.0 = &self.0[digits..];
        Some(value)
    }

    fn two(&mut self) -> Option<i8> {
        self.number(2, 2).and_then(|value| i8::try_from(value).ok())
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let first = *self.0.first()?;
        bytes.contains(&first).then(|| {
            self.0 = &self.0[1..];
            first
        })
    }

    fn month(&mut self) -> Option<i8> {
        let name = self.0.get(..3)?.to_ascii_lowercase();
        let month = MONTHS.iter().position(|known| known[..] == name[..])?;
        self.0 = &self.0[3..];
        i8::try_from(month + 1).ok()
    }

    fn blanks(&mut self) -> Option<()> {
        self.one_of(b" ")?;
        while self.one_of(b" ").is_some() {}
        Some(())
    }

    /// `15:04:05`, with a fraction after `.`, `,` or (HAProxy's milliseconds) none.
    fn clock(&mut self, parts: &mut Parts) -> Option<()> {
        parts.hour = self.two()?;
        self.one_of(b":")?;
        parts.minute = self.two()?;
        self.one_of(b":")?;
        parts.second = self.two()?;
        if parts.hour > 23 || parts.minute > 59 || parts.second > 60 {
            return None;
        }
        parts.resolution = 1_000_000_000;
        let fraction = matches!(self.0, [b'.' | b',', digit, ..] if digit.is_ascii_digit());
        if fraction {
            self.0 = &self.0[1..];
            let mut scale = 100_000_000;
            while let [digit @ b'0'..=b'9', rest @ ..] = self.0 {
                parts.nanos += i32::from(digit - b'0') * scale;
                if scale > 0 {
                    parts.resolution /= 10;
                }
                scale /= 10;
                self.0 = rest;
            }
            parts.resolution = parts.resolution.max(1);
        }
        Some(())
    }

    /// `Z`, `+01:00`, `+0100`, `+01`, ` UTC`, ` GMT`.
    fn zone(&mut self, parts: &mut Parts) {
        let rest = self.0.strip_prefix(b" ").unwrap_or(self.0);
        let plain = rest.starts_with(b"UTC") || rest.starts_with(b"GMT");
        // `Z` alone is a zone; `Zürich` is none.
        let zulu =
            matches!(rest, [b'Z', after @ ..] if !after.first().is_some_and(u8::is_ascii_alphanumeric));
        if plain || zulu {
            parts.offset = Some(0);
            return;
        }
        let mut sign = Cursor(rest);
        let Some(east) = sign.one_of(b"+-") else { return };
        let Some(hours) = sign.two() else { return };
        _ = sign.one_of(b":");
        let minutes = sign.two().unwrap_or(0);
        if hours <= 15 && minutes < 60 {
            let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
            parts.offset = Some(if east == b'-' { -seconds } else { seconds });
        }
    }

    fn year(&mut self) -> Option<i16> {
        let year = self.number(4, 4)?;
        (1970..2200).contains(&year).then(|| i16::try_from(year).ok())?
    }
}

/// The time that begins exactly here; `first` where it is the line's first token.
pub fn at(text: &[u8], first: bool) -> Option<Parts> {
    if text[0].is_ascii_digit() {
        iso(text)
            .or_else(|| day_first(text))
            .or_else(|| old_mysql(text))
            .or_else(|| if first { time_only(text) } else { None })
    } else {
        klog(text).or_else(|| month_first(text))
    }
}

/// `2026-01-02T15:04:05.123456Z`, `2026/01/02 15:04:05`, `2026-01-02 15:04:05,123`, `2026-01-02 15:04:05.123 UTC`.
pub fn iso(text: &[u8]) -> Option<Parts> {
    let mut cursor = Cursor(text);
    let mut parts = Parts {
        year: Some(cursor.year()?),
        ..Parts::default()
    };
    let dash = cursor.one_of(b"-/.")?;
    parts.month = cursor.two()?;
    cursor.one_of(&[dash])?;
    parts.day = cursor.two()?;
    cursor.one_of(b"T t_:")?;
    _ = cursor.one_of(b" ");
    cursor.clock(&mut parts)?;
    cursor.zone(&mut parts);
    Some(parts)
}

/// `02/Jan/2026:15:04:05 +0000` (access logs), `02/Jan/2026:15:04:05.123` (HAProxy), `02 Jan 2026 15:04:05.123`
/// (Redis), `02-Jan-2026 15:04:05.123` (Tomcat, BIND).
fn day_first(text: &[u8]) -> Option<Parts> {
    let mut cursor = Cursor(text);
    let mut parts = Parts {
        day: i8::try_from(cursor.number(1, 2)?).ok()?,
        ..Parts::default()
    };
    let between = cursor.one_of(b"/ -")?;
    parts.month = cursor.month()?;
    cursor.one_of(&[between])?;
    parts.year = Some(cursor.year()?);
    cursor.one_of(b": ")?;
    cursor.clock(&mut parts)?;
    cursor.zone(&mut parts);
    Some(parts)
}

/// `260102 15:04:05` of old MySQL.
fn old_mysql(text: &[u8]) -> Option<Parts> {
    let mut cursor = Cursor(text);
    let date = cursor.number(6, 6)?;
    cursor.blanks()?;
    let mut parts = Parts {
        year: i16::try_from(2000 + date / 10_000).ok(),
        month: i8::try_from(date / 100 % 100).ok()?,
        day: i8::try_from(date % 100).ok()?,
        ..Parts::default()
    };
    cursor.clock(&mut parts)?;
    Some(parts)
}

/// `15:04:05.123 [main] ERROR ...` of Logback's default.
fn time_only(text: &[u8]) -> Option<Parts> {
    let mut cursor = Cursor(text);
    let mut parts = Parts::default();
    cursor.clock(&mut parts)?;
    cursor.one_of(b" \t|]")?;
    Some(parts)
}

/// `I0102 15:04:05.123456   12345 file.go:7]`.
fn klog(text: &[u8]) -> Option<Parts> {
    let mut cursor = Cursor(text);
    cursor.one_of(b"IWEFD")?;
    let mut parts = Parts {
        month: cursor.two()?,
        day: cursor.two()?,
        ..Parts::default()
    };
    if parts.month == 0 {
        return None;
    }
    cursor.blanks()?;
    cursor.clock(&mut parts)?;
    Some(parts)
}

/// `Jan  2 15:04:05` (syslog), `Fri Jan 02 15:04:05.123456 2026` (Apache), `Jan 02, 2026 3:04:05`
/// is nobody's default any more.
fn month_first(text: &[u8]) -> Option<Parts> {
    let mut cursor = Cursor(text);
    let name = text.get(..3)?.to_ascii_lowercase();
    if DAYS.iter().any(|known| known[..] == name[..]) {
        cursor.0 = &text[3..];
        _ = cursor.one_of(b",");
        cursor.blanks()?;
    }
    let mut parts = Parts {
        month: cursor.month()?,
        ..Parts::default()
    };
    cursor.blanks()?;
    parts.day = i8::try_from(cursor.number(1, 2)?).ok()?;
    cursor.blanks()?;
    if let Some(year) = Cursor(cursor.0).year() {
        // `Jan 02 2026 15:04:05` of network gear.
        cursor.0 = &cursor.0[4..];
        parts.year = Some(year);
        _ = cursor.one_of(b":");
        cursor.blanks()?;
    }
    cursor.clock(&mut parts)?;
    if parts.year.is_none() {
        let mut after = Cursor(cursor.0);
        if after.blanks().is_some() {
            parts.year = after.year();
        }
    }
    cursor.zone(&mut parts);
    Some(parts)
}

/// `[12345.678901] text`, the kernel's.
pub fn since_boot(text: &[u8], boot: Option<i64>) -> Option<Stamp> {
    let text = match text {
        // `<6>[   12.345678] text`, as a serial console has it.
        [b'<', _, b'>', rest @ ..] => rest,
        other => other,
    };
    let inner = text.strip_prefix(b"[")?;
    let inner = inner.trim_ascii_start();
    let end = memchr::memchr(b']', &inner[..inner.len().min(24)])?;
    let text = std::str::from_utf8(&inner[..end]).ok()?;
    let (seconds, micros) = text.split_once('.')?;
    if micros.len() != 6 {
        return None;
    }
    let (seconds, micros): (i64, i64) = (seconds.parse().ok()?, micros.parse().ok()?);
    let up = seconds.checked_mul(1_000_000_000)?.checked_add(micros * 1000)?;
    Some(Stamp {
        ns: boot?.checked_add(up)?,
        written: Written::SinceBoot,
        resolution: 1_000,
    })
}

/// `1767366245.123` at the very beginning (Squid, some loggers).
pub fn epoch(text: &[u8]) -> Option<Stamp> {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit() && *b != b'.')
        .unwrap_or(text.len());
    number(&text[..end])
}

/// Seconds, milliseconds, microseconds or nanoseconds since the epoch, told by their size.
pub fn number(text: &[u8]) -> Option<Stamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale: i64 = match whole.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    let mut ns = whole.parse::<i64>().ok()?.checked_mul(scale)?;
    let mut resolution = scale;
    for digit in fraction.bytes() {
        resolution /= 10;
        if resolution == 0 || !digit.is_ascii_digit() {
            break;
        }
        ns = ns.checked_add(i64::from(digit - b'0') * resolution)?;
    }
    Some(Stamp {
        ns,
        written: Written::Whole,
        resolution: u64::try_from(resolution.max(1)).ok()?,
    })
}

/// Colours before the time.
pub fn skip_escapes(mut line: &[u8]) -> &[u8] {
    while let [0x1b, b'[', rest @ ..] = line {
        let Some(end) = rest.iter().take(24).position(u8::is_ascii_alphabetic) else {
            break;
        };
        line = &rest[end + 1..];
    }
    line
}
