//! The pages of the catalogue for a terminal.

use std::fmt::Write as _;

use whyreset_causes::{CATALOG, Cause, Group, Page};

use crate::paint::Ink;
use crate::text::Style;
use crate::wrap::wrap;

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
                let expectation = line.trim_start_matches("```trace").trim();
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

/// Every cause by group: id and summary.
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
    out.push_str("\n`whyreset explain ID` is one page; `whyreset explain \"ERROR TEXT\"` says what a message can mean\n");
    out
}

/// The cause whose id is nearest to `word`, where one is near at all.
pub fn nearest(word: &str) -> Option<&'static str> {
    // A hostile or pasted text is no misspelt id.
    let word = (word.len() <= 64).then(|| word.to_lowercase().replace([' ', '_'], "-"))?;
    CATALOG
        .iter()
        .map(|cause| (distance(&word, cause.id), cause.id))
        .min()
        .filter(|(distance, id)| *distance <= id.len() / 3)
        .map(|(_, id)| id)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_cause() {
        assert_eq!(nearest("no-listner"), Some("no-listener"));
        assert_eq!(nearest("Unread Data"), Some("unread-data"));
        assert_eq!(nearest("banana"), None);
        assert_eq!(nearest(&"x".repeat(1 << 20)), None);
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
        let style = Style {
            colour: false,
            width: Some(80),
            brief: false,
            verbose: false,
            zone: jiff::tz::TimeZone::UTC,
        };
        let page = page(CATALOG[0], &style);
        assert!(
            page.contains("WHAT IT MEANS") && page.contains("FIX") && page.contains("    flow "),
            "{page}"
        );
        assert!(!page.contains("```"));
    }
}
