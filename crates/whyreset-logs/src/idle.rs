//! How long a connection had been silent or open, where a line says it. Refuses numbers without a
//! unit or words that say what they count.

/// Words before the number, and words after it that decide.
const BEFORE: [&str; 12] = [
    "received from the server was ",
    "idle for ",
    "idle time ",
    "idle time: ",
    "idle timeout after ",
    "idle after ",
    "idle since ",
    "idle=",
    "idle: ",
    "\"idle_ms\":",
    "disconnected (after ",
    "session time: ",
];

/// Nanoseconds of silence (or of a state's age) that the line states.
pub fn idle_ns(line: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(&line[..line.len().min(4096)]).to_lowercase();
    BEFORE.iter().find_map(|words| {
        let at = text.find(words)? + words.len();
        let rest = &text[at..];
        if *words == "\"idle_ms\":" {
            return number(rest).and_then(|(value, _)| nanoseconds(value, 1e6));
        }
        clock(rest).or_else(|| {
            let (value, rest) = number(rest)?;
            let unit: String = rest
                .trim_start()
                .chars()
                .take_while(char::is_ascii_alphabetic)
                .collect();
            let scale = match unit.as_str() {
                "ms" | "millis" | "milliseconds" => 1e6,
                "s" | "sec" | "secs" | "seconds" => 1e9,
                "m" | "min" | "minutes" => 60e9,
                "h" | "hours" => 3600e9,
                _ => return None,
            };
            nanoseconds(value, scale)
        })
    })
}

/// `3,600,123.5` and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let value = text[..end].replace(',', "").trim_end_matches('.').parse().ok()?;
    Some((value, &text[end..]))
}

/// PostgreSQL's `0:10:00.123`.
fn clock(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .unwrap_or(text.len());
    let mut parts = text[..end].split(':');
    let (h, m, s) = (parts.next()?, parts.next()?, parts.next()?);
    let seconds = h.parse::<f64>().ok()? * 3600.0 + m.parse::<f64>().ok()? * 60.0 + s.parse::<f64>().ok()?;
    nanoseconds(seconds, 1e9)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie within ten years"
)]
fn nanoseconds(value: f64, scale: f64) -> Option<u64> {
    let ns = value * scale;
    (ns.is_finite() && (0.0..3.2e17).contains(&ns)).then_some(ns as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_with_their_units() {
        for (line, ms) in [
            (
                "The last packet successfully received from the server was 3,600,123 milliseconds ago.",
                Some(3_600_123),
            ),
            (
                "broker:9092: Disconnected (after 600042ms in state UP)",
                Some(600_042),
            ),
            ("connection idle for 350s, resetting", Some(350_000)),
            ("disconnection: session time: 0:10:00.5 user=app", Some(600_500)),
            ("{\"idle_ms\":5000}", Some(5000)),
            ("idle for a while", None),
            ("idle for 99999999999999999999999999h", None),
            ("idle for 5 lines", None),
        ] {
            assert_eq!(idle_ns(line.as_bytes()).map(|ns| ns / 1_000_000), ms, "{line}");
        }
    }
}
