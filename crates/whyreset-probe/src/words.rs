//! Numbers and hostile bytes in words for people. Refuses to print.

use std::time::Duration;

/// `0.3 ms`, `1.25 s`, `5 min 20 s`.
pub fn span(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1e3 => format!("{ms:.0} ms"),
        ms if ms < 120e3 => trimmed(ms / 1e3, "s"),
        _ => {
            let seconds = span.as_secs();
            match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
                (0, minutes, 0) => format!("{minutes} min"),
                (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
                (hours, 0, 0) => format!("{hours} h"),
                (hours, minutes, _) => format!("{hours} h {minutes} min"),
            }
        }
    }
}

fn trimmed(number: f64, unit: &str) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} {unit}")
}

/// `1 byte`, `3,912 bytes`.
pub fn bytes(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(if count == 1 { " byte" } else { " bytes" });
    out
}

/// The beginning of what somebody sent, made harmless: printable ASCII, the rest as escapes.
pub fn quoted(bytes: &[u8], most: usize) -> String {
    let dots = if bytes.len() > most { "..." } else { "" };
    format!("\"{}\"{dots}", escaped(bytes, most))
}

/// The same without quotation marks.
pub fn escaped(bytes: &[u8], most: usize) -> String {
    bytes[..bytes.len().min(most)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_short() {
        for (ms, text) in [
            (0.34, "0.3 ms"),
            (250.0, "250 ms"),
            (9_200.0, "9.2 s"),
            (320_000.0, "5 min 20 s"),
            (7_200_000.0, "2 h"),
        ] {
            assert_eq!(span(Duration::from_secs_f64(ms / 1e3)), text);
        }
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1_234_567), "1,234,567 bytes");
    }

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let text = quoted(b"a\x1b[2J\xc2\x9b\r\n\"", 32);
        assert!(text.bytes().all(|byte| (32..127).contains(&byte)), "{text}");
        assert_eq!(quoted(b"abcdef", 3), "\"abc\"...");
    }
}
