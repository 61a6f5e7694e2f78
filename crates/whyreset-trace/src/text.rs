//! One failure for people: a line that says it, then what passed, what would explain it, and the next
//! command. Refuses to print and to judge.

use std::fmt::Write as _;
use std::time::Duration;

use whyreset_evidence::Side;
use whyreset_probe::text::Paint;
use whyreset_probe::{End, words};

use crate::failure::{Failure, How, Known, Own, Stage};
use crate::reading::Reading;

/// Columns before the reasons: as wide as the time.
const INDENT: usize = 14;
/// Bytes of a process's name.
const NAME: usize = 32;

/// The line that says it, with a newline at its end.
pub fn head(failure: &Failure, time: &str, paint: Paint) -> String {
    let whom = match (failure.flow, failure.side) {
        (Some(flow), _) => format!("{} -> {}", flow.client, flow.server),
        (None, _) if failure.how == How::Unix => "a socket of this host (AF_UNIX)".to_owned(),
        (None, _) => "a connection".to_owned(),
    };
    format!(
        "{time}  {}[{}]  {whom}  {}\n",
        words::escaped(failure.process.name.as_bytes(), NAME),
        failure.process.pid,
        paint.on("31", &sentence(failure))
    )
}

/// What happened, in one sentence.
pub fn sentence(failure: &Failure) -> String {
    let by =
        |side: Option<Side>| side.map_or_else(|| "the other end".to_owned(), |side| format!("the {side}"));
    let within = failure.stage.within();
    let what = match &failure.how {
        How::Met(End::Refused) => format!("refused by {}", by(failure.from())),
        How::Met(End::Reset { .. }) => format!("reset by {} {within}", by(failure.from())),
        How::Met(End::Closed) => format!(
            "closed in order by {} (FIN, no reset) {within}",
            by(failure.from())
        ),
        How::Met(End::Silent) if failure.stage == Stage::Handshake => {
            "silent: no answer to the SYN".to_owned()
        }
        How::Met(End::Silent) => format!("silent {within}"),
        How::Met(End::Failed(why)) => format!("failed: {why}"),
        How::Met(other) => other.as_str().to_owned(),
        How::Own(Own::Unread) => format!(
            "aborted by this program: closed with {} unread",
            words::bytes(failure.unread)
        ),
        How::Own(Own::Linger) => "aborted by this program: closed with SO_LINGER 0".to_owned(),
        How::Own(Own::Disconnect) => "aborted by this program: connect(AF_UNSPEC)".to_owned(),
        How::Unix => "the process at the other end went away".to_owned(),
    };
    let after = failure
        .age
        .map_or(String::new(), |age| format!("  after {}", words::span(age)));
    let silence = failure
        .silence
        .filter(|span| *span >= Duration::from_millis(800) && failure.stage != Stage::Handshake)
        .map_or(String::new(), |span| {
            format!(", {} of them in silence", words::span(span))
        });
    format!("{what}{after}{silence}")
}

/// The reasons, each line with a newline at its end; without guesses where a verdict follows.
pub fn reasons(failure: &Failure, reading: &Reading, judged: bool, paint: Paint) -> String {
    let mut out = String::new();
    let mut row = |word: &str, code: &str, text: &str| {
        let word = paint.on(code, &format!("{word:8}"));
        _ = writeln!(out, "{:INDENT$}{word}{text}", "");
    };
    if failure.flow.is_some() && failure.stage != Stage::Handshake {
        row("bytes", "0", &passed(failure));
    }
    if let Some((errno, known)) = failure.errno {
        let how = match known {
            Known::Returned if failure.call == "close" || failure.call == "exit" => {
                "a write met it (SIGPIPE)".to_owned()
            }
            Known::Returned => format!("{} gave it to the program", failure.call),
            Known::Left => "it waited in the socket; the program let go without taking it".to_owned(),
            Known::Inferred => "what the socket's end tells; some call of the program took it".to_owned(),
        };
        row("errno", "0", &format!("{errno}: {how}"));
    }
    for note in &reading.notes {
        row("note", "0", note);
    }
    for guess in reading
        .guesses
        .iter()
        .filter(|_| !judged || failure.stage != Stage::Handshake)
    {
        let id = guess.id.map_or(String::new(), |id| format!("{id}: "));
        row("may be", "2", &format!("{id}{}", guess.what));
        row("decide", "2", &guess.decide);
    }
    out
}

/// The commands that would tell more.
pub fn next(reading: &Reading, paint: Paint) -> String {
    let mut out = String::new();
    for command in &reading.next {
        let word = paint.on("32", &format!("{:8}", "next"));
        _ = writeln!(out, "{:INDENT$}{word}{command}", "");
    }
    out
}

fn passed(failure: &Failure) -> String {
    let mut text = if failure.sent == 0 {
        "nothing sent".to_owned()
    } else {
        format!(
            "{} sent, {} acknowledged",
            words::bytes(failure.sent),
            words::bytes(failure.acked)
        )
    };
    _ = write!(text, "; {} received", words::bytes(failure.received));
    if failure.unread > 0 {
        _ = write!(text, ", {} of them never read", words::bytes(failure.unread));
    }
    text
}
