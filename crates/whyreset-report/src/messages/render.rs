//! One message as a page. Refuses to choose it.

use std::fmt::Write as _;

use whyreset_causes::messages::{End, Likely, Message, Runtime};

use crate::paint::Ink;
use crate::text::Style;
use crate::wrap::wrap;

/// Columns before what a label says.
const LABEL: usize = 12;

/// What it is, what it can be, what is likely and how to handle it.
pub fn page(runtime: &Runtime, message: &Message, style: &Style) -> String {
    let mut out = format!("{}\n", Ink::Bold.on(message.errno, style.colour));
    line("said by", runtime.name, style, &mut out);
    line(
        "message",
        &format!("{}  ({})", message.example, message.id),
        style,
        &mut out,
    );
    line("socket", message.socket, style, &mut out);
    let mut impossible = Vec::new();
    for end in End::ALL {
        match message.can.iter().find(|(known, _)| *known == end) {
            Some((_, how)) => line("can be", &format!("{}: {how}", end.as_str()), style, &mut out),
            None if matches!(end, End::Own | End::Above) => {}
            None => impossible.push(end.as_str()),
        }
    }
    if !impossible.is_empty() {
        line("cannot be", &impossible.join(", "), style, &mut out);
    }
    line("but", message.not, style, &mut out);
    if !message.likely.is_empty() {
        out.push_str("\nLikely causes, the likeliest first (`whyreset explain ID` for each):\n");
        for (rank, one) in (1..).zip(message.likely) {
            likely(rank, one, style, &mut out);
        }
    }
    _ = writeln!(out, "\nTo handle it rightly ({}):", runtime.name);
    let handling = &runtime.handling;
    for (label, text) in [
        ("retry", handling.retry),
        ("pool", handling.pool),
        ("keep alive", handling.alive),
        ("shut down", handling.stop),
    ] {
        line(label, text, style, &mut out);
    }
    if !message.likely.is_empty() {
        out.push_str("\nWhich one it is: `sudo whyreset` on either host while it happens; best on the one that sends the reset.\n");
    }
    out
}

/// One cause with when it is this one and how to make sure.
fn likely(rank: usize, one: &Likely, style: &Style, out: &mut String) {
    let id = match one.situation {
        Some(situation) => format!("{}/{situation}", one.cause),
        None => one.cause.to_owned(),
    };
    _ = writeln!(out, "{rank:>3}. {}", Ink::Cyan.on(&id, style.colour));
    for (label, text) in [("when", one.when), ("confirm", one.confirm)] {
        let said = format!("{label:<7}  {text}");
        _ = writeln!(out, "     {}", wrap_after(&said, text, style));
    }
}

/// `label  text`, wrapped so that only the text's column is used.
fn wrap_after(said: &str, text: &str, style: &Style) -> String {
    let head = said.len() - text.len();
    format!("{}{}", &said[..head], wrap(text, 5 + head, style.width))
}

fn line(label: &str, text: &str, style: &Style, out: &mut String) {
    _ = writeln!(
        out,
        "  {label:<width$}{}",
        wrap(text, LABEL, style.width),
        width = LABEL - 2
    );
}

/// A runtime's messages for the list.
pub fn listed(runtime: &Runtime, out: &mut String) {
    _ = writeln!(out, "\n{}", runtime.name);
    let widest = runtime
        .messages
        .iter()
        .map(|message| message.id.len())
        .max()
        .unwrap_or(0);
    for message in runtime.messages {
        const ROOM: usize = 72;
        let example = match message.example.char_indices().nth(ROOM) {
            Some((at, _)) => format!("{}...", &message.example[..at]),
            None => message.example.to_owned(),
        };
        _ = writeln!(out, "  {:widest$}  {example}", message.id);
    }
}
