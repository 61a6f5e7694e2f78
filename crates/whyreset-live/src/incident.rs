//! The events of one reset folded into one dossier: both ends where both are on this host, the
//! error that follows, and the resets that only react. Pure: time arrives as data.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use whyreset_evidence::{Coverage, Dossier, Errno, Fact, Flow, Process, Roles, Side, Source, TcpState, What};

use crate::facts::Told;

/// How long an incident waits for the other end's events and the error that follows.
pub const HOLD: Duration = Duration::from_millis(60);
/// How much longer one waits that knows of a reset received and not of one sent: the sender may be on
/// this host behind a slow virtual link, or go on as if nothing had happened.
const LONGER: Duration = Duration::from_millis(190);

/// Incidents open at once at most; beyond that the oldest are handed over early.
const OPEN_AT_MOST: usize = 4_096;

/// The two ends in an order that does not depend on who looked.
type Key = (SocketAddr, SocketAddr);

fn key(flow: &Flow) -> Key {
    let (a, b) = (flow.client, flow.server);
    if a <= b { (a, b) } else { (b, a) }
}

struct Incident {
    opened: Duration,
    flow: Flow,
    netns: u32,
    facts: Vec<(u64, Fact)>,
    watched: [bool; 2],
    /// Per socket: who was running when it sent, should the error prove an abort.
    candidates: Vec<(u64, Process)>,
}

/// What all dossiers of this watch have in common.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    pub coverage: Coverage,
}

/// The open incidents.
#[derive(Default)]
pub struct Incidents {
    open: HashMap<Key, Incident>,
    /// In order of opening; keys that are gone are skipped.
    queue: VecDeque<Key>,
    /// Those that wait longer, in order of opening.
    late: VecDeque<Key>,
    /// Resets that only repeated a known one.
    pub echoes: u64,
}

impl Incidents {
    /// Takes what one event told at monotonic time `now`.
    pub fn add(&mut self, now: Duration, netns: u32, told: Told) {
        let key = key(&told.flow);
        if told.echo {
            // The connection's end has its verdict, or has it in the making.
            self.echoes += 1;
            if let Some(incident) = self.open.get_mut(&key) {
                incident.hear_on(&told);
            }
            return;
        }
        let incident = self.open.entry(key).or_insert_with(|| {
            self.queue.push_back(key);
            Incident {
                opened: now,
                flow: told.flow,
                netns,
                facts: Vec::new(),
                watched: [false; 2],
                candidates: Vec::new(),
            }
        });
        incident.take(told);
    }

    /// Whether any incident still waits.
    pub fn any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Hands over every incident that has waited long enough at `now`; all of them where `now` is
    /// `None`.
    pub fn mature(
        &mut self,
        now: Option<Duration>,
        setting: &Setting,
        deliver: &mut dyn FnMut(Dossier) -> bool,
    ) {
        while let Some(key) = self.due(now) {
            let Some(incident) = self.open.remove(&key) else {
                continue;
            };
            if let Some(dossier) = incident.close(setting)
                && !deliver(dossier)
            {
                return;
            }
        }
    }

    /// The next incident that has waited long enough.
    fn due(&mut self, now: Option<Duration>) -> Option<Key> {
        let crowded = self.open.len() > OPEN_AT_MOST;
        let waited = |key: &Key, open: &HashMap<Key, Incident>, span| match (open.get(key), now) {
            (None, _) | (Some(_), None) => true,
            (Some(incident), Some(now)) => crowded || now.saturating_sub(incident.opened) >= span,
        };
        if self
            .late
            .front()
            .is_some_and(|key| waited(key, &self.open, HOLD + LONGER))
        {
            return self.late.pop_front();
        }
        while self
            .queue
            .front()
            .is_some_and(|key| waited(key, &self.open, HOLD))
        {
            let key = self.queue.pop_front()?;
            let one_sided = self.open.get(&key).is_some_and(Incident::is_one_sided);
            if !one_sided || crowded || now.is_none() {
                return Some(key);
            }
            self.late.push_back(key);
        }
        None
    }
}

impl Incident {
    /// A reset was received here, and none was seen to be sent.
    fn is_one_sided(&self) -> bool {
        let mut received = false;
        for (_, fact) in &self.facts {
            match &fact.what {
                What::Sent(_) => return false,
                What::Received(_) => received = true,
                _ => {}
            }
        }
        received
    }

    fn take(&mut self, told: Told) {
        let Told {
            flow,
            side,
            facts,
            sk,
            candidate,
            ..
        } = told;
        let local = flow.addr(side);
        // A known orientation corrects a guess, also of facts that are already here.
        if self.flow.roles == Roles::Guessed && flow.roles == Roles::Known && flow.client != self.flow.client
        {
            for (_, fact) in &mut self.facts {
                fact.side = fact.side.map(Side::other);
            }
            self.watched.swap(0, 1);
            self.flow = flow;
        } else if flow.roles == Roles::Known {
            self.flow.roles = Roles::Known;
        }
        let side = self.flow.side_of(local).unwrap_or(side);
        let flipped = self.flow.client != flow.client;
        self.watched[index(side)] = true;
        for mut fact in facts {
            if flipped {
                fact.side = fact.side.map(Side::other);
            }
            // A tombstone of the other end was written on this host, or its socket was found here:
            // that end is watched too.
            if let Some(at) = fact.side {
                self.watched[index(at)] = true;
            }
            if let What::Sent(sent) = &fact.what
                && sent.trigger.is_some()
            {
                self.forget_own_reset(sk);
            }
            if !self.facts.iter().any(|(_, known)| *known == fact) {
                self.facts.push((sk, fact));
            }
        }
        if let Some(process) = candidate {
            self.candidates.push((sk, process));
        }
    }

    /// A stray answer tells that the other end sends on. Data that begins where the reset was taken
    /// was never sent by who sent that reset.
    fn hear_on(&mut self, told: &Told) {
        let side = self.flow.side_of(told.flow.addr(told.side)).unwrap_or(told.side);
        let hit = self.facts.iter().find_map(|(_, fact)| match &fact.what {
            What::Received(received) if received.accepted && fact.side == Some(side) => {
                received.socket.as_ref()?.rcv_nxt
            }
            _ => None,
        });
        let drew = told.facts.first().and_then(|fact| match &fact.what {
            What::Sent(sent) => Some((fact, sent.trigger.as_ref()?)),
            _ => None,
        });
        if let (Some(next), Some((fact, segment))) = (hit, drew)
            && segment.len > 0
            && segment.seq.wrapping_sub(next).cast_signed() >= 0
        {
            self.facts.push((
                0,
                Fact {
                    at: fact.at,
                    side: Some(side.other()),
                    cite: fact.cite.clone(),
                    what: What::WentOn(segment.clone()),
                },
            ));
        }
    }

    /// `tcp_receive_reset` also fires where no reset was received: data on a closed socket makes
    /// the kernel reset its own socket before it answers.
    fn forget_own_reset(&mut self, sk: u64) {
        if sk == 0 {
            return;
        }
        self.facts.retain(|(at, fact)| {
            let own = match &fact.what {
                What::Received(received) => received.socket.as_ref().is_some_and(|socket| {
                    socket.shutdown.receive()
                        && (socket.state.after_own_fin() || socket.state == TcpState::CloseWait)
                }),
                _ => false,
            };
            !(*at == sk && own)
        });
    }

    fn close(mut self, setting: &Setting) -> Option<Dossier> {
        self.name_the_aborter();
        for side in [Side::Client, Side::Server] {
            // Both ends of a loopback connection are on this host.
            self.watched[index(side)] |= self.flow.addr(side).ip().is_loopback();
        }
        let mut facts: Vec<Fact> = self.facts.into_iter().map(|(_, fact)| fact).collect();
        facts.sort_by_key(|fact| fact.at);
        if !worth_a_verdict(&facts) {
            return None;
        }
        let coverage = Coverage {
            client: self.watched[0],
            server: self.watched[1],
            ..setting.coverage.clone()
        };
        Some(Dossier {
            flow: self.flow,
            source: Source::Live,
            netns: (self.netns != 0).then_some(self.netns),
            facts,
            coverage,
        })
    }

    /// `tcp_abort()` sends for a socket in its real state, as timers do; the error that follows
    /// tells them apart, and only an abort has a process behind it.
    fn name_the_aborter(&mut self) {
        let aborted: Vec<u64> = self
            .facts
            .iter()
            .filter(|(_, fact)| matches!(fact.what, What::Errored(Errno::ConnAborted)))
            .map(|(sk, _)| *sk)
            .collect();
        for (sk, fact) in &mut self.facts {
            if let What::Sent(sent) = &mut fact.what
                && sent.trigger.is_none()
                && sent.actor.is_none()
                && aborted.contains(sk)
            {
                sent.actor = self
                    .candidates
                    .iter()
                    .find(|(at, _)| at == sk)
                    .map(|(_, process)| process.clone());
            }
        }
    }
}

/// A reset that came or went, or a connection that timed out under somebody's hands.
fn worth_a_verdict(facts: &[Fact]) -> bool {
    facts.iter().any(|fact| {
        matches!(
            fact.what,
            What::Sent(_) | What::Received(_) | What::Errored(Errno::TimedOut)
        )
    })
}

const fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
