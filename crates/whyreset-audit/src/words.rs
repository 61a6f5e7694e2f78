//! Numbers in words for people. Refuses to print.

/// `3,912`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 reset`, `3,912 resets`.
pub fn counted(number: u64, noun: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {noun}{end}", count(number))
}

/// `0.3 s`, `75 s`, `5 min 50 s`, `2 h`, `5 days`.
pub fn span_ms(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..10 if !ms.is_multiple_of(1_000) => format!("{}.{} s", seconds, ms % 1_000 / 100),
        0..120 => format!("{seconds} s"),
        120..7_200 => two(seconds, 60, "min", "s"),
        7_200..172_800 => two(seconds / 60, 60, "h", "min"),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn two(number: u64, step: u64, large: &str, small: &str) -> String {
    match number % step {
        0 => format!("{} {large}", number / step),
        rest => format!("{} {large} {rest} {small}", number / step),
    }
}

/// Parts of a whole in percent, down.
pub fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

/// A word of a command for a shell to take as one, whoever chose it.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_words() {
        assert_eq!(counted(1, "reset"), "1 reset");
        assert_eq!(counted(1_234_567, "reset"), "1,234,567 resets");
        for (ms, text) in [
            (300, "0.3 s"),
            (75_000, "75 s"),
            (350_000, "5 min 50 s"),
            (7_200_000, "2 h"),
            (432_000_000, "5 days"),
            (u64::MAX, "213503982334 days"),
        ] {
            assert_eq!(span_ms(ms), text);
        }
        assert_eq!(shell("nginx.service"), "nginx.service");
        assert_eq!(shell("a'$(b)"), "'a'\\''$(b)'");
        assert_eq!(percent(u64::MAX, 0), u64::MAX);
        assert_eq!(percent(9, 10), 90);
    }
}
