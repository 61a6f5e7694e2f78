//! A capture's verdicts as Markdown for a ticket, as GitHub and GitLab read it. Refuses to let text
//! from outside become markup, a link or a mention, and to grow past what a ticket takes.

mod diagram;
mod markup;

use std::fmt::Write as _;
use std::io::{self, Write};

use whyreset_evidence::{Certainty, Mark, Roles};

use self::markup::plain;
use crate::page::{
    Account, Tally, Told, count, evidence, grouped, moment, name, percent, place, stage, suffering,
    what_happened,
};

/// Verdicts that are told; more are counted.
const TOLD: usize = 50;
/// Bytes after which no further verdict is begun: GitHub takes 65,536 characters.
const ROOM: usize = 60_000;
/// Rivals of one verdict.
const RIVALS: usize = 3;
/// Answers of the form "it is not so".
const ABSENT: usize = 3;

/// Writes the text.
///
/// # Errors
/// What `out` cannot take.
pub fn markdown(account: &Account, told: &[Told], out: &mut dyn Write) -> io::Result<()> {
    let tally = Tally::of(account, told);
    let mut text = String::new();
    head(account, &tally, &mut text);
    if tally.total > 0 {
        causes(&tally, &mut text);
    }
    let mut begun = 0;
    for (place, one) in told.iter().take(TOLD).enumerate() {
        let section = section(place + 1, one);
        if text.len() + section.len() > ROOM && begun > 0 {
            break;
        }
        text.push_str(&section);
        begun += 1;
    }
    let more = (told.len() - begun) as u64;
    if more > 0 {
        _ = writeln!(
            text,
            "\n{} more: counted above, not told here. `-o html` draws them, `-o json` lists them all.",
            count(more, "verdict")
        );
    }
    out.write_all(text.as_bytes())
}

fn head(account: &Account, tally: &Tally, text: &mut String) {
    _ = writeln!(
        text,
        "## {}\n\n**{}**\n",
        plain(account.title),
        plain(&tally.headline(account))
    );
    for file in account.files {
        _ = writeln!(text, "- file {}", plain(file));
    }
    if let Some(span) = account.span() {
        _ = writeln!(text, "- {span}");
    }
    _ = writeln!(
        text,
        "- {}, {} followed",
        count(account.segments, "TCP segment"),
        count(account.connections, "connection")
    );
    if let Some(beyond) = account.beyond() {
        _ = writeln!(text, "- {beyond}");
    }
    for notice in account.notices {
        _ = writeln!(text, "- **not seen:** {}", plain(notice));
    }
}

fn causes(tally: &Tally, text: &mut String) {
    text.push_str(
        "\n| cause | resets | share | certain | likely | possible | unknown | sent by |\n\
         |---|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for row in &tally.rows {
        let benign = match row.benign {
            0 => String::new(),
            some => format!(" ({} benign)", grouped(some)),
        };
        let [certain, likely, possible, unknown] = row.certainty.map(grouped);
        _ = writeln!(
            text,
            "| `{}`{benign} | {} | {} | {certain} | {likely} | {possible} | {unknown} | {} |",
            row.cause,
            grouped(row.count),
            percent(row.count, tally.total),
            plain(&row.who())
        );
    }
}

fn section(number: usize, told: &Told) -> String {
    let verdict = told.verdict;
    let cause = &verdict.cause;
    let flow = verdict.connection.flow;
    let certainty = cause.certainty.as_str();
    let id = match cause.situation {
        Some(situation) => format!("`{}/{situation}`", cause.id),
        None => format!("`{}`", cause.id),
    };
    let mut notes = vec![certainty.to_owned()];
    if cause.id == certainty {
        notes.clear();
    }
    if verdict.reset.benign {
        notes.push("benign".to_owned());
    }
    let frame = told.frame.or(verdict.reset.frame);
    notes.extend(frame.map(|frame| format!("frame {frame}")));
    if told.alike > 0 {
        notes.push(format!("and {} alike", grouped(told.alike as u64)));
    }
    let notes = if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join(", "))
    };
    let mut text = format!("\n### {number}. {id}: {}{notes}\n\n", what_happened(verdict));
    let guessed = if flow.roles == Roles::Guessed {
        ", roles guessed from the ports"
    } else {
        ""
    };
    _ = writeln!(
        text,
        "{}, `{}` -> `{}`, {}{guessed}\n\n**Why:** {}\n",
        moment(verdict.time),
        flow.client,
        flow.server,
        stage(&verdict.connection),
        plain(&cause.summary)
    );
    reasons(told, &mut text);
    for fix in &verdict.fix {
        _ = writeln!(text, "- **fix** {}", plain(fix));
    }
    diagram::write(told, &mut text);
    text
}

/// Every line begins with a word of ours: what is at the beginning of a line is markup.
fn reasons(told: &Told, text: &mut String) {
    let verdict = told.verdict;
    if let Some(process) = &verdict.sender.process {
        let place = place(process).map_or(String::new(), |place| format!(": {place}"));
        _ = writeln!(text, "- **who** {}", plain(&format!("{}{place}", name(process))));
    }
    if let Some(rule) = &verdict.sender.rule {
        _ = writeln!(text, "- **rule** {}", plain(rule));
    }
    let mut absent = match verdict.cause.certainty {
        Certainty::Certain => 0,
        _ => ABSENT,
    };
    for line in evidence(&verdict.evidence) {
        if line.finding == Mark::Absent {
            if absent == 0 {
                continue;
            }
            absent -= 1;
        }
        _ = writeln!(
            text,
            "- **{}** {} ({})",
            line.finding.as_str(),
            plain(&line.what),
            plain(&line.cite)
        );
    }
    if let Some(victim) = &verdict.victim {
        _ = writeln!(text, "- **victim** {}", plain(&suffering(victim)));
    }
    for rival in verdict.cause.rivals.iter().take(RIVALS) {
        _ = writeln!(text, "- **rival** `{}`: {}", rival.id, plain(&rival.because));
    }
}
