//! What an error means, in whichever runtime's words it comes: finds the entry of the declared
//! table and prints it. Refuses to guess: a text that no entry knows has no answer.

mod table;

use std::fmt::Write as _;

use table::{MESSAGES, Message, SHORT};

/// Longer than any message: a log was pasted, and its beginning will do.
const LONGEST: usize = 4_096;

/// What the message means and which causes can be behind it; `None` where it is not known.
pub fn explain(query: &str) -> Option<String> {
    let query: String = query.chars().take(LONGEST).collect::<String>().to_lowercase();
    let message = by_words(&query).or_else(|| by_words(by_number(&query)?))?;
    let mut out = format!("{}\n", message.errno);
    _ = writeln!(out, "  said by   {}", message.runtime);
    _ = writeln!(out, "  means     {}", message.means);
    _ = writeln!(out, "  but       {}", message.not);
    if message.causes.is_empty() {
        return Some(out);
    }
    out.push_str("\nCauses that can be behind it (`whyreset explain ID` for each):\n");
    let widest = message.causes.iter().map(|id| id.len()).max().unwrap_or(0);
    for cause in message.causes.iter().filter_map(|id| whyreset_causes::find(id)) {
        _ = writeln!(out, "  {:widest$}  {}", cause.id, cause.summary);
    }
    out.push_str("\nWhich one it is: `sudo whyreset` on either host while it happens; best on the one that sends the reset.\n");
    Some(out)
}

fn by_words(query: &str) -> Option<&'static Message> {
    MESSAGES
        .iter()
        .find(|message| message.patterns.iter().any(|pattern| query.contains(pattern)))
}

/// A number is an errno where it stands alone or where the word before it says so; elsewhere it
/// is a port, a time or a count.
fn by_number(query: &str) -> Option<&'static str> {
    let words: Vec<&str> = query
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let known = |word: &str| {
        SHORT
            .iter()
            .find(|(short, _)| *short == word)
            .map(|(_, name)| *name)
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
