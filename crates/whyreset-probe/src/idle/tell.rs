//! What a search for an idle timeout found, for people and as JSON (`whyreset/probe-idle/1`), with
//! the setting that avoids it. Refuses to promise that a keep-alive probe helps against a timer
//! that does not count it.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::state::word;
use super::{Bounds, Direction, Kind, Sample, ms};
use crate::words;

/// Looks a silence of so many milliseconds up in the table of well-known timers: empty, or words
/// that begin with a comma.
pub type Timers<'a> = &'a dyn Fn(u64) -> String;

const INDENT: usize = 14;
/// Bytes of a goodbye that are shown.
const SAID: usize = 96;

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    time: String,
    target: &'a str,
    address: String,
    first: &'static str,
    outcome: &'static str,
    timer_ms: Option<u64>,
    alive_ms: u64,
    dead_ms: Option<u64>,
    measured_ms: Vec<u64>,
    complete: bool,
    cause: Option<&'static str>,
    certainty: &'static str,
    summary: String,
    known: Option<String>,
    said: Option<String>,
    fix: Vec<String>,
    samples: Vec<SampleJson>,
}

#[derive(Serialize)]
struct SampleJson {
    silence_ms: u64,
    fate: &'static str,
}

/// Everything that is told of one search.
struct Told {
    bounds: Bounds,
    complete: bool,
    summary: String,
    known: Option<String>,
    fix: Vec<String>,
}

fn told(samples: &[Sample], longest: Duration, direction: &Direction, timers: Timers<'_>) -> Told {
    let bounds = Bounds::of(samples);
    let known = bounds.timer().map(|timer| timers(ms(timer)));
    let known = known.map(|known| {
        known
            .trim_start_matches([',', ' '])
            .trim_start_matches("and ")
            .to_owned()
    });
    Told {
        complete: bounds.is_done(longest),
        summary: summary(&bounds, direction),
        known: known.filter(|known| !known.is_empty()),
        fix: fix(&bounds),
        bounds,
    }
}

/// One line of JSON, without a newline at its end.
#[inline(never)]
pub fn json(target: &str, options: &super::Options, samples: &[Sample], timers: Timers<'_>) -> String {
    let told = told(samples, options.longest, &options.direction, timers);
    let found = told.bounds.dead.is_some();
    let line = Line {
        schema: "whyreset/probe-idle/1",
        time: crate::json::utc(crate::ask::now()),
        target,
        address: options.address.to_string(),
        first: options.direction.as_str(),
        outcome: told.bounds.kind.map_or("open", Kind::as_str),
        timer_ms: told.bounds.timer().map(ms),
        alive_ms: ms(told.bounds.alive),
        dead_ms: told.bounds.dead.map(ms),
        measured_ms: told.bounds.measured.iter().copied().map(ms).collect(),
        complete: told.complete,
        cause: found.then_some("idle-timeout"),
        certainty: certainty(&told),
        summary: told.summary,
        known: told.known,
        said: goodbye(samples).map(|said| words::escaped(said, SAID)),
        fix: told.fix,
        samples: samples
            .iter()
            .filter_map(|sample| {
                Some(SampleJson {
                    silence_ms: ms(sample.silence),
                    fate: word(&sample.fate)?,
                })
            })
            .collect(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// For people.
#[inline(never)]
pub fn text(
    target: &str,
    time: &str,
    options: &super::Options,
    samples: &[Sample],
    timers: Timers<'_>,
) -> String {
    let told = told(samples, options.longest, &options.direction, timers);
    let mut out = format!("{time}  {target}  {}\n", told.summary);
    let mut row = |word: &str, text: &str| _ = writeln!(out, "{:INDENT$}{word:8}{text}", "");
    let bounds = &told.bounds;
    if bounds.alive > Duration::ZERO {
        row(
            "alive",
            &format!("after {} of silence", words::span(bounds.alive)),
        );
    }
    if let (Some(dead), Some(kind)) = (bounds.dead, bounds.kind) {
        if kind.is_unasked() {
            let (first, last) = (bounds.measured.first(), bounds.measured.last());
            let span = |span: Option<&Duration>| span.map_or(String::new(), |span| words::span(*span));
            row(
                "ended",
                &format!(
                    "{} connections, after {} to {}",
                    bounds.measured.len(),
                    span(first),
                    span(last)
                ),
            );
        } else {
            row("dead", &format!("after {} of silence", words::span(dead)));
        }
        row(
            "cause",
            &format!("idle-timeout  {}: {}", certainty(&told), who(kind)),
        );
    }
    if let Some(said) = goodbye(samples) {
        row("said", &words::quoted(said, SAID));
    }
    if bounds.crossed {
        row(
            "note",
            "a longer silence was survived than one that was not: more than one path, or losses",
        );
    }
    if let Some(spoke) = bounds.spoke {
        row(
            "note",
            &format!(
                "the server speaks by itself after {}: no longer silence can be had with it",
                words::span(spoke)
            ),
        );
    }
    if let Some(known) = &told.known {
        row("known", known);
    }
    if !told.complete {
        row(
            "note",
            "the search was not finished; --state FILE lets it go on later",
        );
    }
    for fix in &told.fix {
        row("fix", fix);
    }
    out
}

/// What the other end said before it hung up.
fn goodbye(samples: &[Sample]) -> Option<&[u8]> {
    let ended = samples.iter().filter(|sample| sample.fate.kind().is_some());
    ended.map(|sample| &*sample.said).find(|said| !said.is_empty())
}

fn certainty(told: &Told) -> &'static str {
    match told.bounds.kind {
        Some(_) if told.complete && !told.bounds.crossed => "likely",
        Some(_) => "possible",
        None => "unknown",
    }
}

fn summary(bounds: &Bounds, direction: &Direction) -> String {
    let first = match direction {
        Direction::Client(_) => "",
        Direction::Server(_) => " (the server speaks first)",
    };
    let between = |dead| {
        format!(
            "between {} and {} of silence",
            words::span(bounds.alive),
            words::span(dead)
        )
    };
    match (bounds.kind, bounds.dead) {
        (Some(Kind::Fin), _) => {
            let at = bounds.timer().map_or_else(String::new, words::span);
            format!("closed in order (FIN) after {at} of silence{first}")
        }
        (Some(Kind::Reset), _) => {
            let at = bounds.timer().map_or_else(String::new, words::span);
            format!("reset after {at} of silence, unasked{first}")
        }
        (Some(Kind::ResetOnByte), Some(dead)) => {
            format!("forgotten {}: the next segment draws a RST{first}", between(dead))
        }
        (Some(Kind::FinOnByte), Some(dead)) => {
            format!("given up {}: the next segment draws a FIN{first}", between(dead))
        }
        (Some(Kind::Silence), Some(dead)) => {
            format!("forgotten {}: the next segment vanishes{first}", between(dead))
        }
        _ if bounds.alive > Duration::ZERO => {
            format!(
                "no idle timeout up to {} of silence{first}",
                words::span(bounds.alive)
            )
        }
        _ => format!("nothing found out{first}"),
    }
}

const fn who(kind: Kind) -> &'static str {
    match kind {
        Kind::Fin | Kind::FinOnByte => "the server, or a proxy in front of it, closes what is idle",
        Kind::Reset => "a box that resets what is idle, or a server that aborts it",
        Kind::ResetOnByte => {
            "a box on the path, or the server's host, has forgotten the connection and refuses what comes"
        }
        Kind::Silence => "a box on the path has forgotten the connection and drops what comes",
    }
}

/// A keep-alive probe must come before the timer, and once more before it where one is lost.
fn fix(bounds: &Bounds) -> Vec<String> {
    let Some(kind) = bounds.kind else {
        return Vec::new();
    };
    let safe = bounds
        .timer()
        .unwrap_or_default()
        .min(bounds.dead.unwrap_or(Duration::MAX));
    match kind {
        Kind::Fin | Kind::FinOnByte => {
            let below = (safe.as_secs_f64() * 0.8).floor().max(0.5);
            vec![
                format!(
                    "let the client's pool give idle connections up before: its idle limit at {below} s or less, or the server's raised above the client's"
                ),
                "TCP keep-alive probes do not count as traffic for a program's timer; the protocol's own ping does (WebSocket, HTTP/2, SQL)".to_owned(),
            ]
        }
        Kind::Reset | Kind::ResetOnByte | Kind::Silence => {
            let idle = (safe.as_secs() / 2).max(1);
            let interval = (idle / 4).clamp(1, 75);
            vec![
                format!(
                    "per socket: SO_KEEPALIVE=1, TCP_KEEPIDLE={idle}, TCP_KEEPINTVL={interval}, TCP_KEEPCNT=3"
                ),
                format!(
                    "for all sockets that ask for keep-alive: sysctl -w net.ipv4.tcp_keepalive_time={idle} net.ipv4.tcp_keepalive_intvl={interval}"
                ),
            ]
        }
    }
}
