//! How the segments of one end were captured: whether they came in, left or both, and whether some
//! that must have passed are missing. Refuses to take more than a byte of each direction.

use whyreset_evidence::Way;

use crate::packet::Packet;

/// What was met of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tap(u8);

const CAME: u8 = 1;
const LEFT: u8 = 1 << 1;
/// A copy of what came left again with one hop less.
const ROUTED: u8 = 1 << 2;
/// Numbers were passed over, and nothing has filled them so far.
const HOLE: u8 = 1 << 3;
/// The other end has acknowledged what was not captured.
const MISSED: u8 = 1 << 4;
/// The options of its SYN were not captured.
const SYN_CUT: u8 = 1 << 5;
/// Checksums of it hold: what does not is damaged, and not left to a network card or rewritten.
const SOUND: u8 = 1 << 6;
/// A copy of what came left again at once, as far from its start as before.
const BRIDGED: u8 = 1 << 7;

impl Tap {
    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// Notes which way a segment went at the capturing host, where that is marked.
    pub const fn pass(&mut self, outgoing: Option<bool>) {
        if let Some(leaves) = outgoing {
            self.0 |= if leaves { LEFT } else { CAME };
        }
    }

    /// Notes a copy of a segment that was seen with `usual` TTLs before; `at_once` after the last one
    /// that was seen.
    pub const fn copy(&mut self, packet: &Packet<'_>, usual: (u8, u8), at_once: bool) {
        let next = packet.ttl.saturating_add(1);
        if matches!(packet.outgoing, Some(true)) {
            if usual.0 <= next && next <= usual.1 {
                self.0 |= ROUTED;
            } else if at_once && self.comes_in() {
                self.0 |= BRIDGED;
            }
        }
        self.pass(packet.outgoing);
    }

    /// Its numbers go on beyond a hole, or have filled it.
    pub const fn hole(&mut self, open: bool) {
        self.0 = if open { self.0 | HOLE } else { self.0 & !HOLE };
    }

    /// Something of it was acknowledged that was not captured.
    pub const fn miss(&mut self) {
        self.0 |= MISSED;
    }

    /// Its SYN was captured without its options.
    pub const fn cut_syn(&mut self) {
        self.0 |= SYN_CUT;
    }

    /// A checksum of it holds.
    pub const fn hold(&mut self) {
        self.0 |= SOUND;
    }

    /// Whether this segment of it was damaged on its way.
    pub fn is_damaged(self, packet: &Packet<'_>) -> bool {
        packet.sound == Some(false) && self.has(SOUND)
    }

    /// Its segments come in here: it is another host's.
    pub const fn comes_in(self) -> bool {
        self.has(CAME)
    }

    /// Its segments only ever left here: a socket of this host, or a name that this host gives.
    pub const fn only_leaves(self) -> bool {
        self.has(LEFT) && !self.has(CAME)
    }

    /// Its segments came in here and left: copies of both sides may be among them.
    pub const fn is_on_both_sides(self) -> bool {
        self.has(CAME) && self.has(LEFT)
    }

    /// What came of it went on to the next hop.
    pub const fn is_routed(self) -> bool {
        self.has(ROUTED)
    }

    /// What came of it went on, to the next hop or through a bridge.
    pub const fn is_passed_on(self) -> bool {
        self.has(ROUTED | BRIDGED)
    }

    /// Numbers were passed over.
    pub const fn has_hole(self) -> bool {
        self.has(HOLE)
    }

    /// Segments of it passed that were not captured.
    pub const fn has_missed(self) -> bool {
        self.has(MISSED)
    }

    /// The options of its SYN are not known.
    pub const fn is_syn_cut(self) -> bool {
        self.has(SYN_CUT)
    }

    /// Which way a reset in this end's name went that was not seen to come in before: `other` is the
    /// other end's. A lost copy of a forwarded one would have a hop less than it started with.
    pub fn way(self, packet: &Packet<'_>, other: Self) -> Way {
        let fresh = packet.ttl == whyreset_evidence::initial_ttl(packet.ttl);
        match packet.outgoing {
            Some(false) => Way::Came,
            Some(true) if !self.comes_in() => Way::Left,
            Some(true) if fresh && (self.is_routed() || other.is_routed()) => Way::MadeHere,
            Some(true) | None => Way::Untold,
        }
    }
}
