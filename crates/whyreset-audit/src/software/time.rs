//! Times as configuration files write them. Refuses what is none.

/// Milliseconds of `75s`, `1m`, `500ms`, `1h30m`; a bare number counts `unit` milliseconds.
pub(super) fn ms(text: &str, unit: u64) -> Option<u64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let number: u64 = number.parse().ok()?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (word, next) = after.split_at(end);
        let scale = match word {
            "" => unit,
            "us" => {
                sum = sum.checked_add(number / 1_000)?;
                rest = next;
                continue;
            }
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(scale)?)?;
        rest = next;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::ms;

    #[test]
    fn units_are_known() {
        for (text, unit, expected) in [
            ("75", 1_000, Some(75_000)),
            ("75", 1, Some(75)),
            ("75s", 1, Some(75_000)),
            ("1h30m", 1, Some(5_400_000)),
            ("500ms", 1_000, Some(500)),
            ("2500us", 1_000, Some(2)),
            ("", 1, None),
            ("s", 1, None),
            ("1x", 1, None),
            ("99999999999999999999", 1, None),
            ("9999999999999999999d", 1, None),
        ] {
            assert_eq!(ms(text, unit), expected, "{text}");
        }
    }
}
