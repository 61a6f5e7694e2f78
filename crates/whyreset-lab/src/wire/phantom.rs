//! A host that is no kernel: it says exactly what a scenario tells it to. Refuses to answer by
//! itself.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use whyreset_evidence::Flags;

use super::{Craft, Frame, Tap};
use crate::topology::End;

/// Raw packets at one end of the cable.
pub struct Phantom {
    tap: Tap,
    end: End,
}

impl Phantom {
    /// Takes the place of `end`.
    pub fn new(tap: Tap, end: End) -> Self {
        Self { tap, end }
    }

    /// Sends one segment.
    pub fn say(&self, craft: &Craft) -> anyhow::Result<()> {
        self.tap
            .put(&craft.frame(self.end)?)
            .context("cannot send a raw packet")
    }

    /// Waits for a segment that has all of the flags `with` and none of `without`.
    pub fn hear(&mut self, with: u8, without: u8) -> anyhow::Result<Frame> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let limit = Instant::now() + PATIENCE;
        while let Some(frame) = self.tap.next(limit.saturating_duration_since(Instant::now()))? {
            if frame.segment.flags.has(with) && frame.segment.flags.0 & without == 0 {
                return Ok(frame);
            }
        }
        bail!("no segment with flags {} came in {PATIENCE:?}", Flags(with))
    }
}

/// A segment that answers `frame`: ends exchanged, everything of it acknowledged.
pub fn reply(frame: &Frame, flags: u8, seq: u32) -> Craft {
    let segment = &frame.segment;
    let counted = u32::from(segment.flags.has(Flags::SYN)) + u32::from(segment.flags.has(Flags::FIN));
    let mut craft = Craft::new(frame.destination, frame.source, flags);
    craft.seq = seq;
    craft.ack = segment.seq.wrapping_add(segment.len).wrapping_add(counted);
    craft
}
