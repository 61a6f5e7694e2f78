//! What a capture point itself does to all of a trace: its clock is set, its snaplen cuts frames, its
//! mirror port or router shows each of them twice. Refuses to lose anything: that is the trace's part.

use whyreset_flow::Options;

use crate::trace::{Dice, Frame, What};

/// A second, nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// One way of wearing a whole capture, and its name for messages.
#[derive(Clone, Copy, Debug)]
pub enum Wear {
    /// From a frame on the clock is ahead (or behind) by this many nanoseconds.
    Clock(i64),
    /// Frames keep so many bytes of options and payload.
    Snaplen(usize),
    /// Both directions of a mirror port: each frame twice within microseconds.
    Mirror,
    /// Both sides of a router: each frame before and behind its hop.
    Router,
}

/// Every kind, in several sizes. A clock that is set ahead by just a well-known idle timer is left out:
/// nothing in one capture tells that from silence.
pub const ALL: [Wear; 11] = [
    Wear::Clock(300_000_000),
    Wear::Clock(47 * SECOND.cast_signed()),
    Wear::Clock(3_541 * SECOND.cast_signed()),
    Wear::Clock(-5_000_000),
    Wear::Clock(-3 * SECOND.cast_signed()),
    Wear::Clock(-3_600 * SECOND.cast_signed()),
    Wear::Snaplen(0),
    Wear::Snaplen(12),
    Wear::Snaplen(40),
    Wear::Mirror,
    Wear::Router,
];

impl Wear {
    /// The capture as this leaves it; `dice` say from which frame on, and how late copies are.
    pub fn on(self, frames: &[Frame], dice: &mut Dice) -> Vec<Frame> {
        match self {
            Self::Clock(by) => {
                let from = dice.roll(frames.len().max(1));
                let moved = |(index, frame): (usize, &Frame)| Frame {
                    at: if index < from {
                        frame.at
                    } else {
                        frame.at.saturating_add_signed(by)
                    },
                    ..frame.clone()
                };
                frames.iter().enumerate().map(moved).collect()
            }
            Self::Snaplen(left) => frames.iter().map(|frame| cut(frame, left)).collect(),
            Self::Mirror => twice(frames, dice, 0),
            Self::Router => twice(frames, dice, 1),
        }
    }
}

/// A frame of which `left` bytes behind the fixed TCP header were captured.
fn cut(frame: &Frame, left: usize) -> Frame {
    let mut frame = frame.clone();
    if let What::Segment(packet, payload) = &mut frame.what {
        let options = options_len(&packet.options, packet.flags.syn());
        if left < options {
            packet.options = Options {
                cut: true,
                ..Options::default()
            };
        }
        payload.truncate(left.saturating_sub(options));
        packet.alert &= u32::try_from(payload.len()).is_ok_and(|there| there >= packet.len);
        // A checksum covers what is not there.
        packet.sound = packet.sound.filter(|_| packet.len == 0 && !packet.options.cut);
    }
    frame
}

/// How long options are that a trace gives to a segment: a SYN has an MSS besides.
fn options_len(options: &Options, syn: bool) -> usize {
    let mptcp = options.mptcp_fastclose || options.mptcp_reset.is_some();
    usize::from(syn) * 4
        + usize::from(options.timestamps.is_some()) * 12
        + usize::from(options.window_scale.is_some()) * 4
        + usize::from(mptcp) * 12
}

/// Every frame twice, `hops` less the second time, now and then behind its neighbours.
fn twice(frames: &[Frame], dice: &mut Dice, hops: u8) -> Vec<Frame> {
    let mut out = Vec::new();
    for frame in frames {
        let mut copy = frame.clone();
        copy.at += [0, 3_000, 40_000, 400_000][dice.roll(4)];
        if let What::Segment(packet, _) = &mut copy.what {
            packet.ttl = packet.ttl.saturating_sub(hops);
        }
        out.push(frame.clone());
        out.push(copy);
    }
    // Stable: what was captured at one time stays in its order.
    out.sort_by_key(|frame| frame.at);
    out
}
