//! Two captures of the same connections, read as `whyreset read ONE TWO` reads them. Refuses files
//! that hold more records than a fuzzer has time for.

use std::io::Cursor;
use std::net::SocketAddr;

use whyreset_capture::Reader;
use whyreset_flow::join::{self, Point};
use whyreset_flow::{Silences, Table};

use crate::frame;
use crate::input::{self, Seen};
use crate::script::{self, Step};
use crate::verdicts::Verdicts;

/// Connections that are followed, so that some give way.
const CONNECTIONS: usize = 20;
/// Records of one file.
const RECORDS: usize = 2_000;

/// The two files that an input holds. The first byte says how: bit 0, as a script that two places see,
/// of which the next byte says how far they are apart; else as they are, the first one's length ahead.
pub fn files(data: &[u8]) -> [Vec<u8>; 2] {
    match data {
        [how, apart, rest @ ..] if how & 1 != 0 => scripted(*how, *apart, &script::read(rest)),
        [_, low, high, rest @ ..] => {
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
            let (one, two) = rest.split_at(length);
            [one.to_vec(), two.to_vec()]
        }
        _ => Default::default(),
    }
}

fn scripted(how: u8, apart: u8, steps: &[Step]) -> [Vec<u8>; 2] {
    let mut files = [frame::file(), frame::file()];
    let hops = apart & 7;
    // So little that segments a tenth of a millisecond apart keep their order at both places.
    let way = u64::from(apart >> 3) << 10;
    for step in steps {
        for (place, file) in files.iter_mut().enumerate() {
            if step.unseen >> place & 1 != 0 {
                continue;
            }
            // The first place stands at the client, the second at the server.
            let far = step.from_server == (place == 0);
            let (ttl, at) = if far {
                (step.ttl.saturating_sub(hops), step.at.saturating_add(way))
            } else {
                (step.ttl, step.at.saturating_sub(way))
            };
            let ahead = if place == 1 { u64::from(how >> 4) << 28 } else { 0 };
            let translated = place == 1 && how & 2 != 0;
            let ends =
                [step.source, step.destination].map(|end| if translated { translate(end) } else { end });
            frame::record(step, at.saturating_add(ahead), ttl, (ends[0], ends[1]), file);
        }
    }
    files
}

/// The first client's name behind a box that translates it.
fn translate(end: SocketAddr) -> SocketAddr {
    if end == SocketAddr::from(([10, 0, 0, 2], 40_000)) {
        SocketAddr::from(([10, 0, 0, 7], 50_000))
    } else {
        end
    }
}

/// Reads both, joins them and judges what they tell.
///
/// # Panics
/// Where more is told than had passed, or a verdict does not hold.
pub fn read(files: [Vec<u8>; 2]) {
    let mut points = Vec::new();
    let mut told = Vec::new();
    let mut resets = 0;
    for (bytes, name) in files.into_iter().zip(["one", "two"]) {
        let mut table = Table::new(CONNECTIONS, name);
        let mut point = Point::new(name, CONNECTIONS);
        let mut here = Vec::new();
        let mut lost = 0;
        if let Ok(mut reader) = Reader::from_read(name, Cursor::new(bytes)) {
            for _ in 0..RECORDS {
                let Ok(Some(record)) = reader.next() else { break };
                lost += record.drops_before.min(1 << 40);
                let at = record.at_ns.unwrap_or(0);
                point.reach(at);
                match input::decode(&record, at) {
                    Seen::Segment(segment) => {
                        point.add(&segment);
                        table.add(&segment, &mut |one| here.push(one));
                    }
                    Seen::Error(source, destination, seq) => table.icmp(at, source, destination, seq),
                    Seen::Other | Seen::Unread => {}
                }
            }
            for notice in reader.notices() {
                assert!(!notice.to_string().is_empty());
            }
        }
        table.finish(&mut |one| here.push(one));
        let counters = table.counters();
        assert!(here.len() as u64 <= counters.resets, "{counters:?}");
        resets += here.len();
        point.lost(lost + counters.evicted);
        points.push(point);
        told.push(here);
    }
    if let [one, two] = &points[..] {
        _ = join::clocks(one, two);
    }
    let mut joined = join::join(&mut points, told);
    assert!(joined.len() <= resets, "a reset was told twice");
    let mut silences = Silences::default();
    for one in &joined {
        silences.note(&one.dossier);
    }
    let mut verdicts = Verdicts::default();
    for one in &mut joined {
        silences.tell(&mut one.dossier);
        verdicts.hold(one);
    }
}
