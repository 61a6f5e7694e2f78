//! Several captures of the same connections: what each of them saw of a reset. Addresses may differ
//! between them (NAT), clocks do. Refuses to compare times across captures where order decides: it
//! asks who saw a segment, and which capture stands nearer to which end.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use whyreset_evidence::{Join, Side, What};

use crate::key::{Direction, Key};
use crate::packet::{Packet, diff};
use crate::table::Told;

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
    told: bool,
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
        }
    }

    /// The capture's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The capture tells of so many lost packets.
    pub const fn lost(&mut self, count: u64) {
        self.lost = self.lost.saturating_add(count);
    }

    /// Takes one segment.
    pub fn add(&mut self, packet: &Packet<'_>) {
        self.first_at = self.first_at.min(packet.at);
        self.last_at = self.last_at.max(packet.at);
        let (key, direction) = Key::of(packet.source, packet.destination);
        if !self.flows.contains_key(&key) && self.flows.len() >= self.most {
            self.lost += 1;
            return;
        }
        let seen = self.flows.entry(key).or_insert_with(|| Seen {
            client: None,
            isn: [None; 2],
            syn_at: [None; 2],
            last_at: packet.at,
            resets: Vec::new(),
        });
        seen.last_at = seen.last_at.max(packet.at);
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
                told: false,
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

/// What the clocks of two captures say of each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clocks {
    /// What must be added to the first one's times to get the second one's, nanoseconds.
    pub offset_ns: i64,
    /// How far that may be wrong, nanoseconds: half the smallest round trip between the points.
    pub within_ns: i64,
    /// Parts per million by which the second one runs faster, where the captures are long enough.
    pub drift_ppm: Option<f64>,
    /// From so many connections.
    pub connections: usize,
}

/// Compares the clocks of two points by the handshakes that both saw.
pub fn clocks(one: &Point, two: &Point) -> Option<Clocks> {
    /// Shorter captures show no drift.
    const LONG_NS: u64 = 60_000_000_000;
    let mut middles: Vec<(u64, i64, i64)> = Vec::new();
    for (key, seen) in &one.flows {
        let Some(other) = two.same(key, seen).and_then(|key| two.flows.get(&key)) else {
            continue;
        };
        let ([Some(syn), Some(answer)], [Some(other_syn), Some(other_answer)]) = (seen.syn_at, other.syn_at)
        else {
            continue;
        };
        let gap = |late: u64, early: u64| late.cast_signed().wrapping_sub(early.cast_signed());
        let (forth, back) = (gap(other_syn, syn), gap(other_answer, answer));
        // offset + way = forth, offset - way = back, whichever point is nearer to the client.
        let (low, high) = (forth.min(back), forth.max(back));
        middles.push((syn, low.midpoint(high), (high - low) / 2));
    }
    let best = middles.iter().min_by_key(|(_, _, width)| *width)?;
    let (first, last) = (middles.iter().min()?, middles.iter().max()?);
    let span = last.0.saturating_sub(first.0);
    let drift_ppm = (span >= LONG_NS).then(|| {
        #[expect(clippy::cast_precision_loss, reason = "parts per million of seconds")]
        let ppm = (last.1 - first.1) as f64 / span as f64 * 1e6;
        ppm
    });
    Some(Clocks {
        offset_ns: best.1,
        within_ns: best.2,
        drift_ppm,
        connections: middles.len(),
    })
}

/// Joins what the points told: every reset once, with what each other point saw of it.
/// `told[i]` are the resets of `points[i]`.
pub fn join(points: &mut [Point], told: Vec<Vec<Told>>) -> Vec<Told> {
    let mut all = Vec::new();
    for (index, resets) in told.into_iter().enumerate() {
        for one in resets {
            all.push((index, one));
        }
    }
    let mut out = Vec::new();
    for (index, mut one) in all {
        let Some(view) = view(points, index, &one) else {
            out.push(one);
            continue;
        };
        if view.already_told {
            continue;
        }
        for (point, key, place) in &view.copies {
            if let Some(seen) = points[*point].flows.get_mut(key)
                && let Some(reset) = seen.resets.get_mut(*place)
            {
                reset.told = true;
            }
        }
        if let Some(What::Passed(passed)) = one.dossier.facts.first_mut().map(|fact| &mut fact.what) {
            passed.join = view.join;
        }
        one.dossier.facts[0].cite.push_str(&view.cites);
        out.push(one);
    }
    out.sort_by_key(|one| one.dossier.time());
    out
}

struct View {
    join: Join,
    cites: String,
    already_told: bool,
    /// Point, connection and place of every copy of the reset.
    copies: Vec<(usize, Key, usize)>,
}

/// What the other points say of a reset that `index` told.
fn view(points: &[Point], index: usize, one: &Told) -> Option<View> {
    let flow = one.dossier.flow;
    let (fact, passed) = one.dossier.passed()?;
    let (key, _) = Key::of(flow.client, flow.server);
    let here = points[index].flows.get(&key)?;
    let header = &passed.header;
    let from_client = fact.side == Some(Side::Client);
    let mut already_told = false;
    let mut copies = Vec::new();
    // Every point that has the connection: how long it waited for the SYN-ACK, and whether the
    // reset passed there.
    let mut saw: Vec<(usize, Option<u64>, bool, Option<String>)> = Vec::new();
    for (other, point) in points.iter().enumerate() {
        let Some(key) = point.same(&key, here) else {
            continue;
        };
        let Some(seen) = point.flows.get(&key) else {
            continue;
        };
        let shift = |side: usize| match (here.isn[side], seen.isn[side]) {
            (Some(one), Some(two)) => two.wrapping_sub(one),
            _ => 0,
        };
        let own = usize::from(!from_client);
        let (seq, ack) = (
            header.seq.wrapping_add(shift(own)),
            header.ack.wrapping_add(shift(1 - own)),
        );
        let same_way = |reset: &&(usize, &ResetSeen)| {
            seen.bears_client(reset.1.direction).unwrap_or(from_client) == from_client
        };
        let with_ack = header.flags.has(whyreset_evidence::Flags::ACK);
        let resets: Vec<(usize, &ResetSeen)> = seen.resets.iter().enumerate().collect();
        let exact = resets
            .iter()
            .filter(same_way)
            .find(|(_, reset)| reset.seq == seq && (!with_ack || reset.ack == ack));
        let near = resets
            .iter()
            .filter(same_way)
            .find(|(_, reset)| diff(reset.seq, seq).unsigned_abs() < 1 << 20 && other != index);
        let (there, changed) = match (exact, near) {
            (Some((place, reset)), _) => {
                already_told |= reset.told;
                copies.push((other, key, *place));
                let changed = reset.window != header.window
                    || whyreset_evidence::Flags((reset.flags & 0x1f) as u8) != header.flags;
                (
                    true,
                    changed.then(|| format!("window or flags differ at {}", point.name)),
                )
            }
            (None, Some((place, reset))) => {
                already_told |= reset.told;
                copies.push((other, key, *place));
                let what = format!("its numbers differ at {}", point.name);
                (true, Some(what))
            }
            (None, None) => (false, None),
        };
        saw.push((other, seen.wait(), there, changed));
    }
    if saw.len() < 2 {
        return Some(View {
            join: Join::Alone,
            cites: String::new(),
            already_told,
            copies,
        });
    }
    // The client waits longest for its SYN-ACK.
    let nearest = |client: bool| {
        let known = saw
            .iter()
            .filter_map(|(point, wait, there, _)| Some((wait.as_ref()?, *point, *there)));
        if client { known.max() } else { known.min() }
    };
    let cites = cites(points, index, one, &copies);
    let join = match (nearest(from_client), nearest(!from_client)) {
        (Some((_, sender, sent)), Some((_, receiver, arrived))) if sender != receiver => {
            let changed = saw.iter().find_map(|(.., changed)| changed.clone());
            match (sent, arrived) {
                (true, true) => changed.map_or(Join::SentAndArrived, Join::Changed),
                (true, false) => {
                    missing(points, receiver, index, one, &key).map_or(Join::NeverArrived, Join::Undecided)
                }
                (false, true) => {
                    missing(points, sender, index, one, &key).map_or(Join::NeverSent, Join::Undecided)
                }
                (false, false) => Join::Undecided("it passed between the two ends' captures only".into()),
            }
        }
        _ => Join::Undecided(
            "which capture stands at which end cannot be told: no handshake is in both".into(),
        ),
    };
    Some(View {
        join,
        cites,
        already_told,
        copies,
    })
}

/// Why a point's silence about a reset proves nothing; `None` where it does.
fn missing(points: &[Point], at: usize, told_by: usize, one: &Told, key: &Key) -> Option<String> {
    let point = &points[at];
    if point.lost > 0 {
        return Some(format!("{} has {} lost packets", point.name, point.lost));
    }
    let here = points[told_by].flows.get(key)?;
    let there = point.same(key, here).and_then(|key| point.flows.get(&key))?;
    // The offset of the two clocks, as this connection's own handshake tells it.
    let offset = match (here.syn_at, there.syn_at) {
        ([Some(one), _], [Some(two), _]) | ([_, Some(one)], [_, Some(two)]) => {
            two.cast_signed().wrapping_sub(one.cast_signed())
        }
        _ => 0,
    };
    let when = one.dossier.time().0.cast_signed().wrapping_add(offset);
    let margin = there
        .wait()
        .unwrap_or(0)
        .max(here.wait().unwrap_or(0))
        .cast_signed()
        + 1_000_000;
    let covered =
        when - margin >= point.first_at.cast_signed() && when - margin <= point.last_at.cast_signed();
    let alive = when - margin <= there.last_at.cast_signed() || when - margin <= point.last_at.cast_signed();
    (!(covered && alive)).then(|| format!("{} does not reach to that time", point.name))
}

fn cites(points: &[Point], index: usize, one: &Told, copies: &[(usize, Key, usize)]) -> String {
    let others = copies.iter().filter(|(point, ..)| *point != index);
    let mut out = String::new();
    for (point, key, place) in others {
        let at = points[*point]
            .flows
            .get(key)
            .and_then(|seen| Some(seen.resets.get(*place)?.at));
        if let Some(at) = at {
            let seconds = core::time::Duration::from_nanos(at.abs_diff(one.dossier.time().0)).as_secs_f64();
            _ = write!(
                out,
                ", {} ({seconds:.6} s apart by the clocks)",
                points[*point].name
            );
        }
    }
    out
}
