//! HAProxy's termination states, letter by letter, as its configuration manual (§8.5) lists them.
//! Refuses anything that is no pair of its letters.

/// First letter: who or what ended the session.
pub static HAPROXY_FIRST: &[(char, &str)] = &[
    (
        'C',
        "the client ended it (its FIN or its reset: the letter does not tell)",
    ),
    (
        'S',
        "the server ended it, or refused it (its FIN or its reset: the letter does not tell)",
    ),
    ('P', "the proxy ended it: a rule, a limit, or a protocol error"),
    (
        'L',
        "the proxy answered by itself and asked no server (a redirect, statistics)",
    ),
    ('R', "a resource of the proxy ran out: memory, sockets, ports"),
    ('I', "the proxy met an error of its own"),
    (
        'D',
        "the proxy killed it because the server went down (on-marked-down shutdown-sessions)",
    ),
    (
        'U',
        "the proxy killed it on a backup server because the first came back (on-marked-up)",
    ),
    ('K', "an administrator killed it"),
    (
        'c',
        "the client's time-out: it did not send or read in `timeout client`",
    ),
    (
        's',
        "the server's time-out: it did not send or read in `timeout server`",
    ),
    ('-', "a normal end"),
];

/// Second letter: in which phase.
pub static HAPROXY_SECOND: &[(char, &str)] = &[
    ('R', "while the proxy waited for a whole request"),
    ('Q', "while it waited in the queue for a connection slot"),
    ('C', "while the connection to the server was being made"),
    ('H', "while the proxy waited for the whole headers of the answer"),
    ('D', "while data was passing"),
    (
        'L',
        "while the last data went to the client, the server being done",
    ),
    ('T', "while the request was held (tarpit)"),
    ('-', "after the data had passed"),
];

/// The two phrases of a state like `SH`, `cD` or `SD--`; the letters of cookies are not read.
pub fn haproxy_state(word: &str) -> Option<(&'static str, &'static str)> {
    let mut letters = word.chars();
    let (first, second) = (letters.next()?, letters.next()?);
    let rest = letters.as_str();
    if !(rest.is_empty() || rest.len() == 2 && rest.bytes().all(|b| b == b'-' || b.is_ascii_uppercase())) {
        return None;
    }
    let of = |list: &'static [(char, &'static str)], letter| {
        list.iter()
            .find(|(known, _)| *known == letter)
            .map(|(_, phrase)| *phrase)
    };
    Some((of(HAPROXY_FIRST, first)?, of(HAPROXY_SECOND, second)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_in_general() {
        for (word, parts) in [
            ("SH", ("server ended", "headers")),
            ("SD--", ("server ended", "data was passing")),
            ("cD", ("client's time-out", "data was passing")),
            ("PR--", ("proxy ended", "whole request")),
            ("sQ", ("server's time-out", "queue")),
            ("----", ("normal", "after")),
        ] {
            let (first, second) = haproxy_state(word).unwrap();
            assert!(
                first.contains(parts.0) && second.contains(parts.1),
                "{word}: {first}; {second}"
            );
        }
        for word in ["", "S", "SX", "XS", "SH-", "SH--x", "SHab", "sh"] {
            assert!(haproxy_state(word).is_none(), "{word}");
        }
    }
}
