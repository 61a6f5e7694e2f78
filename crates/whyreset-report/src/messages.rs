//! What an error means, in whichever runtime's words it comes: finds the declared message and
//! prints it. Refuses to guess: a text that no message knows has no answer, only what is near.

mod near;
mod proxies;
mod render;

use whyreset_causes::messages::{Message, RUNTIMES, Runtime, message, recognise};

use crate::text::Style;

pub use near::nearest;

/// Longer than any message: a log was pasted, and its beginning will do.
const LONGEST: usize = 4_096;
/// Errno numbers of Linux and of Windows, and words too short to be looked for inside others.
const SHORT: [(&str, &str); 12] = [
    ("eof", "end-of-file"),
    ("10054", "windows-10054"),
    ("10061", "windows-10061"),
    ("10060", "windows-10060"),
    ("10053", "windows-10053"),
    ("104", "econnreset"),
    ("111", "econnrefused"),
    ("32", "epipe"),
    ("110", "etimedout"),
    ("103", "econnaborted"),
    ("113", "unreachable"),
    ("101", "unreachable"),
];

/// What the message means, what it can stand for, which causes can be behind it, and how to handle
/// it; `None` where it is not known.
pub fn explain(query: &str, style: &Style) -> Option<String> {
    let text: String = query.chars().take(LONGEST).collect();
    if let Some(states) = proxies::explain(text.trim(), style) {
        return Some(states);
    }
    let (runtime, message) = find(&text)?;
    Some(render::page(runtime, message, style))
}

/// The message that a text, an id or a number is.
pub fn find(query: &str) -> Option<(&'static Runtime, &'static Message)> {
    let text = query.trim().to_lowercase();
    message(&text)
        .or_else(|| recognise(&text))
        .or_else(|| by_number(&text))
}

/// Every message by runtime: id and how it is printed.
pub fn list() -> String {
    let mut out = String::new();
    for runtime in RUNTIMES {
        render::listed(runtime, &mut out);
    }
    out
}

/// A number is an errno where it stands alone or where the word before it says so; elsewhere it
/// is a port, a time or a count.
fn by_number(text: &str) -> Option<(&'static Runtime, &'static Message)> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let known = |word: &str| {
        SHORT
            .iter()
            .find(|(short, _)| *short == word)
            .and_then(|(_, id)| message(id))
    };
    match words.as_slice() {
        [alone] => known(alone),
        words => words
            .windows(2)
            .filter(|pair| matches!(pair[0], "errno" | "error" | "winerror"))
            .find_map(|pair| known(pair[1])),
    }
}

#[cfg(test)]
mod tests;
