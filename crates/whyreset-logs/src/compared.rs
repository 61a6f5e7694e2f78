//! A log's clock against ours, by resets that its lines may speak of. Refuses to explain away minutes:
//! a line may simply come long before the reset.

use crate::offset::Offset;
use crate::store::Kept;
use crate::{Reset, estimate, estimate_of};

/// Clocks that differ by less than this agree, nanoseconds.
const AGREES: u64 = 500_000_000;
/// One line alone tells of a clock that is off by no more than this, zones set aside, nanoseconds.
const BY_ONE: u64 = 10_000_000_000;
/// Lines and resets that are compared with each other.
const LINES: usize = 512;
const RESETS: usize = 64;

/// Whether these are two clocks, for a log whose times have this resolution in nanoseconds.
pub fn differs(offset: &Offset, resolution: u64) -> bool {
    offset.ns.unsigned_abs() > resolution.saturating_add(AGREES)
}

/// How far this log's clock is from ours, where it is.
pub fn offset(lines: &[Kept], resets: &[Reset]) -> Option<Offset> {
    let coarsest = lines.iter().map(|line| line.stamp.resolution).max()?;
    let found = by_connection(lines, resets, coarsest).or_else(|| by_address(lines, resets, coarsest));
    found.filter(|offset| differs(offset, coarsest))
}

/// By lines that name a client's address and port: these speak of one reset each.
fn by_connection(lines: &[Kept], resets: &[Reset], coarsest: u64) -> Option<Offset> {
    let mut pairs = Vec::new();
    for line in lines {
        for address in &line.who.addresses {
            let of =
                |reset: &&Reset| reset.client.ip() == address.ip && address.port == Some(reset.client.port());
            pairs.extend(resets.iter().filter(of).map(|reset| (line.stamp.ns, reset.at)));
        }
    }
    if let [(log, ours)] = pairs[..] {
        let alone = Offset {
            ns: ours.saturating_sub(log),
            spread: coarsest,
            agree: 1,
            of: 1,
        };
        let (_, rest) = alone.zone_and_rest();
        return (rest.unsigned_abs() <= BY_ONE).then_some(alone);
    }
    estimate(&pairs, coarsest)
}

/// By lines that state something and name a client's address alone: each may be of any of its resets.
fn by_address(lines: &[Kept], resets: &[Reset], coarsest: u64) -> Option<Offset> {
    let mut pairs = Vec::new();
    let (mut of_lines, mut of_resets) = (0, vec![false; resets.len().min(RESETS)]);
    for line in lines.iter().filter(|line| line.stated.is_some()).take(LINES) {
        let before = pairs.len();
        for (reset, paired) in resets.iter().zip(&mut of_resets) {
            let names = |address: &crate::Address| {
                address.ip == reset.client.ip() && address.port.is_none_or(|port| port == reset.client.port())
            };
            if line.who.addresses.iter().any(names) {
                pairs.push((line.stamp.ns, reset.at));
                *paired = true;
            }
        }
        of_lines += usize::from(pairs.len() > before);
    }
    let paired = of_resets.iter().filter(|paired| **paired).count();
    estimate_of(&pairs, coarsest, paired.min(of_lines))
}
