//! The termination state in a line of HAProxy's access log, HTTP or TCP. Refuses lines without its
//! timers, and normal ends.

/// The two letters, where the line has HAProxy's form and the end was not a normal one.
pub fn state(line: &[u8]) -> Option<[u8; 2]> {
    let mut words = line.split(|b| *b == b' ');
    // Timers, `0/0/1/-1/5` or `0/1/5007`; then maybe a status; bytes; in HTTP two cookies; the state.
    words.find(|word| is_timers(word))?;
    let found = words.take(5).find_map(letters)?;
    (found != *b"--").then_some(found)
}

fn is_timers(word: &[u8]) -> bool {
    let slashes = memchr::memchr_iter(b'/', word).count();
    let numbers = |part: &[u8]| {
        let digits = part
            .strip_prefix(b"-")
            .or_else(|| part.strip_prefix(b"+"))
            .unwrap_or(part);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    (2..=4).contains(&slashes) && word.split(|b| *b == b'/').all(numbers)
}

fn letters(word: &[u8]) -> Option<[u8; 2]> {
    let ([first, second] | [first, second, _, _]) = *word else {
        return None;
    };
    let known = b"CSPLRIDUKcs-".contains(&first) && b"RQCHDLT-".contains(&second);
    let cookies = word[2..].iter().all(|b| *b == b'-' || b.is_ascii_uppercase());
    (known && cookies).then_some([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_from_both_forms() {
        for (line, expected) in [
            (
                "haproxy[14389]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/-1/109 502 204 - - SH-- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"",
                Some(*b"SH"),
            ),
            (
                "haproxy[674]: 127.0.0.1:33313 [06/Feb/2026:12:12:51.443] fnt bck/srv1 0/0/5007 212 cD 0/0/0/0/3 0/0",
                Some(*b"cD"),
            ),
            (
                "haproxy[1]: 10.0.1.2:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"",
                None,
            ),
            ("a path a/b/c 200 CD 1", None),
            ("", None),
        ] {
            assert_eq!(state(line.as_bytes()), expected, "{line}");
        }
    }
}
