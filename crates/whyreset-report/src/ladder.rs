//! The ladder: what went over the wire, in order, between two ends. Refuses to interpret; notes
//! are the caller's.

use std::fmt::Write as _;
use std::time::Duration;

use whyreset_evidence::Side;

use crate::escape::escape;
use crate::paint::Ink;
use crate::text::Style;

/// Columns between the two ends where the terminal allows.
const SPAN: usize = 46;

/// One segment.
#[derive(Clone, Debug)]
pub struct Rung {
    /// Since the first one.
    pub at: Duration,
    /// Which end sent it.
    pub from: Side,
    /// tcpdump's words: `S`, `P. 100 bytes`, `R.`
    pub label: String,
    /// What to say beside it.
    pub note: Option<String>,
    /// It is a reset.
    pub reset: bool,
}

/// The diagram, one line a segment, ended with a newline.
pub fn draw(client: &str, server: &str, rungs: &[Rung], style: &Style) -> String {
    let (client, server) = (escape(client), escape(server));
    let widest = rungs
        .iter()
        .map(|rung| rung.label.chars().count() + 8)
        .max()
        .unwrap_or(0);
    let span = SPAN
        .max(widest)
        .max(client.chars().count() + server.chars().count() + 2);
    let gap = span.saturating_sub(client.chars().count() + server.chars().count());
    let mut out = format!("{:12}{client}{:gap$}{server}\n", "", "");
    for rung in rungs {
        let ms = rung.at.as_secs_f64() * 1e3;
        let word = if rung.reset { "RST " } else { "" };
        let label = format!(" {word}{} ", escape(&rung.label));
        let dashes = span.saturating_sub(label.chars().count() + 3);
        let (left, right) = ("-".repeat(dashes / 2), "-".repeat(dashes - dashes / 2));
        let arrow = match (rung.from, rung.reset) {
            (Side::Client, false) => format!("|{left}{label}{right}>|"),
            (Side::Client, true) => format!("|{left}{label}{right}X|"),
            (Side::Server, false) => format!("|<{left}{label}{right}|"),
            (Side::Server, true) => format!("|X{left}{label}{right}|"),
        };
        let ink = if rung.reset { Ink::Red } else { Ink::Plain };
        let note = rung
            .note
            .as_deref()
            .map_or(String::new(), |note| format!("  {}", escape(note)));
        _ = writeln!(out, "{ms:>8.1} ms {}{note}", ink.on(&arrow, style.colour));
    }
    out
}
