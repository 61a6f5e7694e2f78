//! What a careful client does on an open connection: TLS, a first request, its answer, and then
//! waiting. Refuses to wait longer, to read more and to keep more than it was told.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::http;
use crate::line::{Event, Line, Stop};
use crate::outcome::{End, Exchange, Heard, Stage};
use crate::tls::{Sealed, TlsClient};

/// Bytes of an answer that are kept.
const KEPT: usize = 4096;
/// Bytes that are read before an endless answer is read no further.
const READ: u64 = 1 << 20;
/// How long what follows a TLS handshake may take.
const TICKETS: Duration = Duration::from_millis(300);
/// How long a reset may follow a FIN.
const AFTER_FIN: Duration = Duration::from_millis(300);

/// What is said, and how long is waited.
#[derive(Clone, Debug)]
pub struct Script {
    /// TLS first.
    pub tls: Option<TlsClient>,
    /// The first request.
    pub say: Option<Vec<u8>>,
    /// It is HTTP: its answer has an end.
    pub http: bool,
    /// How long each of TLS handshake, request and answer may take.
    pub patience: Duration,
    /// How long the connection is held afterwards.
    pub hold: Duration,
}

/// One connection and all that is known of it.
pub struct Talk<'a> {
    line: Line,
    sealed: Option<Sealed>,
    heard: Heard,
    answer: http::Answer,
    stop: Box<dyn Fn() -> bool + 'a>,
    asked: bool,
    /// When the end was seen.
    ended: Option<Instant>,
}

/// Why a stage went no further.
enum Halt {
    End(End),
    /// TLS itself failed; the connection stood.
    Tls,
    /// So much came that there is no point in reading on.
    Enough,
}

/// Until when is listened, at most to the deadline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The deadline alone.
    Deadline,
    /// The first bytes.
    Anything,
    /// The end of an answer in HTTP/1.
    Answer,
}

/// Goes through the script. What was found, how far it came, and how it ended.
pub fn talk(line: Line, script: &Script, stop: Stop<'_>) -> (Exchange, Stage, End) {
    let mut talk = Talk::new(line, Box::new(stop));
    let (stage, halt) = match talk.run(script) {
        Ok(()) => (Stage::Hold, None),
        Err((stage, halt)) => (stage, Some(halt)),
    };
    let end = match halt {
        None | Some(Halt::Enough) => End::Open,
        Some(Halt::Tls) => talk.after_tls(),
        Some(Halt::End(end)) => end,
    };
    (talk.finish(), stage, end)
}

impl<'a> Talk<'a> {
    /// Begins on an open connection.
    pub fn new(line: Line, stop: Box<dyn Fn() -> bool + 'a>) -> Self {
        Self {
            line,
            sealed: None,
            heard: Heard::default(),
            answer: http::Answer::default(),
            stop,
            asked: false,
            ended: None,
        }
    }

    fn run(&mut self, script: &Script) -> Result<(), (Stage, Halt)> {
        let at = |stage| move |halt| (stage, halt);
        if let Some(client) = &script.tls {
            self.seal(client, script.patience).map_err(at(Stage::Tls))?;
        }
        if let Some(say) = &script.say {
            self.asked = true;
            self.send(say, script.patience).map_err(at(Stage::Request))?;
            let until = if script.http {
                Until::Answer
            } else {
                Until::Anything
            };
            self.listen(Instant::now() + script.patience, until)
                .map_err(at(Stage::Answer))?;
        }
        self.listen(Instant::now() + script.hold, Until::Deadline)
            .map_err(at(Stage::Hold))
    }

    /// TLS and the first request, for who holds the connection then; where it `awaits`, to the end
    /// of the answer.
    ///
    /// # Errors
    /// How the connection ended instead.
    pub fn open(&mut self, script: &Script, awaits: bool) -> Result<(), End> {
        let ended = |halt| match halt {
            Halt::End(end) => end,
            Halt::Tls => End::Failed("TLS failed".to_owned()),
            Halt::Enough => End::Failed("it sends without an end".to_owned()),
        };
        if let Some(client) = &script.tls {
            self.seal(client, script.patience).map_err(ended)?;
        }
        if script.tls.is_some() && script.say.is_none() {
            // Session tickets follow the handshake unasked (RFC 8446 §4.6.1).
            self.listen(Instant::now() + TICKETS, Until::Deadline)
                .map_err(ended)?;
        }
        if let Some(say) = &script.say {
            self.send(say, script.patience).map_err(ended)?;
            if awaits {
                self.await_answer(script.http, script.patience).map_err(ended)?;
                if self.answer.closes {
                    return Err(End::Closed);
                }
            }
        }
        Ok(())
    }

    /// Says this, and awaits the first bytes of an answer.
    ///
    /// # Errors
    /// How the connection ended instead.
    pub fn poke(&mut self, bytes: &[u8], patience: Duration) -> Result<(), End> {
        let before = self.heard.raw_total;
        self.heard.plain_total = 0;
        let done = self
            .send(bytes, patience)
            .and_then(|()| self.listen(Instant::now() + patience, Until::Anything));
        match done {
            Err(Halt::End(end)) => Err(end),
            _ if self.heard.raw_total > before => Ok(()),
            _ => Err(End::Silent),
        }
    }

    /// The connection itself.
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// The connection itself.
    pub const fn line_mut(&mut self) -> &mut Line {
        &mut self.line
    }

    fn await_answer(&mut self, http: bool, patience: Duration) -> Result<(), Halt> {
        let until = if http { Until::Answer } else { Until::Anything };
        self.listen(Instant::now() + patience, until)
    }

    fn seal(&mut self, client: &TlsClient, patience: Duration) -> Result<(), Halt> {
        let sealed = client.begin().map_err(|why| Halt::End(End::Failed(why)))?;
        self.sealed = Some(sealed);
        let deadline = Instant::now() + patience;
        let mut out = Vec::new();
        loop {
            if let Some(sealed) = &mut self.sealed {
                out.extend(sealed.outgoing());
                if !sealed.is_shaking_hands() && out.is_empty() {
                    return Ok(());
                }
            }
            if !self.step(&mut out, deadline)? {
                return Err(Halt::End(End::Silent));
            }
        }
    }

    /// Sends it all, hearing what comes meanwhile.
    fn send(&mut self, say: &[u8], patience: Duration) -> Result<(), Halt> {
        let deadline = Instant::now() + patience;
        let mut out = Vec::new();
        let mut left = say;
        if self.sealed.is_none() {
            out.extend_from_slice(left);
            left = &[];
        }
        loop {
            if let Some(sealed) = &mut self.sealed {
                if !left.is_empty() && out.is_empty() {
                    let taken = sealed.say(left);
                    left = &left[taken..];
                }
                out.extend(sealed.outgoing());
            }
            if out.is_empty() && left.is_empty() {
                return Ok(());
            }
            if !self.step(&mut out, deadline)? {
                return Err(Halt::End(End::Silent));
            }
        }
    }

    /// Hears until the deadline, or until there is what was waited for.
    fn listen(&mut self, deadline: Instant, until: Until) -> Result<(), Halt> {
        let mut out = Vec::new();
        loop {
            let enough = match until {
                Until::Deadline => false,
                Until::Anything => self.heard.plain_total > 0,
                Until::Answer => self.answer.complete || self.is_another_protocol(),
            };
            if enough {
                return Ok(());
            }
            if let Some(sealed) = &mut self.sealed {
                // What TLS itself answers: key updates.
                out.extend(sealed.outgoing());
            }
            if self.step(&mut out, deadline)? {
                continue;
            }
            let nothing = self.heard.plain_total == 0;
            let silent = match until {
                Until::Deadline => false,
                // Nobody knows whether there is an answer; an acknowledgment is always due.
                Until::Anything => nothing && self.line.acked() < self.line.sent,
                Until::Answer => nothing,
            };
            return if silent {
                Err(Halt::End(End::Silent))
            } else {
                Ok(())
            };
        }
    }

    /// Whether what came cannot become an answer in HTTP/1.
    fn is_another_protocol(&self) -> bool {
        let enough = 8;
        self.heard.plain.len() >= enough && !self.heard.plain.starts_with(b"HTTP/1.")
    }

    /// Writes a bit, hears a bit. False where the deadline came first.
    fn step(&mut self, out: &mut Vec<u8>, deadline: Instant) -> Result<bool, Halt> {
        // Who sends without a pause is not waited for longer than who is silent.
        if Instant::now() >= deadline {
            return Ok(false);
        }
        let mut room = [0_u8; 16 * 1024];
        match self.line.wait(&mut room, !out.is_empty(), deadline, &*self.stop) {
            Event::Bytes(count) => self.hear(&room[..count])?,
            Event::Writable => match self.line.write(out) {
                Ok(written) => drop(out.drain(..written)),
                Err(error) => return Err(self.gone(&error)),
            },
            Event::Fin => return Err(Halt::End(self.fin())),
            Event::Gone(error) => return Err(self.gone(&error)),
            Event::Nothing => return Ok(false),
            Event::Stopped => return Err(Halt::End(End::GivenUp)),
        }
        Ok(true)
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        keep(&mut self.heard.raw, &mut self.heard.raw_total, bytes);
        let (heard, answer) = (&mut self.heard, &mut self.answer);
        let mut take = |plain: &[u8]| {
            keep(&mut heard.plain, &mut heard.plain_total, plain);
            answer.take(plain);
        };
        let goes_on = if let Some(sealed) = &mut self.sealed {
            sealed.take(bytes, take)
        } else {
            take(bytes);
            true
        };
        if !goes_on {
            return Err(Halt::Tls);
        }
        if self.heard.raw_total >= READ {
            return Err(Halt::Enough);
        }
        Ok(())
    }

    /// What was still to be read is read before a reset is told: it may say why.
    fn gone(&mut self, error: &io::Error) -> Halt {
        let mut room = [0_u8; 16 * 1024];
        while self.heard.raw_total < READ {
            match self.line.wait(&mut room, false, Instant::now(), &|| false) {
                Event::Bytes(count) => {
                    if self.hear(&room[..count]).is_err() {
                        break;
                    }
                }
                _ => break,
            }
        }
        Halt::End(gone(error))
    }

    fn fin(&mut self) -> End {
        self.ended = Some(Instant::now());
        if self.line.is_reset_within(AFTER_FIN, &*self.stop) {
            End::Reset { after_fin: true }
        } else {
            End::Closed
        }
    }

    /// After a failure of TLS: the server most often closes now.
    fn after_tls(&mut self) -> End {
        let mut room = [0_u8; 4096];
        let out = self.sealed.as_mut().map_or_else(Vec::new, Sealed::outgoing);
        // Our own alert is part of good manners; a server that is gone already does not get it.
        if let Err(error) = self.line.write(&out) {
            return gone(&error);
        }
        let deadline = Instant::now() + AFTER_FIN;
        loop {
            match self.line.wait(&mut room, false, deadline, &*self.stop) {
                Event::Bytes(count) => {
                    keep(&mut self.heard.raw, &mut self.heard.raw_total, &room[..count]);
                    if self.heard.raw_total >= READ || Instant::now() >= deadline {
                        return End::Open;
                    }
                }
                Event::Fin => return self.fin(),
                Event::Gone(error) => return gone(&error),
                Event::Writable | Event::Nothing | Event::Stopped => return End::Open,
            }
        }
    }

    fn finish(self) -> Exchange {
        let now = self.ended.unwrap_or_else(Instant::now);
        Exchange {
            local: self.line.local,
            peer: self.line.peer,
            sent: self.line.sent,
            acked: self.line.acked(),
            status: self.answer.status,
            asked: self.asked,
            tls: self.sealed.map(|sealed| sealed.tls),
            heard: self.heard,
            age: now.saturating_duration_since(self.line.since),
            silence: now.saturating_duration_since(self.line.stirred),
            info: self.line.info(),
        }
    }
}

/// The end that an error on an open connection means.
pub(crate) fn gone(error: &io::Error) -> End {
    match Errno::from_io_error(error) {
        Some(Errno::CONNRESET) => End::Reset { after_fin: false },
        // A write after the reset that a FIN preceded.
        Some(Errno::PIPE) => End::Reset { after_fin: true },
        // The kernel's own timer, or what ICMP had said meanwhile.
        Some(Errno::TIMEDOUT | Errno::HOSTUNREACH | Errno::NETUNREACH) => End::Silent,
        _ => End::Failed(error.to_string()),
    }
}

fn keep(first: &mut Vec<u8>, total: &mut u64, bytes: &[u8]) {
    let room = KEPT.saturating_sub(first.len());
    first.extend_from_slice(&bytes[..bytes.len().min(room)]);
    *total = total.saturating_add(bytes.len() as u64);
}
