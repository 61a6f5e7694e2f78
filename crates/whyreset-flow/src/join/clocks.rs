//! How the clocks of two capture points differ, by the handshakes that both saw. Refuses to say it
//! finer than the round trip between them allows.

use alloc::vec::Vec;

use super::Point;

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
