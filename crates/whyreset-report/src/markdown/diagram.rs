//! The ladder as a mermaid `sequenceDiagram`. Refuses to pass on any character that mermaid may read
//! as its own.

use std::fmt::Write as _;
use std::time::Duration;

use whyreset_evidence::Side;

use crate::escape::escape;
use crate::page::{Told, count, passed};

/// Segments that are drawn: the last ones are the decisive ones.
const RUNGS: usize = 40;
/// Characters of one label or note.
const LABEL: usize = 80;
/// A silence that is said in words.
const SILENCE: Duration = Duration::from_secs(1);

/// The fenced block, where there are segments.
pub fn write(told: &Told, text: &mut String) {
    if told.rungs.is_empty() {
        return;
    }
    let flow = told.verdict.connection.flow;
    _ = writeln!(
        text,
        "\n```mermaid\nsequenceDiagram\n    participant C as {}\n    participant S as {}",
        label(&format!("client {}", flow.client)),
        label(&format!("server {}", flow.server))
    );
    let earlier = told.rungs.len().saturating_sub(RUNGS);
    if earlier > 0 {
        _ = writeln!(
            text,
            "    Note over C,S: {} before",
            count(earlier as u64, "segment")
        );
    }
    let mut before = None;
    for rung in told.rungs.iter().skip(earlier) {
        let silence = before.map_or(Duration::ZERO, |before| rung.at.saturating_sub(before));
        before = Some(rung.at);
        if silence >= SILENCE {
            _ = writeln!(text, "    Note over C,S: {} of silence", passed(silence));
        }
        let (arrow, word) = if rung.reset { ("-x", "RST ") } else { ("->>", "") };
        let (from, to) = match rung.from {
            Side::Client => ("C", "S"),
            Side::Server => ("S", "C"),
        };
        let note = rung
            .note
            .as_deref()
            .map_or(String::new(), |note| format!(", {}", label(note)));
        _ = writeln!(
            text,
            "    {from}{arrow}{to}: {word}{} ({}{note})",
            label(&rung.label),
            passed(rung.at)
        );
    }
    text.push_str("```\n");
}

/// Letters, digits and a few marks that mean nothing to mermaid; all else by its number.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text).chars().take(LABEL) {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '/' | '_' | '=' | '+') {
            out.push(c);
        } else {
            _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mermaid_reads_no_text_as_its_own() {
        assert_eq!(label("P. 100 bytes"), "P. 100 bytes");
        assert_eq!(
            label("a;b#c:d\n%%{init}%%->>"),
            "a#59;b#35;c#58;d#92;u#123;a#125;#37;#37;#123;init#125;#37;#37;#45;#62;#62;"
        );
    }
}
