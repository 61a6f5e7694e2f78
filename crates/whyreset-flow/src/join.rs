//! Several captures of the same connections: what each of them saw of a reset. Addresses may differ
//! between them (NAT), clocks do. Refuses to compare times across captures where order decides: it
//! asks who saw a segment, and which capture stands nearer to which end.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use whyreset_evidence::{Way, What};

use crate::key::{Direction, Key};
use crate::packet::Packet;
use crate::table::Told;

mod clocks;
mod course;
mod echo;
mod place;
mod view;

pub use self::clocks::{Clocks, clocks};

use self::course::Course;
use self::view::{View, view};

/// Resets that are kept of one connection.
const MOST_RESETS: usize = 64;

/// A reset as one capture point saw it.
#[derive(Clone, Copy, Debug)]
struct ResetSeen {
    at: u64,
    direction: Direction,
    seq: u32,
    ack: u32,
    flags: u16,
    window: u16,
    /// Segments of its name without a new number that had passed here.
    still: u32,
    /// With which others it was told.
    group: Option<usize>,
}

/// A connection as one capture point saw it.
#[derive(Clone, Debug)]
struct Seen {
    client: Option<Direction>,
    /// Initial numbers of the client and the server.
    isn: [Option<u32>; 2],
    /// When SYN and SYN-ACK passed first.
    syn_at: [Option<u64>; 2],
    last_at: u64,
    /// Smallest and greatest TTL of each direction's ordinary segments.
    ttl: [Option<(u8, u8)>; 2],
    /// How far each direction had come.
    courses: [Course; 2],
    resets: Vec<ResetSeen>,
}

/// What one capture point saw, in bounded memory.
#[derive(Debug)]
pub struct Point {
    name: String,
    flows: BTreeMap<Key, Seen>,
    by_isn: BTreeMap<(u32, u32), Key>,
    most: usize,
    first_at: u64,
    last_at: u64,
    /// Losses that the capture itself tells of, or connections that had no room here.
    lost: u64,
    /// Its numbers show that it lacks segments of its connections, once all of it was taken.
    lossy: bool,
}

impl Point {
    /// A point of at most so many connections.
    pub fn new(name: &str, most: usize) -> Self {
        Self {
            name: name.into(),
            flows: BTreeMap::new(),
            by_isn: BTreeMap::new(),
            most,
            first_at: u64::MAX,
            last_at: 0,
            lost: 0,
            lossy: false,
        }
    }

    /// Whether one of so many connections that it has from their beginning lacks segments: a reset may
    /// be missing as often.
    fn is_lossy(&self) -> bool {
        const ONE_OF: usize = 200;
        let whole = || {
            self.flows
                .values()
                .filter(|seen| seen.isn.iter().all(Option::is_some))
        };
        let lacking = whole()
            .filter(|seen| seen.courses.iter().any(Course::lacks))
            .count();
        lacking * ONE_OF > whole().count()
    }

    /// The capture's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The capture tells of so many lost packets.
    pub const fn lost(&mut self, count: u64) {
        self.lost = self.lost.saturating_add(count);
    }

    /// A frame of whatever kind was captured at this time: the capture reaches so far.
    pub fn reach(&mut self, at: u64) {
        self.first_at = self.first_at.min(at);
        self.last_at = self.last_at.max(at);
    }

    /// Takes one segment.
    pub fn add(&mut self, packet: &Packet<'_>) {
        self.reach(packet.at);
        let (key, direction) = (packet.key, packet.direction);
        if !self.flows.contains_key(&key) && self.flows.len() >= self.most {
            self.lost += 1;
            return;
        }
        let seen = self.flows.entry(key).or_insert_with(|| Seen {
            client: None,
            isn: [None; 2],
            syn_at: [None; 2],
            last_at: packet.at,
            ttl: [None; 2],
            courses: [Course::default(); 2],
            resets: Vec::new(),
        });
        seen.last_at = seen.last_at.max(packet.at);
        if !packet.flags.rst() {
            let ttl = &mut seen.ttl[direction.index()];
            let (low, high) = ttl.unwrap_or((packet.ttl, packet.ttl));
            *ttl = Some((low.min(packet.ttl), high.max(packet.ttl)));
            let [low, high] = &mut seen.courses;
            match direction {
                Direction::Low => low.take(high, packet),
                Direction::High => high.take(low, packet),
            }
        }
        if packet.flags.syn() {
            let server = usize::from(packet.flags.ack());
            seen.client.get_or_insert(if packet.flags.ack() {
                direction.other()
            } else {
                direction
            });
            if seen.isn[server] != Some(packet.seq) {
                seen.isn[server] = Some(packet.seq);
                seen.syn_at[server] = Some(packet.at);
            }
            if let [Some(client), Some(server)] = seen.isn {
                self.by_isn.insert((client, server), key);
            }
        }
        if packet.flags.rst() && seen.resets.len() < MOST_RESETS {
            seen.resets.push(ResetSeen {
                at: packet.at,
                direction,
                seq: packet.seq,
                ack: packet.ack,
                flags: packet.flags.0,
                window: packet.window,
                still: seen.courses[direction.index()].still(),
                group: None,
            });
        }
    }

    /// The same connection as another point saw it: by its addresses, else by its numbers.
    fn same(&self, key: &Key, seen: &Seen) -> Option<Key> {
        if self.flows.contains_key(key) {
            return Some(*key);
        }
        match seen.isn {
            [Some(client), Some(server)] => self.by_isn.get(&(client, server)).copied(),
            _ => None,
        }
    }
}

impl Seen {
    /// Time from SYN to SYN-ACK as seen here, longest at the client.
    fn wait(&self) -> Option<u64> {
        match self.syn_at {
            [Some(syn), Some(answer)] => answer.checked_sub(syn),
            _ => None,
        }
    }

    /// Whether the sender of a reset in this direction is the client.
    fn bears_client(&self, direction: Direction) -> Option<bool> {
        self.client.map(|client| client == direction)
    }
}

/// Joins what the points told: every reset once, as the place told it that stands nearest to its
/// sender and saw its connection from the beginning, with what each other place saw of it.
/// `told[i]` are the resets of `points[i]`.
pub fn join(points: &mut [Point], told: Vec<Vec<Told>>) -> Vec<Told> {
    for point in points.iter_mut() {
        point.lossy = point.is_lossy();
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut out = Vec::new();
    for (index, resets) in told.into_iter().enumerate() {
        for one in resets {
            let Some(view) = view(points, index, &one) else {
                out.push(one);
                continue;
            };
            let name = view.group.unwrap_or(groups.len());
            for (point, key, place) in &view.copies {
                if let Some(seen) = points[*point].flows.get_mut(key)
                    && let Some(reset) = seen.resets.get_mut(*place)
                {
                    reset.group = Some(name);
                }
            }
            match groups.get_mut(name) {
                Some(group) => group.take(one, view),
                None => groups.push(Group::new(one, view)),
            }
        }
    }
    out.extend(groups.into_iter().map(Group::tell));
    out.sort_by_key(|one| one.dossier.time());
    out
}

/// One reset, as several places told it.
struct Group {
    best: Told,
    view: View,
    /// At one place at least it bore another link-layer address than its name's segments.
    other_device: bool,
    port_answers: bool,
    untranslated: bool,
}

impl Group {
    fn new(one: Told, view: View) -> Self {
        let mut group = Self {
            best: one,
            view,
            other_device: false,
            port_answers: false,
            untranslated: false,
        };
        if let Some((_, passed)) = group.best.dossier.passed() {
            let (device, port, address) = (passed.other_device, passed.port_answers, passed.untranslated);
            group.note(device, port, address);
        }
        group
    }

    fn note(&mut self, other_device: Option<bool>, port_answers: bool, untranslated: bool) {
        self.other_device |= other_device == Some(true);
        self.port_answers |= port_answers;
        self.untranslated |= untranslated;
    }

    fn take(&mut self, one: Told, view: View) {
        let Some((_, passed)) = one.dossier.passed() else {
            return;
        };
        self.note(passed.other_device, passed.port_answers, passed.untranslated);
        let rank = |one: &Told| {
            let passed = one.dossier.passed().map(|(_, passed)| passed);
            passed.map(|passed| {
                let known = u8::from(passed.own.opened) + u8::from(passed.other.opened);
                (known, passed.way == Way::MadeHere)
            })
        };
        let nearer = place::to_sender(&view.here, &self.view.here, view.from_client);
        let first = self.view.is_echo.cmp(&view.is_echo);
        if first.then(rank(&one).cmp(&rank(&self.best))).then(nearer).is_gt() {
            (self.best, self.view) = (one, view);
        }
    }

    fn tell(mut self) -> Told {
        if let Some(fact) = self.best.dossier.facts.first_mut() {
            fact.cite.push_str(&self.view.cites);
            if let What::Passed(passed) = &mut fact.what {
                passed.join = self.view.join;
                passed.port_answers |= self.port_answers;
                passed.untranslated |= self.untranslated;
                passed.translated = self.view.translated;
                passed.name_went_on = self.view.name_went_on;
                match self.view.stranger {
                    Some(false) => passed.missing.gaps = true,
                    Some(true) => passed.other_device = Some(true),
                    None if self.other_device => passed.other_device = Some(true),
                    None => {}
                }
            }
        }
        self.best
    }
}
