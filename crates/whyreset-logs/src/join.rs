//! Lines joined to a reset by what they share with it: addresses and ports, process and unit, and
//! time. Refuses a line that names another connection, and to say what the reset's cause is.

use std::net::SocketAddr;

use whyreset_evidence::Tie;

use crate::time::Stamp;
use crate::who::Who;
use crate::{Offset, Stated, quote};

const SECOND: i64 = 1_000_000_000;
/// How long before the reset a line may have been written, and how long after it: servers log a
/// request at its end, supervisors notice later.
pub(crate) const BEFORE: i64 = 5 * SECOND;
pub(crate) const AFTER: i64 = 3 * SECOND;

/// A reset as far as lines can know of it.
#[derive(Clone, Debug)]
pub struct Reset {
    /// Nanoseconds since the epoch, by our clock.
    pub at: i64,
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
    /// Processes of either end.
    pub pids: Vec<u32>,
    /// Their names.
    pub names: Vec<String>,
    /// Their systemd units.
    pub units: Vec<String>,
}

/// A line that may belong to one.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// File, `journal` or `kernel`.
    pub source: &'a str,
    /// Its number there; 0 where lines have none.
    pub number: u64,
    /// Its bytes.
    pub text: &'a [u8],
    /// When it was written, by its own clock.
    pub stamp: Option<Stamp>,
    /// Who it speaks of.
    pub who: &'a Who,
    /// systemd unit, where the journal says it.
    pub unit: Option<&'a str>,
    /// What it states.
    pub stated: Option<&'static Stated>,
}

/// A line that belongs to a reset.
#[derive(Clone)]
pub struct Ranked {
    /// `file:line`.
    pub place: String,
    /// The line, fit to be shown.
    pub quote: String,
    /// Higher is nearer.
    pub score: i64,
    /// The strongest that ties it to the reset.
    pub tie: Tie,
    /// What it shares with the reset.
    pub shares: Vec<&'static str>,
    /// Nanoseconds from the line to the reset, clocks compared; positive where the line came first.
    pub apart: Option<i64>,
    /// What it states.
    pub stated: Option<&'static Stated>,
}

/// The best `most` of `lines` for `reset`, the nearest first. `offset` is that of the log's clock.
pub fn rank<'a>(
    reset: &Reset,
    lines: impl IntoIterator<Item = Line<'a>>,
    offset: Option<&Offset>,
    most: usize,
) -> Vec<Ranked> {
    let mut best: Vec<Ranked> = Vec::new();
    for line in lines {
        let Some(one) = joined(reset, &line, offset) else {
            continue;
        };
        // Of two that are as near the later one: a line is written when something has happened.
        let at = best.partition_point(|other| other.score > one.score);
        if at < most {
            best.insert(at, one);
            best.truncate(most);
        }
    }
    best
}

fn joined(reset: &Reset, line: &Line<'_>, offset: Option<&Offset>) -> Option<Ranked> {
    let mut shares = Vec::new();
    let addresses = by_address(reset, line.who, &mut shares)?;
    let mut score = addresses;
    let mut share = |holds: bool, points: i64, what: &'static str| {
        if holds {
            score += points;
            shares.push(what);
        }
    };
    let wrote = line.who.pid.is_some_and(|pid| reset.pids.contains(&pid));
    let process = wrote || reset.pids.iter().any(|pid| mentions(line.text, *pid));
    share(process, 40, "process");
    let named = |name: &str| reset.names.iter().any(|one| one == name);
    let written = line
        .stated
        .is_some_and(|stated| reset.names.iter().any(|name| writes(name, stated.software)));
    // One that bears another process's number is that one's, of the same name or not.
    let others = line.who.pid.is_some() && !reset.pids.is_empty() && !process;
    let program = !others && (written || line.who.program.as_deref().is_some_and(named));
    share(program, 10, "program");
    let unit = reset.units.iter().filter(|unit| !unit.is_empty()).any(|unit| {
        line.unit == Some(unit.as_str()) || memchr::memmem::find(line.text, unit.as_bytes()).is_some()
    });
    share(unit, 10, "unit");
    // What a program says of all its own connections is not about those of another one.
    let wide = line
        .stated
        .is_some_and(|stated| stated.wide && stated.software == "Linux");
    if shares.is_empty() && !wide {
        return None;
    }
    let apart = match line.stamp {
        Some(stamp) => {
            let moved = stamp.ns.saturating_add(offset.map_or(0, |offset| offset.ns));
            let loose = i64::try_from(
                stamp
                    .resolution
                    .saturating_add(offset.map_or(0, |offset| offset.spread)),
            )
            .unwrap_or(i64::MAX);
            let apart = reset.at.saturating_sub(moved);
            let (before, after) = (BEFORE.saturating_add(loose), AFTER.saturating_add(loose));
            if apart > before || apart < -after {
                return None;
            }
            score -= apart.saturating_abs() / (before.max(after) / 20);
            shares.push("time");
            Some(apart)
        }
        // Without a time only both ends' own numbers tie it to this connection.
        None if addresses >= EXACT => None,
        None => return None,
    };
    if line.stated.is_some() {
        score += 30;
    }
    Some(Ranked {
        place: match line.number {
            0 => line.source.to_owned(),
            number => format!("{}:{number}", line.source),
        },
        quote: quote(line.text),
        score,
        tie: match () {
            () if addresses >= EXACT => Tie::Connection,
            () if process => Tie::Process,
            () if unit => Tie::Unit,
            () if wide => Tie::Host,
            () if program => Tie::Program,
            () => Tie::Address,
        },
        shares,
        apart,
        stated: line.stated,
    })
}

/// The client's address with its port: nothing else has both.
const EXACT: i64 = 100;

/// Points for addresses; `None` where the line names another connection.
fn by_address(reset: &Reset, who: &Who, shares: &mut Vec<&'static str>) -> Option<i64> {
    let (client, server) = (reset.client, reset.server);
    let (mut points, mut foreign) = (0, false);
    for one in &who.addresses {
        let ends = (one.ip == client.ip(), one.ip == server.ip());
        match (one.port, ends) {
            (Some(port), (true, _)) if port == client.port() => {
                points += EXACT;
                shares.push("client's address and port");
            }
            (Some(port), (_, true)) if port == server.port() => {
                points += 15;
                shares.push("server's address and port");
            }
            // Another port of the client's is another connection.
            (Some(_), (true, _)) => return None,
            (None, (true, _)) => {
                points += 20;
                shares.push("client's address");
            }
            (None, (_, true)) => {
                points += 5;
                shares.push("server's address");
            }
            _ => foreign = true,
        }
    }
    (points > 0 || !foreign).then_some(points)
}

/// Whether the process of this name is the software that words a line so: `redis-server`, Redis.
fn writes(name: &str, software: &str) -> bool {
    let (name, software) = (name.to_ascii_lowercase(), software.to_ascii_lowercase());
    let shorter = name.len().min(software.len());
    shorter >= 4 && name.as_bytes()[..shorter] == software.as_bytes()[..shorter]
}

/// Whether the line names this process: `pid:7`, `(PID 7)`, `Killed process 7`, `child 7`.
fn mentions(line: &[u8], pid: u32) -> bool {
    const BEFORE_IT: [&[u8]; 6] = [b"pid ", b"pid:", b"pid=", b"pid: ", b"process ", b"child "];
    let digits = pid.to_string();
    memchr::memmem::find_iter(line, digits.as_bytes()).any(|at| {
        let (head, tail) = (&line[..at], &line[at + digits.len()..]);
        let ends = |word: &&[u8]| {
            head.len() >= word.len() && head[head.len() - word.len()..].eq_ignore_ascii_case(word)
        };
        !tail.first().is_some_and(u8::is_ascii_digit) && BEFORE_IT.iter().any(ends)
    })
}

#[cfg(test)]
mod tests;
