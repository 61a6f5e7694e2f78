//! The declared messages and stated causes as what a log is searched for. Refuses patterns that
//! say too little inside another text.

use whyreset_causes::messages::{Message, Runtime, all, message};
use whyreset_logs::{Look, Stated, Tag, Vocabulary};

/// Patterns that are a message when asked for alone, and mere words in a log.
const WEAK: &[&str] = &[
    "timeout",
    "timed out",
    "end of file",
    "end of stream",
    "bad gateway",
    "502 bad gateway",
    "http 502",
    "http 460",
    "elb 460",
    "elb 502",
    "elb 504",
    "not responding",
    "failed to connect",
    "channel closed",
    "10054",
    "failed to open stream",
    "initial handshake",
    "no data received",
    "prematurely",
    "hung up",
    "stream error",
    "during handshake",
    "aborted connection",
    "readtimeout",
    "connecttimeout",
];

/// Everything that is looked for.
pub struct Known {
    messages: Vec<(&'static Runtime, &'static Message)>,
    stated: Vec<&'static Stated>,
    /// Ready to be searched for.
    pub words: Vocabulary,
}

impl Known {
    /// All that is declared.
    pub fn new() -> Self {
        let messages: Vec<_> = all().collect();
        let stated: Vec<_> = Stated::all().collect();
        let of_messages = (0..).zip(&messages).flat_map(|(number, (_, message))| {
            message
                .says
                .iter()
                .filter(|pattern| !WEAK.contains(pattern))
                .map(move |pattern| (*pattern, Tag::Message(number)))
        });
        let of_stated = (0..)
            .zip(&stated)
            .map(|(number, one)| (one.pattern, Tag::Stated(number)));
        let words = Vocabulary::new(of_messages.chain(of_stated));
        Self {
            messages,
            stated,
            words,
        }
    }

    /// The message that a line is; a termination state of HAProxy is one too.
    pub fn message(&self, look: Look) -> Option<(&'static Runtime, &'static Message)> {
        if let Some(letters) = look.state {
            let id = match &letters {
                b"SC" | b"sC" => "haproxy-connect-failed",
                b"SD" | b"SH" => "haproxy-server-left",
                [b'C', _] => "haproxy-client-left",
                [b'P', _] => "haproxy-rejected",
                b"sH" | b"sD" | b"cD" | b"cR" | b"sQ" => "haproxy-timed-out",
                _ => return None,
            };
            return message(id);
        }
        look.message
            .and_then(|number| self.messages.get(usize::from(number)).copied())
    }

    /// What a line states.
    pub fn stated(&self, number: u16) -> Option<&'static Stated> {
        self.stated.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use whyreset_causes::CATALOG;
    use whyreset_logs::{Anchors, EVERYDAY, Says, scan};

    use super::*;

    /// Messages that a log does not show in a form that could be told from other lines.
    const EXPLAIN_ONLY: &[&str] = &[
        "gateway-502",
        "end-of-file",
        "etimedout",
        "connect-failed",
        "envoy-dc",
        "chrome-aborted",
        "wget-no-data",
        "http2-stream-reset",
        "redis-security-attack",
        "windows-10058",
        "haproxy-client-left",
        "haproxy-server-closed-check",
        "haproxy-server-left",
        "haproxy-connect-failed",
        "haproxy-rejected",
        "haproxy-timed-out",
    ];

    #[test]
    fn what_is_stated_is_in_the_catalogue() {
        let everyday = |id| {
            CATALOG.iter().any(|cause| {
                let wire = cause.wire.map_or(&[][..], |rules| rules.situations);
                cause.situations.iter().chain(wire).any(|one| one.id == id)
            })
        };
        for one in Stated::all() {
            match one.says {
                Says::Cause(id) => assert!(whyreset_causes::find(id).is_some(), "{id}"),
                Says::Situation(id) => assert!(everyday(id) || EVERYDAY.contains(&id), "{id}"),
            }
        }
        for id in EVERYDAY {
            assert!(!everyday(id), "{id} is in the catalogue now");
        }
    }

    #[test]
    fn every_messages_example_is_found_in_a_log() {
        let known = Known::new();
        let (mut log, mut expected) = (String::new(), BTreeSet::new());
        for (_, message) in all() {
            log.push_str(message.example);
            log.push('\n');
            if !EXPLAIN_ONLY.contains(&message.id) {
                expected.insert(message.id);
            }
        }
        let mut found = BTreeSet::new();
        let (_, end) = scan(
            log.as_bytes(),
            &known.words,
            2,
            |_, look| known.message(look).map(|(_, message)| message.id),
            |hit| _ = found.insert(hit.value),
        );
        end.unwrap();
        let missed: Vec<_> = expected.difference(&found).collect();
        assert!(missed.is_empty(), "{missed:?}");
        assert!(Anchors::default().lots() > 0);
    }

    #[test]
    fn haproxys_states_are_messages() {
        let known = Known::new();
        for (state, id) in [
            (*b"SH", "haproxy-server-left"),
            (*b"CD", "haproxy-client-left"),
            (*b"sH", "haproxy-timed-out"),
        ] {
            let look = Look {
                state: Some(state),
                ..Look::default()
            };
            assert_eq!(known.message(look).map(|(_, message)| message.id), Some(id));
        }
    }
}
