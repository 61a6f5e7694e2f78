//! The pages of the catalogue for a terminal, and which of them answers a question. Refuses to
//! guess: what is near is offered, not shown.

mod near;

use std::fmt::Write as _;

use whyreset_causes::{CATALOG, Cause, Group, Page, find};

use crate::messages;
use crate::paint::Ink;
use crate::text::Style;
use crate::wrap::wrap;

pub use near::nearest;

/// What `query` asks for: nothing (the list), a cause's id, one of its everyday cases, a kernel
/// reset reason, an errno, or an error message in any runtime's words.
///
/// # Errors
/// Why there is no answer, and what is near.
pub fn answer(query: &str, style: &Style) -> Result<String, String> {
    if query.trim().is_empty() {
        return Ok(list());
    }
    let id = near::as_id(query);
    if let Some(cause) = find(&id) {
        return Ok(page(cause, style));
    }
    if let Some((cause, situation)) = situation(&id) {
        return Ok(format!(
            "{situation} is an everyday case of {}\n\n{}",
            cause.id,
            page(cause, style)
        ));
    }
    if let Some(causes) = kernel_reason(query.trim()) {
        return Ok(causes);
    }
    // A misspelt id may hold a word of some message (`user-timeot`, `retransmision-timeout`).
    let near = nearest(query);
    if let Some(meaning) = messages::explain(query, style).filter(|_| near.is_none()) {
        return Ok(meaning);
    }
    Err(refusal(query, near))
}

/// Why there is no answer, and what is near: a cause, or messages that are worded alike.
fn refusal(query: &str, near: Option<&str>) -> String {
    let mut out = "neither a cause nor an error message that is known".to_owned();
    if let Some(id) = near {
        _ = write!(out, "; did you mean `whyreset explain {id}`?");
    }
    out.push_str(" (`whyreset explain` alone lists the causes and the messages)");
    for message in messages::nearest(query) {
        _ = write!(
            out,
            "\n  near: {}  `whyreset explain {}`",
            message.example, message.id
        );
    }
    out
}

/// `late-close-notify`, alone or as the head line of a verdict has it, after its cause and a `/`.
fn situation(id: &str) -> Option<(&'static Cause, &'static str)> {
    let (cause, name) = id
        .split_once('/')
        .map_or((None, id), |(cause, name)| (Some(cause), name));
    CATALOG
        .iter()
        .filter(|known| cause.is_none_or(|cause| cause == known.id))
        .find_map(|known| Some((*known, known.situations.iter().find(|s| s.id == name)?.id)))
}

/// The causes under which the kernel gives this reason; one reason belongs to many.
fn kernel_reason(word: &str) -> Option<String> {
    let word = word.to_uppercase();
    let reason = word.strip_prefix("SK_RST_REASON_").unwrap_or(&word);
    let causes: Vec<&Cause> = CATALOG
        .iter()
        .copied()
        .filter(|cause| cause.kernel.contains(&reason))
        .collect();
    if causes.is_empty() {
        return None;
    }
    let mut out =
        format!("{reason}: the kernel's reset reason, which is never a cause by itself. It shows with:\n");
    let widest = causes.iter().map(|cause| cause.id.len()).max().unwrap_or(0);
    for cause in causes {
        _ = writeln!(out, "  {:widest$}  {}", cause.id, cause.summary);
    }
    Some(out)
}

/// The page of one cause: its Markdown with headings and bullets kept, paragraphs wrapped.
pub fn page(cause: &Cause, style: &Style) -> String {
    let mut out = format!("{}\n{}\n", Ink::Bold.on(cause.id, style.colour), cause.summary);
    if !cause.kernel.is_empty() {
        _ = writeln!(
            out,
            "kernel reasons under which it shows: {}",
            cause.kernel.join(", ")
        );
    }
    let mut paragraph = String::new();
    let mut fenced = false;
    for line in Page::of(cause).markdown().lines() {
        let fence = line.starts_with("```");
        let block =
            fence || fenced || line.trim().is_empty() || line.starts_with("## ") || line.starts_with("- ");
        if block {
            flush(&mut paragraph, style, &mut out);
        }
        fenced ^= fence;
        match line {
            _ if fence && fenced => {
                let expectation = line
                    .split_once(' ')
                    .map_or("", |(_, expectation)| expectation.trim());
                _ = writeln!(out, "    {}", Ink::Faint.on(expectation, style.colour));
            }
            _ if fence => {}
            _ if fenced => _ = writeln!(out, "    {line}"),
            _ => match line.strip_prefix("## ") {
                Some(heading) => {
                    _ = writeln!(out, "{}", Ink::Bold.on(&heading.to_uppercase(), style.colour));
                }
                None if line.trim().is_empty() => out.push('\n'),
                None => {
                    if !paragraph.is_empty() {
                        paragraph.push(' ');
                    }
                    paragraph.push_str(line.trim());
                }
            },
        }
    }
    flush(&mut paragraph, style, &mut out);
    out
}

fn flush(paragraph: &mut String, style: &Style, out: &mut String) {
    if paragraph.is_empty() {
        return;
    }
    let indent = if paragraph.starts_with("- ") { 2 } else { 0 };
    _ = writeln!(out, "{}", wrap(paragraph, indent, style.width));
    paragraph.clear();
}

/// Every cause by group, and every message by runtime.
pub fn list() -> String {
    let widest = CATALOG.iter().map(|cause| cause.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut group: Option<Group> = None;
    for cause in CATALOG {
        if group != Some(cause.group) {
            _ = writeln!(
                out,
                "{}{}",
                if group.is_some() { "\n" } else { "" },
                cause.group.as_str()
            );
            group = Some(cause.group);
        }
        _ = writeln!(out, "  {:widest$}  {}", cause.id, cause.summary);
    }
    out.push_str("\nmessages of runtimes and servers\n");
    out.push_str(&messages::list());
    out.push_str("\n`whyreset explain ID` is one page; `whyreset explain \"ERROR TEXT\"` says what a message can mean\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style() -> Style {
        Style {
            colour: false,
            width: Some(80),
            brief: false,
            verbose: false,
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    #[test]
    fn a_question_finds_its_answer() {
        for (query, first) in [
            ("", "refused"),
            ("unread-data", "unread-data"),
            ("Unread Data", "unread-data"),
            ("unknown", "unknown"),
            (
                "late-close-notify",
                "late-close-notify is an everyday case of write-after-close",
            ),
            (
                "write-after-close/late-close-notify",
                "late-close-notify is an everyday case of write-after-close",
            ),
            (
                "Connection timed out",
                "ETIMEDOUT (110), or the program's own clock",
            ),
        ] {
            let answer = answer(query, &style()).unwrap();
            assert_eq!(answer.lines().next(), Some(first), "{query}");
        }
        let reason = answer("SK_RST_REASON_TCP_STATE", &style()).unwrap();
        assert!(
            reason.contains("linger-abort") && reason.contains("admin-abort"),
            "{reason}"
        );
    }

    #[test]
    fn what_has_no_answer_says_what_is_near() {
        for (query, part) in [
            ("no-listner", "did you mean `whyreset explain no-listener`?"),
            (
                "retransmision-timeout",
                "did you mean `whyreset explain retransmission-timeout`?",
            ),
            ("unread-data/late-close-notify", "neither a cause nor"),
            ("banana", "neither a cause nor"),
        ] {
            let refusal = answer(query, &style()).unwrap_err();
            assert!(refusal.contains(part), "{query}: {refusal}");
        }
    }

    #[test]
    fn the_list_holds_every_cause() {
        let list = list();
        for cause in CATALOG {
            assert!(
                list.contains(cause.id) && list.contains(cause.summary),
                "{}",
                cause.id
            );
        }
    }

    #[test]
    fn a_page_keeps_its_cases_and_loses_its_fences() {
        let page = page(CATALOG[0], &style());
        assert!(
            page.contains("WHAT IT MEANS") && page.contains("FIX") && page.contains("    flow "),
            "{page}"
        );
        assert!(!page.contains("```"));
    }
}
