//! The way of a segment through a chain and those that it leads to. Refuses to go round in circles.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use whyreset_evidence::{Rule as Told, Ruled};

use super::Dropped;
use super::tri::Tri;

/// Chains within chains at most, as the kernel allows (`NFT_JUMP_STACK_SIZE`).
pub(super) const DEPTH: usize = 16;
/// Rules that are asked at most, so that a ruleset made to be slow is not.
const STEPS: usize = 2_000_000;
/// Rules of one kind that are told.
const TOLD: usize = 64;

/// What asks a segment something.
pub(super) type Question = Box<dyn Fn(&Dropped) -> Tri + Send + Sync>;

/// Rules in their order.
#[derive(Clone, Default)]
pub(super) struct Chain {
    pub(super) rules: Arc<Vec<Rule>>,
    /// For a base chain whose policy is to drop: how that is told.
    pub(super) drops_the_rest: Option<String>,
}

/// One rule.
pub(super) struct Rule {
    /// As it is told.
    pub(super) text: String,
    /// All must hold.
    pub(super) asks: Vec<Question>,
    pub(super) verdict: Verdict,
    /// Packets that it has counted.
    pub(super) packets: Option<u64>,
}

/// What a rule does with a segment that it meets.
#[derive(Default)]
pub(super) enum Verdict {
    /// Goes on to the next rule.
    #[default]
    Continue,
    /// Ends the hook, and the segment lives.
    Accept,
    /// Drops it in silence.
    Drop,
    /// Answers with a reset.
    Reset,
    /// Answers with a reset, or with something else: it is not told which.
    PerhapsReset,
    /// Answers with something else.
    Refuse,
    /// Back to the chain before.
    Return,
    /// To another chain, and back.
    Jump(Chain),
    /// To another chain, and not back.
    Goto(Chain),
    /// Each way in turn: a map of verdicts. The way is taken for which the question holds.
    Choose(Vec<(Question, Verdict)>),
    /// Not understood: it may do anything.
    Unknown,
}

/// What was met.
#[derive(Default)]
pub(super) struct Found {
    resets: Vec<Told>,
    drops: Vec<Told>,
    whole: bool,
    steps: usize,
    /// Rules that surely met it.
    sure: usize,
}

impl Found {
    /// Nothing yet; `whole` says that all rules were read.
    pub(super) fn new(whole: bool) -> Self {
        Self {
            whole,
            ..Self::default()
        }
    }

    pub(super) fn ruled(self) -> Ruled {
        Ruled {
            resets: self.resets,
            drops: self.drops,
            whole: self.whole && self.steps < STEPS,
        }
    }

    fn note(&mut self, reset: bool, (text, packets): (&str, Option<u64>), met: Tri) {
        self.sure += usize::from(met == Tri::Yes);
        let list = if reset { &mut self.resets } else { &mut self.drops };
        if list.len() < TOLD {
            list.push(Told {
                text: text.to_owned(),
                surely: met == Tri::Yes,
                packets,
            });
        } else {
            self.whole = false;
        }
    }
}

impl Chain {
    /// From its first rule to its policy, for a segment that it is called for as `here` says; whether the
    /// segment surely ended here.
    pub(super) fn walk(&self, dropped: &Dropped, here: Tri, found: &mut Found) -> bool {
        let before = found.sure;
        let left = self.pass(dropped, here, found, 0);
        if let Some(policy) = self.drops_the_rest.as_ref().filter(|_| left != Tri::No) {
            found.note(false, (policy, None), left);
        }
        found.sure > before
    }

    /// What its rules have counted, and those that it leads to.
    pub(super) fn count(&self, counters: &mut HashMap<String, u64>, seen: &mut HashSet<usize>) {
        // Chains are shared: each is gone through once.
        if !seen.insert(Arc::as_ptr(&self.rules).addr()) {
            return;
        }
        for rule in self.rules.iter() {
            if let Some(packets) = rule.packets {
                counters.insert(rule.text.clone(), packets);
            }
            rule.verdict.count(counters, seen);
        }
    }

    /// Whether the segment comes out of it again, having come in as `here` says.
    fn pass(&self, dropped: &Dropped, mut here: Tri, found: &mut Found, depth: usize) -> Tri {
        if depth > DEPTH {
            found.whole = false;
            return Tri::Perhaps;
        }
        let mut returned = Tri::No;
        for rule in self.rules.iter() {
            if here == Tri::No {
                break;
            }
            found.steps += 1;
            if found.steps >= STEPS {
                return Tri::Perhaps;
            }
            let mut met = here;
            for ask in &rule.asks {
                met = met.and(ask(dropped));
                if met == Tri::No {
                    break;
                }
            }
            if met != Tri::No {
                here = rule.verdict.act(
                    (&rule.text, rule.packets),
                    dropped,
                    (here, met),
                    found,
                    depth,
                    &mut returned,
                );
            }
        }
        here.or(returned)
    }
}

impl Verdict {
    fn count(&self, counters: &mut HashMap<String, u64>, seen: &mut HashSet<usize>) {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => chain.count(counters, seen),
            Self::Choose(ways) => ways.iter().for_each(|(_, verdict)| verdict.count(counters, seen)),
            _ => {}
        }
    }

    /// Whether the segment goes on to the next rule, having come here and met the rule as `at` says.
    fn act(
        &self,
        text: (&str, Option<u64>),
        dropped: &Dropped,
        at: (Tri, Tri),
        found: &mut Found,
        depth: usize,
        returned: &mut Tri,
    ) -> Tri {
        let (here, met) = at;
        // What was met for certain is taken out of the way.
        let after = if met == Tri::Yes {
            Tri::No
        } else {
            here.and(Tri::Perhaps)
        };
        match self {
            Self::Continue => here,
            Self::Accept => after,
            Self::Drop | Self::Refuse => {
                found.note(false, text, met);
                after
            }
            Self::Reset => {
                found.note(true, text, met);
                after
            }
            Self::PerhapsReset => {
                found.note(true, text, met.and(Tri::Perhaps));
                after
            }
            Self::Return => {
                *returned = returned.or(met);
                after
            }
            Self::Jump(chain) => {
                let out = chain.pass(dropped, met, found, depth + 1);
                if met == Tri::Yes {
                    out
                } else {
                    here.and(Tri::Perhaps)
                }
            }
            Self::Goto(chain) => {
                let out = chain.pass(dropped, met, found, depth + 1);
                *returned = returned.or(out);
                after
            }
            Self::Choose(ways) => {
                let mut left = met;
                let mut on = if met == Tri::Yes { Tri::No } else { here };
                for (question, verdict) in ways {
                    let taken = left.and(question(dropped));
                    if taken != Tri::No {
                        let out = verdict.act(text, dropped, (taken, taken), found, depth, returned);
                        on = on.or(out);
                    }
                    if taken == Tri::Yes {
                        left = Tri::No;
                        break;
                    }
                }
                on.or(left)
            }
            Self::Unknown => {
                found.whole = false;
                here.and(Tri::Perhaps)
            }
        }
    }
}
