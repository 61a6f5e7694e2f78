//! The words of a fact line, both ways: each type that a fact carries reads and writes its own.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::fmt::Write as _;
use core::time::Duration;

use crate::{Exit, Flags, Mode, Process, Segment, Shutdown, Socket, TcpState};

/// One `key=value` or bare word of a fact line.
pub(super) type Token<'a> = (&'a str, Option<&'a str>);

pub(super) fn number<T: core::str::FromStr>(value: Option<&str>) -> Result<T, String> {
    let value = value.ok_or("needs a value")?;
    value
        .parse()
        .map_err(|_| format!("{value:?} is not a number that fits"))
}

pub(super) fn state(value: Option<&str>) -> Result<TcpState, String> {
    let name = value.ok_or("needs a state")?;
    TcpState::from_name(name)
        .or_else(|| name.strip_prefix("UNKNOWN_")?.parse().ok().map(TcpState::Unknown))
        .ok_or_else(|| format!("{name:?} is not a TCP state"))
}

impl Socket {
    /// Takes one word of a fact line; `false` where it is not a socket's.
    pub(super) fn read(&mut self, (key, value): Token<'_>) -> Result<bool, String> {
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
            "rcv-nxt" => self.rcv_nxt = Some(number(value)?),
            "backlog" => self.backlog = number(value)?,
            "max-backlog" => self.max_backlog = number(value)?,
            "of-kernel" => self.of_kernel = true,
            "mptcp" => self.mptcp = true,
            "handshake-ttl" => self.handshake_ttl = Some(number(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn write(&self, out: &mut String) {
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
            ("rcv-nxt", self.rcv_nxt.map(u64::from)),
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
            ("of-kernel", self.of_kernel),
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
    pub(super) fn read(&mut self, (key, value): Token<'_>) -> Result<bool, String> {
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

    pub(super) fn write(&self, out: &mut String) {
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

pub(super) fn unhex(digits: &str) -> Result<Vec<u8>, String> {
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
pub(super) fn process(word: &str) -> Result<Process, String> {
    let (name, pid) = word
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
        .ok_or_else(|| format!("{word:?} is not name[pid]"))?;
    Ok(Process::new(number::<u32>(Some(pid))?, decode(name)))
}

pub(super) fn exit(word: &str) -> Result<Exit, String> {
    match word.split_once(':') {
        Some(("signal", n)) => Ok(Exit::Signal(number(Some(n))?)),
        Some(("code", n)) => Ok(Exit::Code(number(Some(n))?)),
        None if word == "oom" => Ok(Exit::OutOfMemory),
        _ => Err(format!("{word:?} is not signal:N, code:N or oom")),
    }
}

impl Process {
    pub(super) fn read(&mut self, (key, value): Token<'_>) -> Result<bool, String> {
        let text = || value.map(decode).ok_or("needs a value");
        match key {
            "exit" => self.exit = Some(exit(value.ok_or("needs a value")?)?),
            "exe" => self.exe = Some(text()?),
            "cgroup" => self.cgroup = Some(text()?),
            "unit" => self.unit = Some(text()?),
            "container" => self.container = Some(text()?),
            "pod" => self.pod = Some(text()?),
            "alive" => self.alive = Some(value == Some("yes")),
            "kernel" if value.is_none() => self.kernel = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn write(&self, out: &mut String) {
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
        if self.kernel {
            out.push_str(" kernel");
        }
    }
}

pub(super) fn encode(text: &str) -> String {
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

pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten();
        let hex = code.and_then(|pair| core::str::from_utf8(pair).ok());
        if let Some(byte) = hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn token(word: &str) -> Token<'_> {
    word.split_once('=')
        .map_or((word, None), |(key, value)| (key, Some(value)))
}

pub(super) fn milliseconds(digits: &str) -> Result<Duration, String> {
    let ms: f64 = digits
        .parse()
        .map_err(|_| format!("{digits:?} is not a time like 12.5"))?;
    Duration::try_from_secs_f64(ms / 1e3).map_err(|_| format!("{digits:?} ms is out of range"))
}

/// Milliseconds with the nanoseconds kept.
pub(super) fn in_milliseconds(span: Duration) -> String {
    format!("{}.{:06}", span.as_millis(), span.as_nanos() % 1_000_000)
}
