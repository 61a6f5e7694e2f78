//! Lines that state a cause or an everyday case: pattern, software, what it says, source, and lines
//! as they are really written. Refuses to weigh: a line can be forged, and the judge knows that.

mod databases;
mod host;
mod servers;

/// What a line states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Says {
    /// A cause of the catalogue.
    Cause(&'static str),
    /// An everyday case: of the catalogue, or one of [`EVERYDAY`].
    Situation(&'static str),
}

impl Says {
    /// The id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cause(id) | Self::Situation(id) => id,
        }
    }
}

/// Everyday cases that only a log can name.
pub const EVERYDAY: [&str; 8] = [
    "connection-limit",
    "worker-killed",
    "restart-gap",
    "proxy-without-backend",
    "plaintext-to-tls",
    "duplicate-client",
    "crash",
    "access-denied",
];

/// A pattern that states something.
#[derive(Debug)]
pub struct Stated {
    /// In lower case; `*` stands for anything between two fragments.
    pub pattern: &'static str,
    /// Who writes it.
    pub software: &'static str,
    /// What it states.
    pub says: Says,
    /// Whether it is about the whole host, and so about connections that it does not name.
    pub wide: bool,
    /// Where the wording is from.
    pub source: &'static str,
    /// Lines as they are written.
    pub lines: &'static [&'static str],
}

/// All of them, in the order of the rule: the first that holds is the line's.
pub static STATED: &[&[Stated]] = &[servers::STATED, databases::STATED, host::STATED];

impl Stated {
    /// Every one, in order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        STATED.iter().flat_map(|list| list.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anchors;
    use crate::words::{Scratch, Tag, Vocabulary};

    #[test]
    fn each_line_is_recognised_by_its_own_pattern() {
        let words = Vocabulary::new(
            (0..)
                .zip(Stated::all())
                .map(|(number, one)| (one.pattern, Tag::Stated(number))),
        );
        let (mut scratch, mut missed) = (Scratch::default(), Vec::new());
        let anchors = anchors::Anchors::default();
        for (number, one) in (0..).zip(Stated::all()) {
            assert_eq!(one.pattern, one.pattern.to_lowercase());
            assert!(!one.lines.is_empty() && !one.source.is_empty(), "{}", one.pattern);
            for line in one.lines {
                let look = words.look(line.as_bytes(), &mut scratch);
                if look.stated != Some(number) {
                    missed.push(*line);
                }
                let mut places = Vec::new();
                anchors.places(line.as_bytes(), &mut places);
                if anchors.next(line.as_bytes(), 0, &mut places).is_none() {
                    missed.push(*line);
                }
            }
        }
        assert!(
            missed.is_empty(),
            "no anchor, or another pattern, finds {missed:#?}"
        );
    }

    #[test]
    fn ordinary_lines_state_nothing() {
        let words = Vocabulary::new(Stated::all().map(|one| (one.pattern, Tag::Stated(0))));
        let mut scratch = Scratch::default();
        for line in [
            "10.0.0.2 - - [23/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
            "LOG:  connection received: host=10.0.0.2 port=40022",
            "sshd[1]: Accepted publickey for me from 10.0.0.2 port 40022 ssh2",
            "Reading from client: Connection reset by peer",
            "[INFO] Booting worker with pid: 7",
        ] {
            assert_eq!(words.look(line.as_bytes(), &mut scratch).stated, None, "{line}");
        }
    }
}
