//! One try for people: a line that says it, then each address, what was exchanged, what would
//! explain it, and the next command. Refuses to print and to judge.

use std::fmt::Write as _;
use std::time::Duration;

use whyreset_evidence::Certainty;

use crate::outcome::{Attempt, End, Exchange, Report, Stage};
use crate::reading::Reading;
use crate::words;

/// Columns before the reasons: as wide as the time.
const INDENT: usize = 14;

/// Colours, where there are any.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Whether to colour.
    pub colour: bool,
}

impl Paint {
    /// The text in the colour of this code (ECMA-48 SGR).
    pub fn on(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn of(self, end: &End, text: &str) -> String {
        let code = match end {
            End::Open => "32",
            End::Refused | End::RefusedByIcmp(_) | End::Reset { .. } => "31",
            _ => "33",
        };
        self.on(code, text)
    }
}

/// The line that says it, with a newline at its end.
#[inline(never)]
pub fn head(report: &Report, time: &str, paint: Paint) -> String {
    let address = report.address().map_or(String::new(), |address| {
        let asked = report.target.to_string();
        let got = address.to_string();
        if got == asked {
            String::new()
        } else {
            format!(" ({got})")
        }
    });
    format!(
        "{time}  {}{address}  {}\n",
        report.target,
        paint.of(&report.end, &sentence(report))
    )
}

/// What happened, in one sentence.
#[inline(never)]
pub fn sentence(report: &Report) -> String {
    let exchange = report.exchange.as_ref();
    let after = exchange.map_or_else(
        || report.telling().map_or(Duration::ZERO, |attempt| attempt.took),
        |exchange| exchange.age,
    );
    let after = words::span(after);
    match &report.end {
        End::Open => exchange.map_or_else(|| "open".to_owned(), open),
        End::Refused => format!("refused by a RST  after {after}"),
        End::RefusedByIcmp(icmp) => {
            let from = icmp.from.map_or(String::new(), |from| format!(" from {from}"));
            format!("refused by ICMP{from} ({})  after {after}", icmp.words())
        }
        End::Reset { after_fin } => {
            let fin = if *after_fin {
                ", after it had closed (FIN)"
            } else {
                ""
            };
            format!(
                "reset {}  after {after}{fin}{}",
                report.stage.within(),
                silence(exchange)
            )
        }
        End::Closed => format!(
            "closed in order (FIN) {}  after {after}{}",
            report.stage.within(),
            silence(exchange)
        ),
        End::Silent if report.stage == Stage::Connect => format!("silent: no answer to the SYN  for {after}"),
        End::Silent => format!("silent {}  for {}", report.stage.within(), idle(exchange)),
        End::Failed(why) => format!("could not be asked: {why}"),
        End::GivenUp => "given up".to_owned(),
    }
}

fn open(exchange: &Exchange) -> String {
    let mut text = "open".to_owned();
    if let Some(tls) = &exchange.tls {
        match (&tls.version, &tls.trouble) {
            (_, Some(why)) => _ = write!(text, "  TLS failed: {why}"),
            (Some(version), None) => _ = write!(text, "  {version}"),
            (None, None) => {}
        }
    }
    if let Some(status) = exchange.status {
        _ = write!(text, "  HTTP {status}");
    }
    text
}

fn silence(exchange: Option<&Exchange>) -> String {
    exchange
        .filter(|exchange| exchange.silence >= Duration::from_millis(800))
        .map_or(String::new(), |exchange| {
            format!(", {} of them in silence", words::span(exchange.silence))
        })
}

fn idle(exchange: Option<&Exchange>) -> String {
    words::span(exchange.map_or(Duration::ZERO, |exchange| exchange.silence))
}

/// The reasons, each line with a newline at its end.
#[inline(never)]
pub fn reasons(report: &Report, reading: &Reading, paint: Paint) -> String {
    let mut out = String::new();
    let mut row = |word: &str, code: &str, text: &str| {
        let word = paint.on(code, &format!("{word:8}"));
        _ = writeln!(out, "{:INDENT$}{word}{text}", "");
    };
    for attempt in &report.attempts {
        row("try", "0", &tried(attempt));
    }
    if let Some(exchange) = &report.exchange {
        row("bytes", "0", &exchanged(exchange));
        if let Some(tls) = &exchange.tls
            && let Some(version) = &tls.version
        {
            let parts = [Some(version), tls.cipher.as_ref(), tls.protocol.as_ref()];
            let parts: Vec<String> = parts
                .into_iter()
                .flatten()
                .map(|part| words::escaped(part.as_bytes(), 64))
                .collect();
            row("tls", "0", &parts.join("  "));
        }
    }
    if let Some(heard) = &reading.heard {
        row("heard", "0", heard);
    }
    for guess in &reading.guesses {
        let id = guess.id.map_or(String::new(), |id| format!("{id}: "));
        let (word, code) = match guess.certainty {
            Certainty::Likely => ("likely", "33"),
            _ => ("may be", "2"),
        };
        row(word, code, &format!("{id}{}", guess.what));
        row("decide", "2", &guess.decide);
    }
    out
}

/// The commands that would tell more.
#[inline(never)]
pub fn next(reading: &Reading, paint: Paint) -> String {
    let mut out = String::new();
    for command in &reading.next {
        let word = paint.on("32", &format!("{:8}", "next"));
        _ = writeln!(out, "{:INDENT$}{word}{command}", "");
    }
    out
}

fn tried(attempt: &Attempt) -> String {
    let took = words::span(attempt.took);
    let what = match &attempt.end {
        End::Open => "connected".to_owned(),
        End::Refused => "refused by a RST".to_owned(),
        End::RefusedByIcmp(icmp) => {
            let from = icmp.from.map_or(String::new(), |from| format!(" from {from}"));
            format!("refused by ICMP{from}: {}", icmp.words())
        }
        End::Failed(why) => why.clone(),
        End::GivenUp => "given up: another one was faster, or we were told to stop".to_owned(),
        other => other.as_str().to_owned(),
    };
    format!("{}  connect  {what}  {took}", attempt.address)
}

fn exchanged(exchange: &Exchange) -> String {
    let mut text = if exchange.sent == 0 {
        "nothing sent".to_owned()
    } else {
        format!(
            "{} sent, {} acknowledged",
            words::bytes(exchange.sent),
            words::bytes(exchange.acked)
        )
    };
    _ = write!(text, "; {} received", words::bytes(exchange.heard.raw_total));
    text
}
