//! All connections at once, in bounded memory: resets leave as dossiers when what came after them
//! is known. Refuses to read a clock: time is the capture's own.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::SocketAddr;

use whyreset_evidence::{Coverage, Dossier, Fact, Flow, Roles, Side, Source, Timestamp, What};

use crate::conn::{Connection, Pending};
use crate::half::ms;
use crate::heard::Heard;
use crate::key::{Direction, Key};
use crate::losses::Losses;
use crate::packet::Packet;
use crate::reset::{self, Scene};
use crate::slots::{NOWHERE, Slots};
use crate::trail::{Step, Trail};
use crate::translated::Met;

/// How long after a reset its consequences are watched for, nanoseconds of capture time.
pub const HORIZON_NS: u64 = 2_000_000_000;
/// An ICMP error belongs to a reset this near, milliseconds.
const ICMP_MS: u32 = 1_000;
/// Segments of one connection that a ladder gets.
const LADDER: usize = 12;
/// Segments of all connections that are remembered for ladders and triggers.
const TRAIL: usize = 1 << 16;
/// Resets that are ripe about when the next lot of segments has passed.
const RIPE_NEXT: usize = 16;
/// Connections that are looked through for one reset at most.
const FEW: usize = 4_096;

/// A reset with all that is known of it.
#[derive(Debug)]
pub struct Told {
    /// The dossier: one connection, its one reset.
    pub dossier: Dossier,
    /// Frame of the reset.
    pub frame: u64,
    /// The segments before and at the reset, oldest first.
    pub ladder: Vec<Rung>,
}

/// One segment of a ladder.
#[derive(Clone, Debug)]
pub struct Rung {
    /// When it passed.
    pub at: Timestamp,
    /// Its frame.
    pub frame: u64,
    /// Who sent it.
    pub from: Side,
    /// Its header.
    pub segment: whyreset_evidence::Segment,
}

/// What the table has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// TCP segments.
    pub segments: u64,
    /// Connections.
    pub connections: u64,
    /// Connections that were forgotten to make room.
    pub evicted: u64,
    /// Resets, all of them.
    pub resets: u64,
    /// Resets that only repeat or answer another one.
    pub echoes: u64,
    /// Segments that the capture holds twice.
    pub copies: u64,
    /// Segments whose checksum does not hold.
    pub damaged: u64,
}

/// The flow table.
#[derive(Debug)]
pub struct Table {
    slots: Slots,
    trail: Trail,
    /// When resets are ripe, and the places of their connections.
    due: VecDeque<(u64, usize)>,
    heard: Heard,
    counters: Counters,
    losses: Losses,
    newest: u64,
    /// When the next reset is ripe.
    next_due: u64,
    ladders: bool,
    name: Box<str>,
}

impl Table {
    /// A table of at most so many connections; `name` is the capture's, for citations of more
    /// than one (else empty).
    pub fn new(most: usize, name: &str) -> Self {
        Self {
            slots: Slots::new(most),
            trail: Trail::new(TRAIL),
            due: VecDeque::new(),
            heard: Heard::default(),
            counters: Counters::default(),
            losses: Losses::default(),
            newest: 0,
            next_due: u64::MAX,
            ladders: true,
            name: name.into(),
        }
    }

    /// Whether resets that pass from now on get a ladder.
    pub const fn draw(&mut self, ladders: bool) {
        self.ladders = ladders;
    }

    /// So many connections are to come, about.
    pub fn reserve(&mut self, connections: usize) {
        self.slots.expect(connections);
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        Counters {
            evicted: self.slots.evicted(),
            ..self.counters
        }
    }

    /// A router's ICMP error quoted a segment that `source` had sent, of this number where that was
    /// quoted: it did not come to its receiver.
    pub fn icmp(&mut self, at: u64, source: SocketAddr, destination: SocketAddr, seq: Option<u32>) {
        let (key, direction) = Key::of(source, destination);
        if let Some(connection) = self.slots.find(&key) {
            let last = &connection.sent[direction.index()].last;
            let trigger = connection
                .pending
                .as_ref()
                .and_then(|pending| pending.passed.trigger.as_ref());
            let drew = trigger.map_or(last.seq, |trigger| trigger.segment.seq);
            if seq.is_some_and(|seq| seq != drew) {
                return;
            }
            connection.icmp_ms = ms(at.saturating_sub(connection.first_at)).saturating_add(1);
            if let Some(pending) = &mut connection.pending
                && ms(at.saturating_sub(pending.at)) < ICMP_MS
            {
                let sign = whyreset_evidence::Sign::IcmpBeside;
                if !pending.passed.signs.contains(&sign) {
                    pending.passed.signs.push(sign);
                }
            }
        }
    }

    /// Reads what the next segments of these connections will need, and the resets that are ripe next,
    /// all at once: memory answers many questions in the time of one. Changes nothing but `places`, which
    /// [`Self::add_at`] takes.
    pub fn expect(&self, hashes: &[u32], places: &mut [u32]) {
        let mut touched = self.slots.touch(hashes, places);
        // A reset's own memory is found through its connection: the nearer ones' is asked for.
        for (nth, (_, place)) in self.due.iter().take(2 * RIPE_NEXT).enumerate() {
            let Some(connection) = self.slots.get(*place) else {
                continue;
            };
            touched ^= match &connection.pending {
                Some(pending) if nth < RIPE_NEXT => pending.touch(),
                _ => connection.touch(),
            };
        }
        core::hint::black_box(touched);
    }

    /// The capture lost so many packets shortly before this time; segments that say so themselves need
    /// no such word.
    pub fn lose(&mut self, at: u64, count: u64) {
        self.losses.note(at, count);
    }

    /// Takes one segment; `deliver` gets every reset that is ripe now.
    pub fn add(&mut self, packet: &Packet<'_>, deliver: &mut dyn FnMut(Told)) {
        self.add_at(packet, NOWHERE, deliver);
    }

    /// The same for a segment whose connection was expected at a place.
    #[inline(never)]
    pub fn add_at(&mut self, packet: &Packet<'_>, place: u32, deliver: &mut dyn FnMut(Told)) {
        self.add_in_place(packet, place, deliver);
    }

    /// The same for a loop that does little else.
    #[expect(clippy::inline_always, reason = "a call costs a tenth of its work")]
    #[inline(always)]
    pub fn add_in_place(&mut self, packet: &Packet<'_>, place: u32, deliver: &mut dyn FnMut(Told)) {
        self.counters.segments += 1;
        self.newest = self.newest.max(packet.at);
        if self.newest >= self.next_due {
            self.ripen(self.newest, deliver);
        }
        if packet.lost > 0 {
            self.losses.note(packet.at, packet.lost);
        }
        let direction = packet.direction;
        if let Some(connection) = self.slots.expected(&packet.key, place)
            && connection.predicts(packet, direction)
        {
            connection.trail = self.trail.add(packet, direction, connection.trail);
            connection.take_predicted(packet, direction);
        } else {
            self.add_any(packet, place, deliver);
        }
    }

    /// Takes a segment that nobody has predicted.
    #[inline(never)]
    fn add_any(&mut self, packet: &Packet<'_>, place: u32, deliver: &mut dyn FnMut(Told)) {
        let (key, direction) = (&packet.key, packet.direction);
        let counters = &mut self.counters;
        let (mut lost, mut seen) = (None, false);
        let place = self
            .slots
            .find_or_insert(key, place, direction, packet.at, &mut lost);
        let Some(connection) = self.slots.get_mut(place) else {
            return;
        };
        if connection.is_new(packet, direction) {
            let new = Connection::new(*key, direction, packet.at);
            (lost, seen) = (Some(core::mem::replace(connection, new)), true);
        }
        if connection.trail == 0 {
            counters.connections += u64::from(!connection.told && connection.client.is_none());
        }
        if packet.flags.rst() {
            counters.resets += 1;
            if connection
                .pending
                .as_ref()
                .is_some_and(|pending| pending.is_copy(packet, direction))
            {
                counters.resets -= 1;
                counters.copies += 1;
                connection.copies = connection.copies.saturating_add(1);
            } else if connection.pending.is_some() {
                counters.echoes += 1;
                connection.another(packet, direction);
                connection.trail = self.trail.add(packet, direction, connection.trail);
            } else if connection.told {
                counters.echoes += 1;
            } else {
                let passed = Self::judge_reset(&self.trail, &self.heard, connection, packet, direction);
                connection.trail = self.trail.add(packet, direction, connection.trail);
                let rungs = if self.ladders { LADDER } else { 0 };
                let mut ladder: Vec<Step> = self.trail.back(connection.trail).take(rungs).copied().collect();
                ladder.reverse();
                connection.pending = Some(Box::new(Pending::new(packet, direction, passed, ladder)));
                let due = packet.at.saturating_add(HORIZON_NS);
                if self.due.is_empty() {
                    self.next_due = due;
                }
                self.due.push_back((due, place));
            }
        } else if connection.sent[direction.index()].last.tap.is_damaged(packet) {
            // Its receiver drops it unseen.
            counters.damaged += 1;
        } else if connection.is_copy(packet, direction) {
            counters.copies += 1;
            connection.take_copy(packet, direction);
        } else {
            if packet.flags.syn() && packet.flags.ack() && !connection.sent[direction.index()].passed() {
                self.heard.note(key.end(direction), packet.ttl, packet.at);
            }
            connection.trail = self.trail.add(packet, direction, connection.trail);
            connection.take(packet, direction);
        }
        if let Some(old) = lost {
            self.settle(old, seen, deliver);
        }
    }

    fn judge_reset(
        trail: &Trail,
        heard: &Heard,
        connection: &mut Connection,
        packet: &Packet<'_>,
        direction: Direction,
    ) -> whyreset_evidence::Passed {
        let own = &connection.sent[direction.index()];
        let other = &connection.sent[direction.other().index()];
        let client = connection.client.unwrap_or_else(|| connection.likely_client());
        let scene = Scene {
            own,
            other,
            first_at: connection.first_at,
            from_client: client == direction,
            borrowed_ttl: if own.passed() {
                None
            } else {
                heard.ttl(connection.key.end(direction))
            },
            way: own.last.tap.way(packet, other.last.tap),
            icmp: connection.icmp_ms != 0
                && ms(packet.at.saturating_sub(connection.first_at)).saturating_sub(connection.icmp_ms)
                    < ICMP_MS,
            silence_ms: connection.silence_ms,
            trip_ms: connection.trip_ms(direction),
            stray_syn: connection.stray_syn == Some(direction.other()),
            own_stray_syn: connection.stray_syn == Some(direction),
            other_device: packet.device.is_other(connection.devices[direction.index()]),
        };
        let lately = trail
            .back(connection.trail)
            .take(LADDER)
            .filter(|step| step.direction != direction);
        reset::passed(packet, &scene, lately)
    }

    /// The capture is at its end: everything that waits is told.
    pub fn finish(&mut self, deliver: &mut dyn FnMut(Told)) {
        self.ripen(u64::MAX, deliver);
    }

    /// Tells what is ripe at this time.
    pub fn ripen(&mut self, now: u64, deliver: &mut dyn FnMut(Told)) {
        while let Some((due, place)) = self.due.front().copied() {
            self.next_due = due;
            if due > now {
                return;
            }
            self.due.pop_front();
            let newest = self.newest;
            let (alive, untranslated) = if self.slots.len() <= FEW {
                self.beside(place)
            } else {
                (false, false)
            };
            let Some(connection) = self.slots.get_mut(place) else {
                continue;
            };
            let ripe = connection
                .pending
                .as_ref()
                .is_some_and(|pending| pending.at.saturating_add(HORIZON_NS) == due);
            if ripe && let Some(mut pending) = connection.pending.take() {
                let went_on = newest >= due;
                pending.passed.port_answers |= alive;
                pending.passed.untranslated |= untranslated;
                pending.passed.missing.lost = self.losses.since(connection.first_at);
                let told = tell(connection, pending, went_on, &self.name, &self.heard);
                // A reset without effect is followed by others that count.
                connection.told =
                    !matches!(&told.dossier.passed(), Some((_, passed)) if passed.after.went_on);
                deliver(told);
            }
        }
    }

    /// What the other connections tell of the reset that waits in this one: whether its port went on
    /// with another, and whether what drew it should have borne another address.
    fn beside(&self, place: usize) -> (bool, bool) {
        let Some(connection) = self.slots.get(place) else {
            return (false, false);
        };
        let key = &connection.key;
        let (alive, stray, met) = (refused(connection), stray(connection), Met::of(connection));
        let alive = alive.is_some_and(|(port, at)| self.takes_part(port, at));
        let untranslated = stray.is_some_and(|(end, seq)| self.belongs(key, end, seq))
            || met.is_some_and(|met| self.left_out(key, &met));
        (alive, untranslated)
    }

    /// Whether this port had another connection open when it refused one, and went on with it. Looks
    /// only where that costs little.
    fn takes_part(&self, port: SocketAddr, at: u64) -> bool {
        self.slots.len() <= FEW && self.slots.iter().any(|other| other.served_through(port, at))
    }

    /// Whether a segment to this end is the next one, by its number, of another connection of the same
    /// end. Looks only where that costs little.
    fn belongs(&self, key: &Key, end: SocketAddr, seq: u32) -> bool {
        self.slots.len() <= FEW
            && self
                .slots
                .iter()
                .any(|other| other.key != *key && other.expects(end, seq))
    }

    /// Whether the same connection passed here under another address too, without the segment that was
    /// answered. Looks only where that costs little.
    fn left_out(&self, key: &Key, met: &Met) -> bool {
        self.slots.len() <= FEW
            && self
                .slots
                .iter()
                .any(|other| other.key != *key && met.lacks(other))
    }

    fn settle(&mut self, mut old: Connection, seen: bool, deliver: &mut dyn FnMut(Told)) {
        if let Some(mut pending) = old.pending.take() {
            pending.passed.missing.lost = self.losses.since(old.first_at);
            deliver(tell(&old, pending, seen, &self.name, &self.heard));
        }
    }
}

/// The port that refused this connection, and when.
fn refused(connection: &Connection) -> Option<(SocketAddr, u64)> {
    let pending = connection.pending.as_ref()?;
    let refusal = pending.passed.shape == whyreset_evidence::Shape::Refusal;
    refusal.then(|| (connection.key.addr(pending.from), pending.at))
}

/// The end that answered a segment of a connection it had never taken part in, and that segment's
/// number.
fn stray(connection: &Connection) -> Option<(SocketAddr, u32)> {
    let pending = connection.pending.as_ref()?;
    let trigger = pending.passed.trigger.as_ref()?;
    let never = !pending.passed.own.opened && pending.passed.own.last_ago_ms.is_none();
    never.then(|| (connection.key.addr(pending.from), trigger.segment.seq))
}

fn tell(connection: &Connection, mut pending: Box<Pending>, seen: bool, name: &str, heard: &Heard) -> Told {
    pending.settle(seen);
    let key = &connection.key;
    let client = connection.client.unwrap_or_else(|| connection.likely_client());
    let (at, from) = (key.addr(client), key.addr(client.other()));
    let flow = Flow {
        roles: connection.client.map_or(Roles::Guessed, |_| Roles::Known),
        ..Flow::new(at, from)
    };
    let side = |direction: Direction| {
        if direction == client {
            Side::Client
        } else {
            Side::Server
        }
    };
    let passed = &mut pending.passed;
    passed.port_answers |= heard.took_around(key.end(pending.from), pending.at);
    passed.near = connection.here().map(side).or_else(|| near(connection).map(side));
    let mut cite = String::with_capacity(name.len() + 32);
    let space = if name.is_empty() { "" } else { " " };
    // Nothing can fail there.
    _ = write!(cite, "{name}{space}frame:{}", pending.frame);
    let ladder = pending
        .ladder
        .iter()
        .map(|step| Rung {
            at: Timestamp(step.at),
            frame: step.frame,
            from: side(step.direction),
            segment: step.segment(),
        })
        .collect();
    Told {
        frame: pending.frame,
        ladder,
        dossier: Dossier {
            flow,
            source: Source::Capture,
            netns: None,
            facts: Vec::from([Fact {
                at: Timestamp(pending.at),
                side: Some(side(pending.from)),
                what: What::Passed(Box::new(pending.passed)),
                cite,
            }]),
            coverage: Coverage::default(),
        },
    }
}

/// The end whose segments still have the TTL they started with, where only one's have.
fn near(connection: &Connection) -> Option<Direction> {
    let untouched = |direction: Direction| {
        let sent = &connection.sent[direction.index()];
        sent.passed() && matches!(sent.ttl, (64, 64) | (128, 128) | (255, 255))
    };
    match (untouched(Direction::Low), untouched(Direction::High)) {
        (true, false) => Some(Direction::Low),
        (false, true) => Some(Direction::High),
        _ => None,
    }
}
