//! Facts as lines of text: what a cause's page shows as a runnable case, and what a recording
//! replays. Reading gives the dossier back that was written.
//!
//! ```text
//! flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server
//! +0 server sent state=CLOSE shut=3 attached unread=3912 reason=TCP_ABORT_ON_CLOSE by=nginx[812]
//! ```
//!
//! Times are milliseconds from the flow line's `at`. A fact without `cite=` (which takes the rest
//! of its line) cites the kernel event it is.

use core::fmt::Write as _;
use core::time::Duration;

use crate::{
    Coverage, Dossier, Drop, Ended, Errno, Exit, Fact, Flags, Flow, Killed, Mode, Process, Received, Roles,
    Segment, Sent, Shutdown, Side, Socket, Source, TcpState, Timestamp, What,
};

/// Where a recording starts when its flow line has no `at`: 2026-11-22T12:00:00Z.
const DEFAULT_START: Timestamp = Timestamp(1_795_348_800_000_000_000);

/// A line that is not a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// 1-based line number.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl core::fmt::Display for RecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl core::error::Error for RecordError {}

/// One `key=value` or bare word of a fact line.
type Token<'a> = (&'a str, Option<&'a str>);

fn number<T: core::str::FromStr>(value: Option<&str>) -> Result<T, String> {
    let value = value.ok_or("needs a value")?;
    value
        .parse()
        .map_err(|_| format!("{value:?} is not a number that fits"))
}

fn state(value: Option<&str>) -> Result<TcpState, String> {
    let name = value.ok_or("needs a state")?;
    TcpState::from_name(name)
        .or_else(|| name.strip_prefix("UNKNOWN_")?.parse().ok().map(TcpState::Unknown))
        .ok_or_else(|| format!("{name:?} is not a TCP state"))
}

impl Socket {
    /// Takes one word of a fact line; `false` where it is not a socket's.
    fn read(&mut self, (key, value): Token<'_>) -> Result<bool, String> {
        match key {
            "state" => self.state = state(value)?,
            "sub" => self.substate = Some(state(value)?),
            "mini" => self.mode = Mode::Mini,
            "shut" => self.shutdown = Shutdown(number(value)?),
            "attached" => self.attached = true,
            "dead" => self.dead = true,
            "linger" => (self.linger, self.linger_ms) = (true, number(value)?),
            "linger2-negative" => self.linger2_negative = true,
            "keepalive" => self.keepalive = true,
            "probes" => self.probes_out = number(value)?,
            "retransmits" => self.retransmits = number(value)?,
            "user-timeout" => self.user_timeout_ms = number(value)?,
            "unread" => self.unread = number(value)?,
            "unacked" => self.unacked = number(value)?,
            "unsent" => self.unsent = number(value)?,
            "snd-wnd" => self.snd_wnd = number(value)?,
            "bytes-received" => self.bytes_received = number(value)?,
            "bytes-acked" => self.bytes_acked = number(value)?,
            "sent-ago" => self.sent_ago_ms = Some(number(value)?),
            "heard-ago" => self.heard_ago_ms = Some(number(value)?),
            "age" => self.age_ms = Some(number(value)?),
            "backlog" => self.backlog = number(value)?,
            "max-backlog" => self.max_backlog = number(value)?,
            "mptcp" => self.mptcp = true,
            "handshake-ttl" => self.handshake_ttl = Some(number(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        let mut field = |key: &str, value: u64| {
            if value != 0 {
                let _ = write!(out, " {key}={value}");
            }
        };
        field("shut", self.shutdown.0.into());
        field("probes", self.probes_out.into());
        field("retransmits", self.retransmits.into());
        field("user-timeout", self.user_timeout_ms.into());
        field("unread", self.unread.into());
        field("unacked", self.unacked.into());
        field("unsent", self.unsent.into());
        field("snd-wnd", self.snd_wnd.into());
        field("bytes-received", self.bytes_received);
        field("bytes-acked", self.bytes_acked);
        field("backlog", self.backlog.into());
        field("max-backlog", self.max_backlog.into());
        for (key, value) in [
            ("linger", self.linger.then_some(self.linger_ms)),
            ("sent-ago", self.sent_ago_ms),
            ("heard-ago", self.heard_ago_ms),
            ("age", self.age_ms),
            ("handshake-ttl", self.handshake_ttl.map(u64::from)),
        ] {
            if let Some(value) = value {
                let _ = write!(out, " {key}={value}");
            }
        }
        for (word, holds) in [
            ("mini", self.mode == Mode::Mini),
            ("attached", self.attached),
            ("dead", self.dead),
            ("linger2-negative", self.linger2_negative),
            ("keepalive", self.keepalive),
            ("mptcp", self.mptcp),
        ] {
            if holds {
                let _ = write!(out, " {word}");
            }
        }
        if let Some(substate) = self.substate {
            let _ = write!(out, " sub={substate}");
        }
    }
}

impl Segment {
    fn read(&mut self, (key, value): Token<'_>) -> Result<bool, String> {
        match key {
            "on" => {
                for letter in value.ok_or("needs flags")?.chars() {
                    self.flags.0 |= match letter {
                        'F' => Flags::FIN,
                        'S' => Flags::SYN,
                        'R' => Flags::RST,
                        'P' => Flags::PSH,
                        '.' => Flags::ACK,
                        other => return Err(format!("{other:?} is not a flag of F S R P .")),
                    };
                }
            }
            "seq" => self.seq = number(value)?,
            "ack" => self.ack = number(value)?,
            "len" => self.len = number(value)?,
            "win" => self.window = number(value)?,
            "ttl" => self.ttl = number(value)?,
            "payload" => self.payload = unhex(value.ok_or("needs hex digits")?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        let _ = write!(
            out,
            " on={} seq={} ack={} len={}",
            self.flags, self.seq, self.ack, self.len
        );
        let _ = write!(out, " win={} ttl={}", self.window, self.ttl);
        if !self.payload.is_empty() {
            out.push_str(" payload=");
            for byte in &self.payload {
                let _ = write!(out, "{byte:02x}");
            }
        }
    }
}

fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    let bytes = digits.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return Err("hex digits come in pairs".into());
    }
    bytes
        .chunks(2)
        .map(|pair| {
            let pair = core::str::from_utf8(pair).map_err(|_| "not hex")?;
            u8::from_str_radix(pair, 16).map_err(|_| format!("{pair:?} is not hex"))
        })
        .collect()
}

/// `name[pid]`, the name percent-encoded where it would break the line.
fn process(word: &str) -> Result<Process, String> {
    let (name, pid) = word
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
        .ok_or_else(|| format!("{word:?} is not name[pid]"))?;
    Ok(Process::new(number::<u32>(Some(pid))?, decode(name)))
}

fn exit(word: &str) -> Result<Exit, String> {
    match word.split_once(':') {
        Some(("signal", n)) => Ok(Exit::Signal(number(Some(n))?)),
        Some(("code", n)) => Ok(Exit::Code(number(Some(n))?)),
        None if word == "oom" => Ok(Exit::OutOfMemory),
        _ => Err(format!("{word:?} is not signal:N, code:N or oom")),
    }
}

impl Process {
    fn read(&mut self, (key, value): Token<'_>) -> Result<bool, String> {
        let text = || value.map(decode).ok_or("needs a value");
        match key {
            "exit" => self.exit = Some(exit(value.ok_or("needs a value")?)?),
            "exe" => self.exe = Some(text()?),
            "cgroup" => self.cgroup = Some(text()?),
            "unit" => self.unit = Some(text()?),
            "container" => self.container = Some(text()?),
            "pod" => self.pod = Some(text()?),
            "alive" => self.alive = Some(value == Some("yes")),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        let _ = write!(out, "{}[{}]", encode(&self.name), self.pid);
        match self.exit {
            Some(Exit::Signal(n)) => _ = write!(out, " exit=signal:{n}"),
            Some(Exit::Code(n)) => _ = write!(out, " exit=code:{n}"),
            Some(Exit::OutOfMemory) => out.push_str(" exit=oom"),
            None => {}
        }
        for (key, value) in [
            ("exe", &self.exe),
            ("cgroup", &self.cgroup),
            ("unit", &self.unit),
            ("container", &self.container),
            ("pod", &self.pod),
        ] {
            if let Some(value) = value {
                let _ = write!(out, " {key}={}", encode(value));
            }
        }
        if let Some(alive) = self.alive {
            out.push_str(if alive { " alive=yes" } else { " alive=no" });
        }
    }
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() || c == '%' {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                let _ = write!(out, "%{byte:02x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten();
        match code
            .and_then(|pair| core::str::from_utf8(pair).ok())
            .and_then(|p| u8::from_str_radix(p, 16).ok())
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

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
    let (mut start, mut watched) = (DEFAULT_START, Duration::from_secs(3_600));
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

fn token(word: &str) -> Token<'_> {
    word.split_once('=')
        .map_or((word, None), |(key, value)| (key, Some(value)))
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

fn milliseconds(digits: &str) -> Result<Duration, String> {
    let ms: f64 = digits
        .parse()
        .map_err(|_| format!("{digits:?} is not a time like 12.5"))?;
    Duration::try_from_secs_f64(ms / 1e3).map_err(|_| format!("{digits:?} ms is out of range"))
}

/// Milliseconds with the nanoseconds kept.
fn in_milliseconds(span: Duration) -> String {
    format!("{}.{:06}", span.as_millis(), span.as_nanos() % 1_000_000)
}

fn what<'a>(verb: &str, mut words: impl Iterator<Item = &'a str>) -> Result<What, String> {
    let unknown = |key: &str| format!("unknown word {key:?} after {verb}");
    match verb {
        "sent" => {
            let (mut sent, mut socket, mut trigger) =
                (Sent::default(), Some(Socket::default()), Segment::default());
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
        "received" => {
            let (mut socket, mut header) = (Some(Socket::default()), Segment::default());
            let (mut accepted, mut seen) = (true, false);
            for word in words {
                let token = token(word);
                match token {
                    ("nosocket", None) => socket = None,
                    ("refused", None) => accepted = false,
                    ("on", _) => seen = header.read(token)?,
                    _ if socket.as_mut().map_or(Ok(false), |s| s.read(token))? || header.read(token)? => {}
                    (key, _) => return Err(unknown(key)),
                }
            }
            Ok(What::Received(Received {
                socket,
                accepted,
                header: seen.then_some(header),
            }))
        }
        "ended" => {
            let states = words
                .next()
                .and_then(|w| w.split_once('>'))
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
                    ("error", Some(name)) => {
                        ended.error =
                            Some(Errno::from_name(name).ok_or_else(|| format!("unknown errno {name:?}"))?);
                    }
                    _ if ended.socket.read(token)? => {}
                    _ if ended.by.as_mut().map_or(Ok(false), |p| p.read(token))? => {}
                    (key, _) => return Err(unknown(key)),
                }
            }
            Ok(What::Ended(ended))
        }
        "errored" => {
            let name = words.next().ok_or("errored needs an errno name")?;
            Errno::from_name(name)
                .map(What::Errored)
                .ok_or_else(|| format!("unknown errno {name:?}"))
        }
        "dropped" => {
            let mut drop = Drop::default();
            for word in words {
                match token(word) {
                    ("reason", Some(reason)) => reason.clone_into(&mut drop.reason),
                    token if drop.segment.read(token)? => {}
                    (key, _) => return Err(unknown(key)),
                }
            }
            Ok(What::Drop(drop))
        }
        "killed" => {
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
        "owner" | "listener" => {
            let mut holder = process(words.next().ok_or("needs name[pid]")?)?;
            for word in words {
                let token = token(word);
                if !holder.read(token)? {
                    return Err(unknown(token.0));
                }
            }
            Ok(if verb == "owner" {
                What::Owner(holder)
            } else {
                What::Listener(holder)
            })
        }
        other => Err(format!("unknown fact {other:?}")),
    }
}

impl What {
    /// The kernel event this fact is, as a citation.
    pub fn kernel_cite(&self) -> String {
        match self {
            Self::Sent(sent) => match &sent.reason {
                Some(reason) => format!("kernel:tcp_send_reset reason={reason}"),
                None => "kernel:tcp_send_reset".to_owned(),
            },
            Self::Received(received) if received.accepted => "kernel:tcp_receive_reset".to_owned(),
            Self::Received(_) => "kernel:kfree_skb".to_owned(),
            Self::Ended(ended) => format!("kernel:inet_sock_set_state {}->{}", ended.from, ended.to),
            Self::Errored(errno) => format!("kernel:inet_sock_set_state sk_err={errno}"),
            Self::Drop(drop) => format!("kernel:kfree_skb reason={}", drop.reason),
            Self::Killed(killed) => format!("kernel:signal_generate sig={}", killed.signal),
            Self::Owner(process) | Self::Listener(process) => format!("proc:/proc/{}/fd", process.pid),
        }
    }
}

/// Writes a dossier so that [`parse_dossier`] gives it back. Views named in
/// [`Coverage::missing`] are the observer's, not the connection's, and are not written.
pub fn write_dossier(dossier: &Dossier) -> String {
    let start = dossier.facts.first().map_or(DEFAULT_START, |fact| fact.at);
    let coverage = &dossier.coverage;
    let mut out = format!("flow {} > {}", dossier.flow.client, dossier.flow.server);
    if dossier.flow.roles == Roles::Guessed {
        out.push_str(" guessed");
    }
    match (coverage.client, coverage.server) {
        (true, true) => out.push_str(" watch=client,server"),
        (true, false) => out.push_str(" watch=client"),
        (false, true) => out.push_str(" watch=server"),
        (false, false) => {}
    }
    for (word, missing) in [
        ("no-reply-resets", !coverage.reply_resets),
        ("no-drops", !coverage.drops),
    ] {
        if missing {
            let _ = write!(out, " {word}");
        }
    }
    let _ = write!(
        out,
        " at={} watched-ms={}",
        start.0,
        in_milliseconds(start.since(coverage.since))
    );
    if let Some(netns) = dossier.netns {
        let _ = write!(out, " netns={netns}");
    }
    if coverage.lost > 0 {
        let _ = write!(out, " lost={}", coverage.lost);
    }
    match dossier.source {
        Source::Live => {}
        Source::Capture => out.push_str(" source=capture"),
        Source::Probe => out.push_str(" source=probe"),
        Source::Fleet => out.push_str(" source=fleet"),
    }
    out.push('\n');
    for fact in &dossier.facts {
        write_fact(fact, start, &mut out);
    }
    out
}

fn write_fact(fact: &Fact, start: Timestamp, out: &mut String) {
    let (sign, span) = if fact.at >= start {
        ('+', fact.at.since(start))
    } else {
        ('-', start.since(fact.at))
    };
    let _ = write!(out, "{sign}{} ", in_milliseconds(span));
    out.push_str(fact.side.map_or("between", Side::as_str));
    let socket = |out: &mut String, socket: &Option<Socket>| match socket {
        Some(socket) => {
            let _ = write!(out, " state={}", socket.state);
            socket.write(out);
        }
        None => out.push_str(" nosocket"),
    };
    match &fact.what {
        What::Sent(sent) => {
            out.push_str(" sent");
            socket(out, &sent.socket);
            if let Some(trigger) = &sent.trigger {
                trigger.write(out);
            }
            if let Some(reason) = &sent.reason {
                let _ = write!(out, " reason={reason}");
            }
            if let Some(actor) = &sent.actor {
                out.push_str(" by=");
                actor.write(out);
            }
        }
        What::Received(received) => {
            out.push_str(" received");
            socket(out, &received.socket);
            if let Some(header) = &received.header {
                header.write(out);
            }
            if !received.accepted {
                out.push_str(" refused");
            }
        }
        What::Ended(ended) => {
            let _ = write!(out, " ended {}>{}", ended.from, ended.to);
            ended.socket.write(out);
            if let Some(error) = ended.error {
                let _ = write!(out, " error={error}");
            }
            if let Some(by) = &ended.by {
                out.push_str(" by=");
                by.write(out);
            }
        }
        What::Errored(errno) => _ = write!(out, " errored {errno}"),
        What::Drop(drop) => {
            let _ = write!(out, " dropped reason={}", drop.reason);
            drop.segment.write(out);
        }
        What::Killed(killed) => {
            let _ = write!(
                out,
                " killed victim={} signal={} by=",
                killed.victim, killed.signal
            );
            killed.by.write(out);
        }
        What::Owner(process) => {
            out.push_str(" owner ");
            process.write(out);
        }
        What::Listener(process) => {
            out.push_str(" listener ");
            process.write(out);
        }
    }
    if fact.cite != fact.what.kernel_cite() {
        let _ = write!(out, " cite={}", fact.cite.replace(['\n', '\r'], " "));
    }
    out.push('\n');
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
