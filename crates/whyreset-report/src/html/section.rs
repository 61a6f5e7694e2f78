//! One verdict on the page: a line that says it, then who, why, how it is known, what else was
//! weighed, what to change, and the ladder.

use std::fmt::Write as _;
use std::io::{self, Write};

use whyreset_evidence::{Connection, Roles, Verdict};

use super::ladder;
use super::markup::safe;
use crate::page::{Told, evidence, moment, name, passed, place, sender, stage, suffering, what_happened};

/// Rivals that are shown before one asks for the others.
const RIVALS: usize = 3;

/// The section, folded or `open`.
pub fn write(number: usize, told: &Told, open: bool, out: &mut dyn Write) -> io::Result<()> {
    let verdict = told.verdict;
    head(number, told, open, out)?;
    writeln!(out, "<p class=\"why\">{}</p>", safe(&verdict.cause.summary))?;
    facts(told, out)?;
    known_by(verdict, out)?;
    rivals(verdict, out)?;
    if !verdict.fix.is_empty() {
        writeln!(out, "<div class=\"fix\">\n<h3>What to change</h3>\n<ul>")?;
        for fix in &verdict.fix {
            writeln!(out, "<li>{}</li>", safe(fix))?;
        }
        writeln!(out, "</ul>\n</div>")?;
    }
    ladder::write(number, told, out)?;
    writeln!(out, "</details>")
}

fn head(number: usize, told: &Told, open: bool, out: &mut dyn Write) -> io::Result<()> {
    let verdict = told.verdict;
    let flow = verdict.connection.flow;
    let certainty = verdict.cause.certainty.as_str();
    let situation = verdict
        .cause
        .situation
        .map_or(String::new(), |situation| format!("/{}", safe(situation)));
    let mut notes = Vec::new();
    if verdict.reset.benign {
        notes.push("benign".to_owned());
    }
    notes.extend(frame(told).map(|frame| format!("frame {frame}")));
    if told.alike > 0 {
        notes.push(format!("and {} alike", crate::page::grouped(told.alike as u64)));
    }
    // What the certainty word has said already is not said again.
    let cause = if verdict.cause.id == certainty {
        String::new()
    } else {
        format!("<b><code>{}{situation}</code></b> ", safe(verdict.cause.id))
    };
    writeln!(
        out,
        "<details id=\"r{number}\"{}>\n<summary><span class=\"when\">{}</span> {} → {} <b class=\"what\">{}</b> \
         {cause}<span class=\"word {certainty}\">{certainty}</span> <span class=\"faint\">{}</span></summary>",
        if open { " open=\"open\"" } else { "" },
        moment(verdict.time),
        flow.client,
        flow.server,
        what_happened(verdict),
        notes.join(", ")
    )
}

/// The frame, by whoever knows it.
pub fn frame(told: &Told) -> Option<u64> {
    told.frame.or(told.verdict.reset.frame)
}

fn facts(told: &Told, out: &mut dyn Write) -> io::Result<()> {
    let verdict = told.verdict;
    let mut rows: Vec<(&str, String)> = Vec::new();
    let party = verdict.sender.party.as_str();
    let host = verdict.sender.host.as_str();
    let mut who = match &verdict.sender.process {
        Some(process) => name(process),
        None => sender(verdict),
    };
    let known: Vec<&str> = [party, host]
        .into_iter()
        .filter(|word| *word != "unknown")
        .collect();
    if !known.is_empty() {
        _ = write!(who, " ({})", known.join(", "));
    }
    if let Some(place) = verdict.sender.process.as_ref().and_then(place) {
        who.push_str(": ");
        who.push_str(&place);
    }
    rows.push(("who", who));
    rows.extend(verdict.sender.rule.clone().map(|rule| ("rule", rule)));
    rows.extend(verdict.cause.mechanism.map(|how| ("by way of", how.to_owned())));
    rows.push(("connection", connection(&verdict.connection)));
    rows.extend(
        verdict
            .victim
            .as_ref()
            .map(|victim| ("victim", suffering(victim))),
    );
    writeln!(out, "<dl class=\"facts\">")?;
    for (word, text) in rows {
        writeln!(out, "<dt>{word}</dt><dd>{}</dd>", safe(&text))?;
    }
    writeln!(out, "</dl>")
}

/// `established, 75.1 s old, silent for 75.0 s, 120 bytes to the server, Zeek says RSTR`.
fn connection(connection: &Connection) -> String {
    let mut parts = vec![stage(connection).to_owned()];
    parts.extend(connection.age.map(|age| format!("{} old", passed(age))));
    parts.extend(connection.idle.map(|idle| format!("silent for {}", passed(idle))));
    for (bytes, to) in [
        (connection.bytes_to_server, "server"),
        (connection.bytes_to_client, "client"),
    ] {
        parts.extend(bytes.map(|bytes| format!("{} to the {to}", crate::page::count(bytes, "byte"))));
    }
    parts.extend(connection.conn_state.map(|word| format!("Zeek says {word}")));
    if connection.flow.roles == Roles::Guessed {
        parts.push("which end is the client is guessed from the ports".to_owned());
    }
    parts.join(", ")
}

fn known_by(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let lines = evidence(&verdict.evidence);
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>How it is known</h3>\n<ul class=\"evidence\">")?;
    for line in lines {
        let mark = line.finding.as_str();
        writeln!(
            out,
            "<li><span class=\"word {mark}\">{mark}</span> <span>{} <span class=\"cite\">{}</span></span></li>",
            safe(&line.what),
            safe(&line.cite)
        )?;
    }
    writeln!(out, "</ul>")
}

fn rivals(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let rivals = &verdict.cause.rivals;
    if rivals.is_empty() {
        return Ok(());
    }
    let (first, more) = rivals.split_at(rivals.len().min(RIVALS));
    let list = |rivals: &[whyreset_evidence::Rival], out: &mut dyn Write| -> io::Result<()> {
        writeln!(out, "<ul class=\"rivals\">")?;
        for rival in rivals {
            writeln!(
                out,
                "<li><code>{}</code>: {}</li>",
                safe(rival.id),
                safe(&rival.because)
            )?;
        }
        writeln!(out, "</ul>")
    };
    writeln!(out, "<h3>What else was weighed</h3>")?;
    list(first, out)?;
    if more.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<details class=\"more\"><summary>{} more</summary>",
        more.len()
    )?;
    list(more, out)?;
    writeln!(out, "</details>")
}
