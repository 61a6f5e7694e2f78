//! What a made capture holds, counted by the minimal scan, which shares no code with the maker.

use super::super::minimal;
use super::{Kind, Made, capture, stream};

fn made(kind: Kind, scale: f64) -> (Made, Vec<u8>) {
    let mut bytes = Vec::new();
    let made = capture(kind, scale, &mut bytes).unwrap();
    (made, bytes)
}

/// Frames of a capture.
fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = &bytes[24..];
    let mut frames = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<16>() {
        assert_eq!(head[8..12], head[12..16], "cut records are not asked for");
        let length = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
        frames.push(&after[..length]);
        rest = &after[length..];
    }
    assert!(rest.is_empty(), "a capture ends with a whole record");
    frames
}

#[test]
fn what_is_told_is_what_is_there() {
    for (kind, scale, connections, resets) in [
        (Kind::Small, 0.005, 5000, 1000),
        (Kind::Full, 0.025, 100, 2),
        (Kind::One, 0.001, 1, 1),
        (Kind::Scan, 0.001, 10_000, 0),
    ] {
        let (made, bytes) = made(kind, scale);
        assert_eq!(made.bytes, bytes.len() as u64, "{kind:?}");
        assert_eq!((made.connections, made.resets), (connections, resets), "{kind:?}");
        let counted = minimal::scan(&bytes).unwrap();
        assert_eq!(counted.packets, made.packets, "{kind:?}");
        assert_eq!(counted.resets, made.resets, "{kind:?}");
        assert_eq!(counted.connections, made.connections, "{kind:?}");
        assert_eq!(frames(&bytes).len() as u64, made.packets, "{kind:?}");
        let about = kind.packets() * scale;
        let off = made.packets as f64 / about - 1.0;
        assert!(
            off.abs() < 0.02,
            "{kind:?}: {} packets, not about {about}",
            made.packets
        );
        assert!(
            (made.bytes as f64) < kind.most_bytes() * scale,
            "{kind:?}: {} bytes",
            made.bytes
        );
    }
}

#[test]
fn the_same_bytes_each_time() {
    assert!(made(Kind::Small, 0.001).1 == made(Kind::Small, 0.001).1);
}

#[test]
fn a_stream_ends_near_its_limit() {
    let mut bytes = Vec::new();
    let made = stream(9_000_000, &mut bytes).unwrap();
    assert_eq!(made.bytes, bytes.len() as u64);
    assert!((9_000_000..9_002_000).contains(&bytes.len()), "{}", bytes.len());
    assert_eq!(minimal::scan(&bytes).unwrap().packets, made.packets);
}

#[test]
fn one_connection_in_ten_is_over_ipv6() {
    let (made, bytes) = made(Kind::Small, 0.002);
    let syns = frames(&bytes)
        .into_iter()
        .filter(|frame| frame[12..14] == [0x86, 0xdd] && frame[67] == 2);
    assert_eq!(syns.count() as u64, made.connections / 10);
}

#[test]
fn both_shapes_of_reset() {
    let (_, bytes) = made(Kind::Small, 0.002);
    let resets = frames(&bytes).into_iter().filter_map(|frame| {
        let tcp = &frame[if frame[12] == 8 { 34 } else { 54 }..];
        (tcp[13] & 4 != 0).then(|| (tcp[13], u16::from_be_bytes([tcp[14], tcp[15]]), &tcp[8..12]))
    });
    let (mut active, mut stateless) = (0, 0);
    for (flags, window, acknowledged) in resets {
        match flags {
            0x14 if window != 0 => active += 1,
            0x04 if window == 0 && acknowledged == [0; 4] => stateless += 1,
            other => panic!("a reset with flags {other:#x} and window {window}"),
        }
    }
    assert_eq!((active, stateless), (200, 200));
}

#[test]
fn checksums_hold() {
    for kind in [Kind::Small, Kind::Full] {
        let (_, bytes) = made(kind, 0.001);
        for frame in frames(&bytes) {
            let (pseudo, tcp) = if frame[12] == 8 {
                assert_eq!(folded(&frame[14..34]), 0xffff, "{kind:?}: IPv4 header");
                (&frame[26..34], &frame[34..])
            } else {
                (&frame[22..54], &frame[54..])
            };
            let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
            let whole = [pseudo, &[0, 6], &length, tcp].concat();
            assert_eq!(folded(&whole), 0xffff, "{kind:?}: TCP");
        }
    }
}

/// The sum that a receiver makes: all ones when the checksum is right.
fn folded(bytes: &[u8]) -> u64 {
    let words = bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}
