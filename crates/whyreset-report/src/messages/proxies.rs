//! Letters of proxies' access logs that mean nothing inside another text: HAProxy's termination
//! states, Envoy's response flags. Refuses a text that is more than such letters and a name.

use std::fmt::Write as _;

use whyreset_causes::messages::{Message, Runtime, haproxy_state, message};

use super::render;
use crate::text::Style;

/// Envoy's flags that end a connection, with the message that explains each.
const ENVOY: [(&str, &str); 10] = [
    ("UC", "envoy-uc"),
    ("UF", "envoy-uf"),
    ("UR", "envoy-remote-reset"),
    ("URX", "envoy-urx"),
    ("LR", "envoy-lr"),
    ("DC", "envoy-dc"),
    ("UO", "envoy-overflow"),
    ("UT", "envoy-ut"),
    ("UH", "envoy-uh"),
    ("UPE", "envoy-protocol-error"),
];

/// Which message has more to say of a state.
const HAPROXY: [(&str, &str); 6] = [
    ("C", "haproxy-client-left"),
    ("SC", "haproxy-connect-failed"),
    ("sC", "haproxy-connect-failed"),
    ("SD", "haproxy-server-left"),
    ("SH", "haproxy-server-left"),
    ("P", "haproxy-rejected"),
];

/// What the letters say: of each proxy whose they can be.
pub fn explain(text: &str, style: &Style) -> Option<String> {
    let mut words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"' | ','))
        .filter(|word| !word.is_empty())
        .collect();
    let mut named = |names: &[&str]| {
        let before = words.len();
        words.retain(|word| !names.contains(&word.to_lowercase().as_str()));
        words.len() < before
    };
    let haproxy = named(&["haproxy", "termination", "state", "termination_state"]);
    let envoy = named(&["envoy", "istio", "response", "flag", "flags", "response_flags"]);
    let [letters] = words[..] else { return None };
    let mut out = String::new();
    if !envoy && let Some((who, phase)) = haproxy_state(letters) {
        _ = writeln!(out, "HAProxy termination state {letters}");
        _ = writeln!(out, "  first       {who}");
        _ = writeln!(out, "  second      {phase}");
        if let Some((runtime, more)) = haproxy_message(letters) {
            out.push('\n');
            out.push_str(&render::page(runtime, more, style));
        }
    }
    let flag = ENVOY.iter().find(|(flag, _)| *flag == letters);
    if !haproxy && let Some((runtime, more)) = flag.and_then(|(_, id)| message(id)) {
        if !out.is_empty() {
            out.push('\n');
        }
        _ = writeln!(out, "Envoy response flag {letters}");
        out.push_str(&render::page(runtime, more, style));
    }
    (!out.is_empty()).then_some(out)
}

/// The message behind a state of HAProxy.
pub fn haproxy_message(letters: &str) -> Option<(&'static Runtime, &'static Message)> {
    HAPROXY
        .iter()
        .find(|(begin, _)| letters.starts_with(begin))
        .and_then(|(_, id)| message(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::tests::style;

    #[test]
    fn letters_are_told_apart_by_the_name_beside_them() {
        for (text, parts, without) in [
            (
                "SH",
                &["HAProxy termination state SH", "server ended"][..],
                "Envoy",
            ),
            ("SD--", &["HAProxy termination state SD--"], "Envoy"),
            (
                "UC",
                &["HAProxy termination state UC", "Envoy response flag UC"],
                "none of them",
            ),
            ("envoy UC", &["Envoy response flag UC"], "HAProxy"),
            ("response_flags: URX", &["Envoy response flag URX"], "HAProxy"),
            ("termination state cD", &["client's time-out"], "Envoy"),
        ] {
            let answer = explain(text, &style()).unwrap_or_else(|| panic!("{text}"));
            for part in parts {
                assert!(answer.contains(part), "{text}: {answer}");
            }
            assert!(!answer.contains(without), "{text}: {answer}");
        }
        for text in ["", "haproxy", "SH SD", "banana", "CAT"] {
            assert!(explain(text, &style()).is_none(), "{text}");
        }
    }
}
