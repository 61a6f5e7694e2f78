//! Which hop answers with the RST? SYNs, and the first data of established connections, with a TTL
//! that ends a little farther each time; what comes back tells who stands where. Needs
//! CAP_NET_RAW. Refuses to send to anything but the target, faster than thirty a second, or
//! farther than its bound.

mod change;
mod conclude;
mod filter;
mod probe;
mod tap;
mod tell;

use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

pub use self::change::Change;
pub use self::conclude::{Baseline, Found, Ttl};
pub use self::probe::Answer;
pub use self::tap::Shape;
pub use self::tell::{json, text};

use self::probe::What;
use self::tap::Tap;
use crate::line::Stop;
use crate::outcome::End;

/// From one segment to the next at least.
const PACE: Duration = Duration::from_millis(35);
/// How often each is repeated: paths vary, and segments are lost.
const REPEATS: u8 = 2;
/// Hops in a row without a word, after which nothing more is expected.
const SILENT: usize = 6;
/// Behind the endpoint: a TTL that is copied shows by growing.
const BEYOND: u8 = 4;

/// How far, and with what.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to.
    pub address: SocketAddr,
    /// Hops at most.
    pub farthest: u8,
    /// The first data, where any is to be sent.
    pub data: Option<Vec<u8>>,
}

/// What came back for one TTL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The TTL with which it was sent.
    pub ttl: u8,
    /// Everything that came back, each once.
    pub answers: Vec<Answer>,
    /// How often it was tried.
    pub tries: u8,
}

impl Hop {
    /// The router that said that the TTL was used up.
    pub fn router(&self) -> Option<IpAddr> {
        self.answers.iter().find_map(|answer| match answer {
            Answer::Expired { from, .. } => Some(*from),
            _ => None,
        })
    }

    /// The RST.
    pub fn reset(&self) -> Option<&Shape> {
        self.answers.iter().find_map(|answer| match answer {
            Answer::Reset(shape) => Some(shape),
            _ => None,
        })
    }

    /// Whether the endpoint itself answered.
    pub fn reached(&self) -> bool {
        self.answers
            .iter()
            .any(|answer| matches!(answer, Answer::SynAck(_) | Answer::Taken(_)))
    }
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Answers to SYNs.
    pub syn: Vec<Hop>,
    /// Answers to data.
    pub data: Vec<Hop>,
    /// What the endpoint's own segments look like.
    pub baseline: Baseline,
    /// Who resets SYNs.
    pub resets_syn: Option<Found>,
    /// Who resets data.
    pub resets_data: Option<Found>,
    /// Why no data was sent, where some was to be.
    pub no_data: Option<&'static str>,
    /// Told to stop before the end.
    pub stopped: bool,
}

/// Traces. `progress` hears of each TTL before it is tried.
///
/// # Errors
/// CAP_NET_RAW is missing, or this host cannot send.
#[inline(never)]
pub fn trace(options: &Options, progress: &mut dyn FnMut(u8), stop: Stop<'_>) -> Result<Traced, String> {
    let tap = Tap::open(options.address)?;
    let mut syn = Vec::new();
    walk(&tap, options, What::Syn, None, &mut syn, progress, stop)?;
    let distance = syn.iter().find(|hop| hop.reached()).map(|hop| hop.ttl);
    let syn_ack = syn
        .iter()
        .flat_map(|hop| &hop.answers)
        .find_map(|answer| match answer {
            Answer::SynAck(shape) => Some(shape.clone()),
            _ => None,
        });
    let baseline = Baseline { syn_ack, distance };
    let mut data = Vec::new();
    let mut no_data = None;
    if let Some(bytes) = &options.data {
        if distance.is_some() {
            walk(
                &tap,
                options,
                What::Data(bytes),
                distance,
                &mut data,
                progress,
                stop,
            )?;
        } else {
            no_data = Some("no connection was established");
        }
    }
    Ok(Traced {
        resets_syn: conclude::conclude(&syn, true, &baseline),
        resets_data: conclude::conclude(&data, false, &baseline),
        syn,
        data,
        baseline,
        no_data,
        stopped: stop(),
    })
}

/// One TTL after the other.
fn walk(
    tap: &Tap,
    options: &Options,
    what: What<'_>,
    distance: Option<u8>,
    hops: &mut Vec<Hop>,
    progress: &mut dyn FnMut(u8),
    stop: Stop<'_>,
) -> Result<(), String> {
    let mut left = None;
    for ttl in 1..=options.farthest {
        progress(ttl);
        let mut hop = Hop {
            ttl,
            answers: Vec::new(),
            tries: 0,
        };
        for _ in 0..REPEATS {
            if stop() {
                return Ok(());
            }
            let begun = Instant::now();
            hop.tries += 1;
            match probe::send(tap, options.address, what, ttl, stop) {
                Ok(answers) => {
                    for answer in answers {
                        if !hop.answers.contains(&answer) {
                            hop.answers.push(answer);
                        }
                    }
                }
                Err(End::Failed(why)) => return Err(format!("cannot send to {}: {why}", options.address)),
                // The connection for the data did not come about this time.
                Err(_) => {}
            }
            thread::sleep(PACE.saturating_sub(begun.elapsed()));
        }
        let ends = hop.reached() || hop.reset().is_some() && distance.is_none();
        hops.push(hop);
        let silent = hops.iter().rev().take_while(|hop| hop.answers.is_empty()).count();
        if silent >= SILENT {
            break;
        }
        if ends || distance.is_some_and(|distance| ttl >= distance) {
            let more = left.get_or_insert(BEYOND);
            if *more == 0 {
                break;
            }
            *more -= 1;
        }
    }
    Ok(())
}
