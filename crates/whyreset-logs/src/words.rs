//! Declared patterns held against one line: which message it is, and which cause it states. Refuses
//! patterns that are not declared in lower case, and lines beyond their first bytes.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::haproxy;

/// Bytes of a line that are held against the patterns.
const LOOKED_AT: usize = 8 * 1024;

/// What a pattern belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The n-th message of the caller.
    Message(u16),
    /// The n-th of the stated causes.
    Stated(u16),
}

/// What one line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The first message in the caller's order.
    pub message: Option<u16>,
    /// The first stated cause.
    pub stated: Option<u16>,
    /// HAProxy's termination state, where the line is one of its access log and not a normal end.
    pub state: Option<[u8; 2]>,
}

impl Look {
    /// Whether it is anything.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

struct Pattern {
    text: &'static str,
    tag: Tag,
}

/// The patterns, ready to be looked for.
pub struct Vocabulary {
    patterns: Vec<Pattern>,
    /// Finds the longest fragment of each pattern.
    searcher: Option<AhoCorasick>,
}

impl Vocabulary {
    /// Patterns in lower case, `*` standing for anything between two fragments, in the order of the
    /// rule: the first that holds is the line's.
    pub fn new(declared: impl IntoIterator<Item = (&'static str, Tag)>) -> Self {
        let patterns: Vec<Pattern> = declared
            .into_iter()
            .map(|(text, tag)| Pattern { text, tag })
            .collect();
        let keys = patterns.iter().map(|pattern| key(pattern.text));
        let searcher = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(keys)
            .ok();
        Self { patterns, searcher }
    }

    /// Looks at one line; `scratch` is kept between calls to save allocations.
    pub fn look(&self, line: &[u8], scratch: &mut Scratch) -> Look {
        let line = &line[..line.len().min(LOOKED_AT)];
        let mut look = Look {
            state: haproxy::state(line),
            ..Look::default()
        };
        let Some(searcher) = &self.searcher else {
            return look;
        };
        scratch.lower.clear();
        scratch.lower.extend(line.iter().map(u8::to_ascii_lowercase));
        scratch.held.clear();
        for found in searcher.find_overlapping_iter(&scratch.lower) {
            let index = found.pattern().as_usize();
            // One fragment may come thousands of times in a hostile line.
            if !scratch.held.contains(&index) {
                scratch.held.push(index);
            }
        }
        scratch.held.sort_unstable();
        for pattern in scratch.held.iter().map(|index| &self.patterns[*index]) {
            let place = match pattern.tag {
                Tag::Message(_) => &mut look.message,
                Tag::Stated(_) => &mut look.stated,
            };
            if place.is_none() && holds(pattern.text, &scratch.lower) {
                let (Tag::Message(number) | Tag::Stated(number)) = pattern.tag;
                *place = Some(number);
            }
        }
        look
    }
}

/// Memory of [`Vocabulary::look`].
#[derive(Default)]
pub struct Scratch {
    lower: Vec<u8>,
    held: Vec<usize>,
}

fn key(pattern: &str) -> &str {
    pattern
        .split('*')
        .max_by_key(|fragment| fragment.len())
        .unwrap_or(pattern)
}

fn holds(pattern: &str, line: &[u8]) -> bool {
    let mut rest = line;
    pattern
        .split('*')
        .all(|fragment| match memchr::memmem::find(rest, fragment.as_bytes()) {
            Some(at) => {
                rest = &rest[at + fragment.len()..];
                true
            }
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_in_order_is_the_lines() {
        let words = Vocabulary::new([
            ("recv() failed (104*upstream", Tag::Message(0)),
            ("reset by peer", Tag::Message(1)),
            ("worker timeout", Tag::Stated(0)),
        ]);
        let mut scratch = Scratch::default();
        for (line, message, stated) in [
            (
                "recv() failed (104: Connection reset by peer) upstream",
                Some(0),
                None,
            ),
            ("Connection RESET by peer recv() failed (104", Some(1), None),
            ("[CRITICAL] WORKER TIMEOUT (pid:7)", None, Some(0)),
            ("nothing", None, None),
        ] {
            let look = words.look(line.as_bytes(), &mut scratch);
            assert_eq!((look.message, look.stated), (message, stated), "{line}");
        }
        let hostile = "reset by peer ".repeat(100_000);
        assert_eq!(words.look(hostile.as_bytes(), &mut scratch).message, Some(1));
    }
}
