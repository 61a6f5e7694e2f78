//! Silences after which connections were reset, over a whole capture or watch: equal ones are a timer's.
//! Refuses to call short pauses silences, and to keep more than a bounded sample.

use alloc::vec::Vec;

use whyreset_evidence::{Alike, Dossier, Fact, Side, What};

use crate::key::End;
use crate::known::Known;

/// A pause shorter than this is no silence, milliseconds.
const SHORTEST_MS: u64 = 5_000;
/// Two silences are one timer's where they differ by this at most, or by a fiftieth.
const SPREAD_MS: u64 = 1_000;
const FIFTIETH: u64 = 50;
/// Silences that are sorted at once.
const TOGETHER: usize = 256;
/// Ends that are kept apart, and silences of each.
const MOST_ENDS: usize = 4_096;
const MOST_SILENCES: usize = 4_096;

/// The silences that were met so far, by the server of a connection: before resets of the client and of
/// the server.
#[derive(Debug)]
pub struct Silences {
    ends: Known<[Met; 2]>,
    /// Those that are not sorted by their ends yet.
    fresh: Vec<(End, Side, u64)>,
}

impl Default for Silences {
    fn default() -> Self {
        Self {
            ends: Known::new(MOST_ENDS),
            fresh: Vec::new(),
        }
    }
}

/// The silences before the resets of one end.
#[derive(Debug, Default)]
struct Met {
    /// How many, short ones too.
    count: usize,
    /// Those that may be a timer's.
    long: Vec<u64>,
}

impl Silences {
    /// Notes the silence before a reset.
    pub fn note(&mut self, dossier: &Dossier) {
        self.fresh.extend(of(dossier));
        if self.fresh.len() >= TOGETHER {
            self.sort();
        }
    }

    /// Sorts the fresh ones by their ends, one right behind the other: memory answers many questions in the
    /// time of one.
    fn sort(&mut self) {
        for (server, side, silence) in self.fresh.drain(..) {
            let Some(met) = self.ends.entry(server, Default::default) else {
                continue;
            };
            let met = &mut met[side as usize];
            if met.count < MOST_SILENCES {
                met.count += 1;
                // None that is compared differs by more from a shorter one.
                if silence >= SHORTEST_MS - SPREAD_MS {
                    met.long.push(silence);
                }
            }
        }
    }

    /// Tells a dossier how many others were reset after the same silence.
    pub fn tell(&mut self, dossier: &mut Dossier) {
        self.sort();
        let Some((server, side, silence)) = of(dossier).filter(|(.., silence)| *silence >= SHORTEST_MS)
        else {
            return;
        };
        let Some(met) = self.ends.get(server).map(|met| &met[side as usize]) else {
            return;
        };
        let within = SPREAD_MS.max(silence / FIFTIETH);
        let alike = met.long.iter().filter(|other| other.abs_diff(silence) <= within);
        let spread = alike
            .clone()
            .map(|other| other.abs_diff(silence))
            .max()
            .unwrap_or(0);
        let told = Alike {
            count: u32::try_from(alike.count()).unwrap_or(u32::MAX),
            of: u32::try_from(met.count).unwrap_or(u32::MAX),
            silence_ms: silence,
            spread_ms: spread,
        };
        let mut passed = dossier.facts.iter_mut().filter_map(|fact| match &mut fact.what {
            What::Passed(passed) => Some(passed),
            _ => None,
        });
        if let Some(passed) = passed.next() {
            passed.silence = Some(told);
        } else {
            let what = What::Alike(told);
            dossier.facts.push(Fact {
                at: dossier.time(),
                side: None,
                cite: what.kernel_cite(),
                what,
            });
        }
    }
}

/// The server and the end that reset, with the silence before it.
fn of(dossier: &Dossier) -> Option<(End, Side, u64)> {
    let server = End::of(dossier.flow.server);
    Some((server, dossier.from()?, dossier.silence_ms()?))
}
