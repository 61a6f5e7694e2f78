//! A trace as two places saw it, each of which may have lost, repeated or reordered some of it.

use whyreset_causes::judge;
use whyreset_evidence::Verdict;
use whyreset_flow::join::{Point, join};
use whyreset_flow::{Flags, Options, Packet};

use crate::trace::{Frame, Trace, What, play};

/// Hops between the two places.
const HOPS: u8 = 3;
/// From the middle of the way to either place: less than any two lines of a trace are apart.
const WAY_NS: u64 = 4_000;
/// By how much the server's clock is ahead.
const AHEAD_NS: u64 = 3_000_000_000;
/// A connection before and one after, so that both captures reach beyond the trace.
const BEYOND_NS: u64 = 5_000_000_000;

/// The client's and the server's capture of a trace whose client speaks first; `None` where its marks
/// say that it is a router's.
pub fn places(trace: &Trace) -> Option<[Vec<Frame>; 2]> {
    let first = trace.frames.first()?.packet(1)?;
    let client = first.source();
    let marked = trace
        .frames
        .iter()
        .any(|frame| frame.packet(1).is_some_and(|packet| packet.outgoing.is_some()));
    if marked || !first.flags.syn() || first.flags.ack() {
        return None;
    }
    let mut places = [Vec::new(), Vec::new()];
    for frame in &trace.frames {
        for (index, place) in places.iter_mut().enumerate() {
            let at_server = index == 1;
            let mut frame = frame.clone();
            if let What::Segment(packet, _) = &mut frame.what {
                let by_client = packet.source().ip() == client.ip();
                // The trace is the client's.
                if at_server && by_client {
                    packet.ttl = packet.ttl.saturating_sub(HOPS);
                } else if at_server {
                    packet.ttl = packet.ttl.saturating_add(HOPS);
                }
                frame.at = if by_client == at_server {
                    frame.at + WAY_NS
                } else {
                    frame.at - WAY_NS
                };
            }
            if at_server {
                frame.at += AHEAD_NS;
            }
            place.push(frame);
        }
    }
    Some(places)
}

/// The same connection where something between forges a reset in the server's name behind line `line` of
/// the client's capture, and neither end sends one; `None` where the server had not spoken by then.
pub fn forged(places: &[Vec<Frame>; 2], line: usize, with_ack: bool) -> Option<[Vec<Frame>; 2]> {
    let mut places = places.clone();
    for place in &mut places {
        place.retain(|frame| !frame.is_reset());
    }
    let [at_client, _] = &mut places;
    let begun = at_client
        .iter()
        .position(|frame| frame.line > line)
        .unwrap_or(at_client.len());
    let client = at_client.first()?.packet(1)?.source().ip();
    let last = |of_client: bool| {
        let mut before = at_client[..begun].iter().rev();
        before.find_map(|frame| {
            frame
                .packet(1)
                .filter(|packet| (packet.source().ip() == client) == of_client)
        })
    };
    let (asked, answered) = (last(true)?, last(false)?);
    let packet: Packet<'static> = Packet {
        flags: Flags(if with_ack { 0x14 } else { 0x04 }),
        seq: answered.end(),
        ack: if with_ack { asked.end() } else { 0 },
        window: if with_ack { answered.window } else { 0 },
        len: 0,
        id: answered.id.map(|id| id.wrapping_add(1)),
        options: Options::default(),
        alert: false,
        payload: &[],
        ..answered
    };
    let at = at_client.get(begun.checked_sub(1)?)?.at + 2 * WAY_NS;
    let what = What::Segment(packet, Vec::new());
    at_client.insert(begun, Frame { at, line, what });
    Some(places)
}

/// The verdicts of both captures, joined.
pub fn verdicts(places: &[Vec<Frame>; 2]) -> Vec<Verdict> {
    verdicts_of(places, [0; 2])
}

/// The same where the captures themselves count so many packets as lost.
pub fn verdicts_of(places: &[Vec<Frame>; 2], lost: [u64; 2]) -> Vec<Verdict> {
    let mut points = Vec::new();
    let mut told = Vec::new();
    for ((name, frames), lost) in ["client.pcap", "server.pcap"].into_iter().zip(places).zip(lost) {
        let mut point = Point::new(name, 64);
        point.lost(lost);
        told.push(play(name, frames, &mut |packet| point.add(packet)));
        let times = frames.iter().map(|frame| frame.at);
        point.reach(times.clone().min().unwrap_or(BEYOND_NS) - BEYOND_NS);
        point.reach(times.max().unwrap_or(0) + BEYOND_NS);
        points.push(point);
    }
    let joined = join(&mut points, told);
    joined.iter().map(|one| judge(&one.dossier)).collect()
}
