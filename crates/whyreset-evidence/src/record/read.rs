//! Lines of text to a dossier. Every error names its line.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use super::logged;
use super::words::{decode, milliseconds, number, process, state, token};
use super::{DEFAULT_START, RecordError};
use crate::{
    Alike, Balanced, Coverage, Dossier, Drop, Ended, Errno, Fact, Flow, Holdings, Killed, Memory, Process,
    Received, Roles, Rule, Ruled, Segment, Sent, Side, Socket, Source, Timestamp, Tracking, Translation,
    What,
};

/// Reads one dossier: a `flow` line and the facts after it. Empty lines and lines that begin
/// with `#` are passed over.
///
/// # Errors
/// The first line that cannot be read, with its number and what is wrong.
pub fn parse_dossier(text: &str) -> Result<Dossier, RecordError> {
    let mut dossier = None;
    let mut start = DEFAULT_START;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at_line = |why: String| RecordError { line: index + 1, why };
        match &mut dossier {
            None => {
                let (read, at) = flow_line(line).map_err(at_line)?;
                start = at;
                dossier = Some(read);
            }
            Some(dossier) => {
                let fact = fact_line(line, start).map_err(at_line)?;
                dossier.facts.push(fact);
            }
        }
    }
    dossier.ok_or(RecordError {
        line: 1,
        why: "no flow line".into(),
    })
}

fn flow_line(line: &str) -> Result<(Dossier, Timestamp), String> {
    let rest = line
        .strip_prefix("flow ")
        .ok_or("the first line must be `flow CLIENT > SERVER ...`")?;
    let mut words = rest.split_whitespace();
    let mut address = || {
        let word = words.next().ok_or("an address is missing")?;
        word.parse()
            .map_err(|_| format!("{word:?} is not an address:port"))
    };
    let client = address()?;
    let server = {
        let arrow = words.next();
        if arrow != Some(">") {
            return Err("`>` is missing between the two ends".into());
        }
        let word = words.next().ok_or("an address is missing")?;
        word.parse()
            .map_err(|_| format!("{word:?} is not an address:port"))?
    };
    let mut dossier = Dossier {
        flow: Flow::new(client, server),
        source: Source::Live,
        netns: None,
        facts: Vec::new(),
        coverage: Coverage {
            reply_resets: true,
            drops: true,
            ..Coverage::default()
        },
    };
    let (mut start, mut watched) = (DEFAULT_START, Duration::from_hours(1));
    for word in words {
        match token(word) {
            ("guessed", None) => dossier.flow.roles = Roles::Guessed,
            ("watch", Some(ends)) => {
                for end in ends.split(',') {
                    match end {
                        "client" => dossier.coverage.client = true,
                        "server" => dossier.coverage.server = true,
                        other => return Err(format!("{other:?} is not an end to watch")),
                    }
                }
            }
            ("no-reply-resets", None) => dossier.coverage.reply_resets = false,
            ("no-drops", None) => dossier.coverage.drops = false,
            ("watched-ms", Some(ms)) => watched = milliseconds(ms)?,
            ("at", value) => start = Timestamp(number(value)?),
            ("netns", value) => dossier.netns = Some(number(value)?),
            ("lost", value) => dossier.coverage.lost = number(value)?,
            ("source", Some("live")) => {}
            ("source", Some("capture")) => dossier.source = Source::Capture,
            ("source", Some("probe")) => dossier.source = Source::Probe,
            ("source", Some("fleet")) => dossier.source = Source::Fleet,
            (key, _) => return Err(format!("unknown word {key:?} in a flow line")),
        }
    }
    dossier.coverage.since = start.before(watched);
    Ok((dossier, start))
}

fn fact_line(line: &str, start: Timestamp) -> Result<Fact, String> {
    let (body, cite) = match line.split_once(" cite=") {
        Some((body, cite)) => (body, Some(cite.to_owned())),
        None => (line, None),
    };
    let mut words = body.split_whitespace();
    let at = offset(words.next().unwrap_or_default(), start)?;
    let side = match words.next() {
        Some("client") => Some(Side::Client),
        Some("server") => Some(Side::Server),
        Some("between") => None,
        other => return Err(format!("{other:?} is not client, server or between")),
    };
    let verb = words.next().ok_or("what happened is missing")?;
    let what = what(verb, words)?;
    let cite = cite.unwrap_or_else(|| what.kernel_cite());
    Ok(Fact { at, side, what, cite })
}

fn offset(word: &str, start: Timestamp) -> Result<Timestamp, String> {
    let digits = word
        .strip_prefix(['+', '-'])
        .ok_or_else(|| format!("{word:?} is not a time like +12.5"))?;
    let span = milliseconds(digits)?;
    Ok(if word.starts_with('-') {
        start.before(span)
    } else {
        start.after(span)
    })
}

/// The words after a verb.
type Words<'w, 'a> = &'w mut dyn Iterator<Item = &'a str>;

fn what<'a>(verb: &str, mut words: impl Iterator<Item = &'a str>) -> Result<What, String> {
    match verb {
        "sent" => sent(&mut words),
        "received" => received(&mut words),
        "ended" => ended(&mut words),
        "errored" => errno(words.next()).map(What::Errored),
        "dropped" => dropped(&mut words),
        "killed" => killed(&mut words),
        "owner" => holder(&mut words).map(What::Owner),
        "listener" => holder(&mut words).map(What::Listener),
        "asked-by" => holder(&mut words).map(What::AskedBy),
        "holds" => holds(&mut words),
        "untranslated" => untranslated(&mut words),
        "balanced" => balanced(&mut words),
        "alike" => alike(&mut words),
        "logged" => logged::read(&mut words).map(What::Logged),
        "standing" => state(words.next()).map(What::Standing),
        "only-with" => only_with(words.next()),
        "went-on" => went_on(&mut words),
        "tracking" => tracking(&mut words),
        "ruled" => ruled(&mut words),
        other => Err(format!("unknown fact {other:?}")),
    }
}

fn unknown(key: &str) -> String {
    format!("unknown word {key:?} in this fact")
}

fn errno(name: Option<&str>) -> Result<Errno, String> {
    let name = name.ok_or("an errno name is missing")?;
    Errno::from_name(name).ok_or_else(|| format!("unknown errno {name:?}"))
}

fn sent(words: Words<'_, '_>) -> Result<What, String> {
    let (mut sent, mut socket, mut trigger) = (Sent::default(), Some(Socket::default()), Segment::default());
    let mut answers = false;
    for word in words {
        let token = token(word);
        match token {
            ("nosocket", None) => socket = None,
            ("reason", Some(reason)) => sent.reason = Some(reason.to_owned()),
            ("by", Some(word)) => sent.actor = Some(process(word)?),
            ("on", _) => answers = trigger.read(token)?,
            _ if socket.as_mut().map_or(Ok(false), |s| s.read(token))? || trigger.read(token)? => {}
            _ if sent.actor.as_mut().map_or(Ok(false), |p| p.read(token))? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    (sent.socket, sent.trigger) = (socket, answers.then_some(trigger));
    Ok(What::Sent(sent))
}

fn received(words: Words<'_, '_>) -> Result<What, String> {
    let (mut socket, mut header) = (Some(Socket::default()), Segment::default());
    let (mut accepted, mut seen, mut guesses) = (true, false, 0);
    for word in words {
        let token = token(word);
        match token {
            ("nosocket", None) => socket = None,
            ("refused", None) => accepted = false,
            ("guesses", value) => guesses = number(value)?,
            ("on", _) => seen = header.read(token)?,
            _ if socket.as_mut().map_or(Ok(false), |s| s.read(token))? || header.read(token)? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Received(Received {
        socket,
        accepted,
        header: seen.then_some(header),
        guesses,
    }))
}

fn ended(words: Words<'_, '_>) -> Result<What, String> {
    let states = words
        .next()
        .and_then(|word| word.split_once('>'))
        .ok_or("ended needs FROM>TO")?;
    let mut ended = Ended {
        from: state(Some(states.0))?,
        to: state(Some(states.1))?,
        ..Ended::default()
    };
    ended.socket.state = ended.from;
    for word in words {
        let token = token(word);
        match token {
            ("by", Some(word)) => ended.by = Some(process(word)?),
            ("error", name) => ended.error = Some(errno(name)?),
            ("fin-seq", value) => ended.fin_seq = Some(number(value)?),
            ("rcv-nxt", value) => ended.rcv_nxt = Some(number(value)?),
            _ if ended.socket.read(token)? => {}
            _ if ended.by.as_mut().map_or(Ok(false), |p| p.read(token))? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Ended(ended))
}

fn dropped(words: Words<'_, '_>) -> Result<What, String> {
    let mut drop = Drop::default();
    for word in words {
        match token(word) {
            ("reason", Some(reason)) => reason.clone_into(&mut drop.reason),
            ("netns", value) => drop.netns = number(value)?,
            ("device", value) => drop.device = number(value)?,
            token if drop.segment.read(token)? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Drop(drop))
}

fn killed(words: Words<'_, '_>) -> Result<What, String> {
    let mut killed = Killed::default();
    for word in words {
        match token(word) {
            ("victim", value) => killed.victim = number(value)?,
            ("signal", value) => killed.signal = number(value)?,
            ("by", Some(word)) => killed.by = process(word)?,
            token if killed.by.read(token)? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Killed(killed))
}

fn holds(words: Words<'_, '_>) -> Result<What, String> {
    let mut holdings = Holdings {
        process: process(words.next().ok_or("name[pid] is missing")?)?,
        ..Holdings::default()
    };
    for word in words {
        match token(word) {
            ("fds", value) => holdings.fds = number(value)?,
            ("fd-limit", value) => holdings.fd_limit = number(value)?,
            ("running", value) => holdings.age_ms = Some(number(value)?),
            ("memory", value) => {
                let (used, limit) = value
                    .and_then(|value| value.split_once('/'))
                    .ok_or("memory needs USED/LIMIT")?;
                holdings.memory = Some(Memory {
                    used: number(Some(used))?,
                    limit: number(Some(limit))?,
                });
            }
            token if holdings.process.read(token)? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Holds(holdings))
}

fn only_with(word: Option<&str>) -> Result<What, String> {
    let word = word.unwrap_or_default();
    let peer = word
        .parse()
        .map_err(|_| format!("{word:?} is not an address:port"))?;
    Ok(What::OnlyWith(peer))
}

fn untranslated(words: Words<'_, '_>) -> Result<What, String> {
    let ends = words.next().and_then(|word| word.split_once('>'));
    let end = |word: &str| {
        word.parse()
            .map_err(|_| format!("{word:?} is not an address:port"))
    };
    let (from, to) = ends.ok_or("untranslated needs ADDRESS>ADDRESS")?;
    let mut gone = Translation {
        other: (end(from)?, end(to)?),
        reply: false,
        state: 3,
        timeout_ms: 0,
        stands: false,
        asked: false,
        by: None,
    };
    for word in words {
        match token(word) {
            ("reply", None) => gone.reply = true,
            ("original", None) => gone.reply = false,
            ("ct-state", value) => gone.state = number(value)?,
            ("timeout", value) => gone.timeout_ms = number(value)?,
            ("stands", None) => gone.stands = true,
            ("asked", None) => gone.asked = true,
            ("by", Some(word)) => gone.by = Some(process(word)?),
            token if gone.by.as_mut().map_or(Ok(false), |by| by.read(token))? => {}
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Translation(gone))
}

fn balanced(words: Words<'_, '_>) -> Result<What, String> {
    let service = words.next().ok_or("balanced needs ADDRESS")?;
    let mut balanced = Balanced {
        service: service
            .parse()
            .map_err(|_| format!("{service:?} is not an address:port"))?,
        scheduler: String::new(),
        timeout_ms: 0,
    };
    for word in words {
        match token(word) {
            ("by", Some(name)) => balanced.scheduler = decode(name),
            ("timeout", value) => balanced.timeout_ms = number(value)?,
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Balanced(balanced))
}

fn alike(words: Words<'_, '_>) -> Result<What, String> {
    let mut alike = Alike {
        count: 0,
        of: 0,
        silence_ms: 0,
        spread_ms: 0,
    };
    for word in words {
        match token(word) {
            ("count", value) => alike.count = number(value)?,
            ("of", value) => alike.of = number(value)?,
            ("silence", value) => alike.silence_ms = number(value)?,
            ("spread", value) => alike.spread_ms = number(value)?,
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Alike(alike))
}

fn went_on(words: Words<'_, '_>) -> Result<What, String> {
    let mut segment = Segment::default();
    for word in words {
        let token = token(word);
        if !segment.read(token)? {
            return Err(unknown(token.0));
        }
    }
    Ok(What::WentOn(segment))
}

fn ruled(words: Words<'_, '_>) -> Result<What, String> {
    let mut ruled = Ruled::default();
    let mut drops_last = false;
    for word in words {
        let (key, value) = token(word);
        let (list, surely) = match key {
            "whole" => {
                ruled.whole = true;
                continue;
            }
            "counted" => {
                let list = if drops_last {
                    &mut ruled.drops
                } else {
                    &mut ruled.resets
                };
                let rule = list.last_mut().ok_or("counted follows a rule")?;
                rule.packets = Some(number(value)?);
                continue;
            }
            "reset-surely" => (&mut ruled.resets, true),
            "reset-perhaps" => (&mut ruled.resets, false),
            "drop-surely" => (&mut ruled.drops, true),
            "drop-perhaps" => (&mut ruled.drops, false),
            _ => return Err(unknown(key)),
        };
        drops_last = key.starts_with("drop");
        list.push(Rule {
            text: decode(value.ok_or("needs a rule")?),
            surely,
            packets: None,
        });
    }
    Ok(What::Ruled(ruled))
}

fn tracking(words: Words<'_, '_>) -> Result<What, String> {
    let mut table = Tracking::default();
    for word in words {
        match token(word) {
            ("entries", value) => table.entries = number(value)?,
            ("most", value) => table.most = number(value)?,
            (key, _) => return Err(unknown(key)),
        }
    }
    Ok(What::Tracking(table))
}

fn holder(words: Words<'_, '_>) -> Result<Process, String> {
    let mut holder = process(words.next().ok_or("name[pid] is missing")?)?;
    for word in words {
        let token = token(word);
        if !holder.read(token)? {
            return Err(unknown(token.0));
        }
    }
    Ok(holder)
}
