//! One connection, held in silence for a while, and what became of it. Refuses to hold on where
//! others have made it pointless.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use socket2::TcpKeepalive;

use super::plan::{Kind, Sample};
use super::{Direction, Options, ms};
use crate::connect;
use crate::line::{Event, Line};
use crate::outcome::End;
use crate::talk::{Talk, gone};

/// Keep-alive probes without an answer, a second apart, before silence is believed.
const PROBES: u32 = 4;
/// Bytes of a goodbye that are kept.
const SAID: usize = 256;
/// How soon after its last words the other end hangs up.
const GOODBYE: Duration = Duration::from_millis(300);
/// How long an answer to a poke may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What is sent after the silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poke {
    /// A keep-alive probe: no program sees it, every stack answers it.
    Keepalive,
    /// These bytes.
    Say(Vec<u8>),
}

/// What became of one held connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was alive after the silence.
    Alive,
    /// It was ended in this way.
    Ended(Kind),
    /// The other end spoke in between: this was no silence.
    Spoke,
    /// It was let go before its time: others had shown enough, or we were told to stop.
    Cut,
    /// It could not even be opened, and why.
    Failed(String),
}

impl Fate {
    /// How it was ended, where it was.
    pub const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Ended(kind) => Some(*kind),
            _ => None,
        }
    }
}

/// One connection that is to be held.
pub struct Held<'a> {
    pub options: &'a Options,
    pub silence: Duration,
    /// Silences longer than this teach nothing, ms.
    pub cap: &'a AtomicU64,
    /// All is to end.
    pub halted: &'a AtomicBool,
}

impl Held<'_> {
    /// Opens it, holds it, pokes it. The silence told is the one that passed.
    pub fn run(&self) -> Sample {
        let said = Cell::default();
        let (fate, silence) = match self.open() {
            Ok(talk) => self.hold(talk, &said),
            Err(why) => (why, Duration::ZERO),
        };
        Sample {
            said: said.take(),
            ..Sample::new(silence, fate)
        }
    }

    fn open(&self) -> Result<Talk<'_>, Fate> {
        let stop = &|| self.halted.load(Ordering::Relaxed);
        let patience = self.options.script.patience;
        let line = connect::one(self.options.address, patience, stop)
            .map_err(|end| Fate::Failed(format!("{}: {}", self.options.address, end.as_str())))?;
        let halted = self.halted;
        let mut talk = Talk::new(line, Box::new(move || halted.load(Ordering::Relaxed)));
        let mut script = self.options.script.clone();
        if let Direction::Server(template) = &self.options.direction {
            script.say = Some(filled(template, self.silence));
        }
        let awaits = matches!(self.options.direction, Direction::Client(_));
        match talk.open(&script, awaits) {
            Ok(()) => Ok(talk),
            Err(End::GivenUp) => Err(Fate::Cut),
            Err(end) => Err(Fate::Failed(format!(
                "the connection was {} before there was a silence",
                end.as_str()
            ))),
        }
    }

    fn hold(&self, mut talk: Talk<'_>, said: &Cell<Vec<u8>>) -> (Fate, Duration) {
        let since = talk.line().stirred;
        let waits_for_server = matches!(self.options.direction, Direction::Server(_));
        let end = since + self.silence;
        let end = if waits_for_server { end + ANSWER } else { end };
        let mut room = [0_u8; 4096];
        loop {
            let passed = since.elapsed();
            let cap = self.cap.load(Ordering::Relaxed);
            if ms(self.silence) > cap && ms(passed) > cap {
                return (Fate::Cut, passed);
            }
            let look = Instant::now() + Duration::from_millis(100);
            let stop = &|| self.halted.load(Ordering::Relaxed);
            match talk.line_mut().wait(&mut room, false, look.min(end), stop) {
                Event::Bytes(_)
                    if waits_for_server && since.elapsed() + Duration::from_millis(500) >= self.silence =>
                {
                    return (Fate::Alive, self.silence);
                }
                Event::Bytes(count) => {
                    let passed = since.elapsed();
                    // Sealed words say nothing to anybody.
                    if self.options.script.tls.is_none() {
                        said.set(room[..count.min(SAID)].to_vec());
                    }
                    return (self.spoke(talk.line_mut()), passed);
                }
                Event::Fin => return (Fate::Ended(Kind::Fin), since.elapsed()),
                Event::Gone(error) => return (unasked(&error), since.elapsed()),
                Event::Stopped => return (Fate::Cut, since.elapsed()),
                Event::Writable | Event::Nothing => {}
            }
            if Instant::now() >= end {
                break;
            }
        }
        let passed = since.elapsed();
        match &self.options.direction {
            Direction::Server(_) => (Fate::Ended(Kind::Silence), self.silence),
            Direction::Client(Poke::Keepalive) => (self.keepalive(talk.line_mut(), passed), passed),
            Direction::Client(Poke::Say(bytes)) => (say(&mut talk, bytes), passed),
        }
    }

    /// A goodbye is followed by the end. A greeting or a ping is not: the silence that was meant did
    /// not come about.
    fn spoke(&self, line: &mut Line) -> Fate {
        let mut room = [0_u8; 4096];
        let stop = &|| self.halted.load(Ordering::Relaxed);
        let deadline = Instant::now() + GOODBYE;
        loop {
            match line.wait(&mut room, false, deadline, stop) {
                Event::Bytes(_) if Instant::now() < deadline => {}
                Event::Fin => return Fate::Ended(Kind::Fin),
                Event::Gone(error) => return unasked(&error),
                Event::Stopped => return Fate::Cut,
                Event::Bytes(_) | Event::Writable | Event::Nothing => return Fate::Spoke,
            }
        }
    }

    fn keepalive(&self, line: &mut Line, silence: Duration) -> Fate {
        let probe = TcpKeepalive::new()
            .with_time(Duration::from_secs(1))
            .with_interval(Duration::from_secs(1))
            .with_retries(PROBES);
        if let Err(error) = line.socket().set_tcp_keepalive(&probe) {
            return Fate::Failed(format!("cannot have keep-alive probes sent: {error}"));
        }
        let deadline = Instant::now() + Duration::from_secs(u64::from(PROBES) + 3);
        let mut room = [0_u8; 64];
        let stop = &|| self.halted.load(Ordering::Relaxed);
        while Instant::now() < deadline {
            // Any segment taken since says that the path still knows us.
            if line.info().heard_ago < silence / 2 {
                return Fate::Alive;
            }
            let look = Instant::now() + Duration::from_millis(10);
            match line.wait(&mut room, false, look, stop) {
                Event::Bytes(_) => return Fate::Alive,
                Event::Fin => return Fate::Ended(Kind::FinOnByte),
                Event::Gone(error) => return poked(&error),
                Event::Stopped => return Fate::Cut,
                Event::Writable | Event::Nothing => {}
            }
        }
        Fate::Ended(Kind::Silence)
    }
}

fn say(talk: &mut Talk<'_>, bytes: &[u8]) -> Fate {
    let before = talk.line().acked();
    match talk.poke(bytes, ANSWER) {
        Ok(()) => Fate::Alive,
        Err(End::Closed) => Fate::Ended(Kind::FinOnByte),
        Err(End::Reset { .. }) => Fate::Ended(Kind::ResetOnByte),
        Err(End::GivenUp) => Fate::Cut,
        // Its kernel took it: the path is there, whatever the program does.
        Err(_) if talk.line().acked() > before => Fate::Alive,
        Err(_) => Fate::Ended(Kind::Silence),
    }
}

fn unasked(error: &std::io::Error) -> Fate {
    match gone(error) {
        End::Reset { .. } => Fate::Ended(Kind::Reset),
        _ => Fate::Ended(Kind::Silence),
    }
}

fn poked(error: &std::io::Error) -> Fate {
    match Errno::from_io_error(error) {
        Some(Errno::CONNRESET | Errno::PIPE) => Fate::Ended(Kind::ResetOnByte),
        _ => Fate::Ended(Kind::Silence),
    }
}

/// The template with the length of the silence in it.
fn filled(template: &[u8], silence: Duration) -> Vec<u8> {
    String::from_utf8_lossy(template)
        .replace("{ms}", &silence.as_millis().to_string())
        .replace("{s}", &silence.as_secs().to_string())
        .into_bytes()
}
