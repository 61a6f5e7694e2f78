//! After which silence does the path, or the server, let go of a connection? Many connections are
//! held for different silences at once, and the bounds are moved together round by round, to a
//! second or one per cent. Refuses to hold longer than its bound, to open more connections than it
//! was told, and to take what one connection shows for a rule where others contradict it.

mod hold;
mod plan;
mod state;
mod tell;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{mem, thread};

pub use self::hold::{Fate, Poke};
pub use self::plan::{Bounds, Kind, Sample};
pub use self::state::{load, save};
pub use self::tell::{Timers, json, text};

use self::hold::Held;
use crate::line::Stop;
use crate::talk::Script;

/// Pause between two connections of a round.
const STAGGER: Duration = Duration::from_millis(50);
/// Others may end a little later than the first that was ended unasked.
const GRACE: Duration = Duration::from_millis(1_500);
/// Rounds at most: bounds that do not come together are no bounds.
const ROUNDS: usize = 24;

/// Who speaks first after the silence.
#[derive(Clone, Debug)]
pub enum Direction {
    /// The client pokes.
    Client(Poke),
    /// The server was asked to answer after the silence: `{s}` and `{ms}` stand for its length.
    Server(Vec<u8>),
}

impl Direction {
    /// `client` or `server`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Server(_) => "server",
        }
    }
}

/// How the search goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to connect to.
    pub address: SocketAddr,
    /// TLS and the first request, before the silence.
    pub script: Script,
    /// Who speaks first afterwards.
    pub direction: Direction,
    /// The longest silence that is tried.
    pub longest: Duration,
    /// Connections at once.
    pub connections: usize,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// 1-based.
    pub round: usize,
    /// How long this round has lasted.
    pub elapsed: Duration,
    /// How long it lasts at most.
    pub expected: Duration,
    /// Connections held at this moment.
    pub held: usize,
}

/// Searches on from what is known. `learned` is called after each sample, `progress` some times a
/// second.
///
/// # Errors
/// Why there is nothing to hold: the first request failed, nobody listens.
#[inline(never)]
pub fn search(
    options: &Options,
    known: Vec<Sample>,
    learned: &mut dyn FnMut(&[Sample]),
    progress: &mut dyn FnMut(Progress),
    stop: Stop<'_>,
) -> Result<Vec<Sample>, String> {
    let mut samples = known;
    for round in 1..=ROUNDS {
        let silences = Bounds::of(&samples).next(options.longest, options.connections);
        if silences.is_empty() || stop() {
            break;
        }
        play(options, &silences, round, &mut samples, learned, progress, stop)?;
    }
    Ok(samples)
}

fn play(
    options: &Options,
    silences: &[Duration],
    round: usize,
    samples: &mut Vec<Sample>,
    learned: &mut dyn FnMut(&[Sample]),
    progress: &mut dyn FnMut(Progress),
    stop: Stop<'_>,
) -> Result<(), String> {
    let begun = Instant::now();
    let expected = silences.last().copied().unwrap_or_default();
    // Silences longer than this teach nothing any more, ms.
    let cap = AtomicU64::new(u64::MAX);
    let halted = AtomicBool::new(false);
    let ended: Mutex<Vec<Sample>> = Mutex::new(Vec::new());
    let mut failure = None;
    thread::scope(|scope| {
        let (cap, halted, ended) = (&cap, &halted, &ended);
        let mut threads = Vec::new();
        let mut waiting = silences.iter();
        loop {
            if let Some(&silence) = waiting.next() {
                let held = Held {
                    options,
                    silence,
                    cap,
                    halted,
                };
                threads.push(scope.spawn(move || {
                    let sample = held.run();
                    if let Ok(mut ended) = ended.lock() {
                        ended.push(sample);
                    }
                }));
            }
            let news = ended
                .lock()
                .map(|mut ended| mem::take(&mut *ended))
                .unwrap_or_default();
            for sample in news {
                match &sample.fate {
                    Fate::Failed(why) => {
                        failure.get_or_insert_with(|| why.clone());
                        halted.store(true, Ordering::Relaxed);
                    }
                    Fate::Cut => {}
                    fate => {
                        let limit = match fate.kind() {
                            Some(kind) if kind.is_unasked() => sample.silence + sample.silence / 50 + GRACE,
                            Some(_) => sample.silence,
                            None => Duration::MAX,
                        };
                        cap.fetch_min(ms(limit), Ordering::Relaxed);
                        samples.push(sample);
                        learned(samples);
                    }
                }
            }
            let held = threads.iter().filter(|thread| !thread.is_finished()).count();
            let all = waiting.len() == 0;
            progress(Progress {
                round,
                elapsed: begun.elapsed(),
                expected,
                held,
            });
            if stop() {
                halted.store(true, Ordering::Relaxed);
            }
            let nothing_new = ended.lock().is_ok_and(|ended| ended.is_empty());
            if all && held == 0 && nothing_new {
                break;
            }
            thread::sleep(STAGGER);
        }
    });
    // One failure beside others that were held is a limit of the server's, and no end.
    match failure {
        Some(why) if samples.is_empty() => Err(why),
        _ => Ok(()),
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
