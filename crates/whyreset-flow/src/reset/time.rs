//! What the time of a reset, and the timestamp in it, tell of its maker. Refuses to weigh that: how often
//! hosts do the same is not measured, so it is said and decides nothing.

use whyreset_evidence::{Shape, Sign, Trigger};

use super::Scene;
use crate::half::ms;
use crate::packet::{Packet, diff};

/// A shorter way is within what a capturing host is late by, milliseconds.
const SHORT_MS: u32 = 2;
/// What clocks and capturing are wrong by, in their ticks.
const SLACK: i64 = 10_000;

/// It answers sooner than its name's part of the handshake allows: from half of that way.
pub fn sooner(shape: Shape, trigger: Option<&Trigger>, scene: &Scene<'_>) -> Option<Sign> {
    let trigger = trigger.filter(|_| shape == Shape::Reply && scene.trip_ms >= SHORT_MS)?;
    (trigger.ago_ms * 2.0 < f64::from(scene.trip_ms)).then_some(Sign::Sooner {
        after_ms: trigger.ago_ms,
        trip_ms: scene.trip_ms,
    })
}

/// Its timestamp is older than its name's last one, or further ahead than the fastest clock would be, which
/// counts microseconds (RFC 7323 §5.4 has milliseconds at most).
pub fn other_clock(packet: &Packet<'_>, scene: &Scene<'_>) -> Option<Sign> {
    let own = scene.own;
    let (stamp, _) = packet.options.timestamps.filter(|_| own.stamped())?;
    let ticks = i64::from(diff(stamp, own.stamp));
    let since = packet.at.saturating_sub(own.last.at);
    let most = i64::try_from(since / 1_000).unwrap_or(i64::MAX);
    let fits = (-SLACK..=most.saturating_add(SLACK)).contains(&ticks);
    (!fits).then_some(Sign::OtherClock {
        ticks,
        after_ms: ms(since),
    })
}
