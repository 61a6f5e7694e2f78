//! Connections as a legacy capture of raw IPv4 packets, with checksums as hosts send them. Refuses to
//! reorder: frames of one connection stay as they are given.

use std::net::Ipv4Addr;

use super::talk::{Dice, Frame, Talk};

/// What the capture itself does to the frames that pass it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wear {
    Nothing,
    /// One frame in so many is missing.
    Loses(u32),
    /// One frame in so many is there twice, 3 microseconds apart.
    Repeats(u32),
    /// One frame in so many comes before the one in front of it, with that one's time.
    Swaps(u32),
    /// Frames are cut to so many bytes.
    Snaplen(usize),
    /// From each such frame on the clock is two seconds ahead or behind.
    Steps(u32),
}

/// When the first connection begins, microseconds since the epoch.
const START: i64 = 1_700_000_000_000_000;
/// From the beginning of one connection to that of the next.
const APART: i64 = 37_000;

/// The client of the connection of this number.
pub fn client(number: u32) -> (Ipv4Addr, u16) {
    let port = u16::try_from(40_000 + number % 20_000).unwrap();
    (Ipv4Addr::from(0x0a00_0002 + (number << 8)), port)
}

/// The server: each has an address of its own.
fn server(number: u32) -> (Ipv4Addr, u16) {
    (Ipv4Addr::from(0xc633_0001 + (number << 4)), 80)
}

/// The bytes of a capture of them all, as `wear` leaves it.
pub fn capture(talks: &[Talk], wear: Wear) -> Vec<u8> {
    let mut records: Vec<(i64, Vec<u8>)> = Vec::new();
    for (number, talk) in (0..).zip(talks) {
        let begin = START + i64::from(number) * APART;
        for frame in &talk.frames {
            records.push((begin + frame.at, packet(frame, number)));
        }
    }
    // Stable: one connection's frames of one time stay in their order.
    records.sort_by_key(|(at, _)| *at);
    let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
    for (at, packet) in worn(records, wear) {
        let length = u32::try_from(packet.len()).unwrap();
        let kept = match wear {
            Wear::Snaplen(most) => packet.len().min(most),
            _ => packet.len(),
        };
        let [seconds, micros] = [at / 1_000_000, at % 1_000_000].map(|part| u32::try_from(part).unwrap());
        for word in [seconds, micros, u32::try_from(kept).unwrap(), length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&packet[..kept]);
    }
    bytes
}

fn worn(records: Vec<(i64, Vec<u8>)>, wear: Wear) -> Vec<(i64, Vec<u8>)> {
    let mut dice = Dice(77);
    let mut out: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut ahead = 0;
    for (at, packet) in records {
        match wear {
            Wear::Loses(one_in) if dice.roll(one_in) == 0 => continue,
            Wear::Repeats(one_in) if dice.roll(one_in) == 0 => out.push((at - 3, packet.clone())),
            Wear::Steps(one_in) if dice.roll(one_in) == 0 => ahead += dice.of(&[-2_000_000, 2_000_000]),
            _ => {}
        }
        out.push((at + ahead, packet));
        let last = out.len() - 1;
        if matches!(wear, Wear::Swaps(one_in) if last > 0 && dice.roll(one_in) == 0) {
            let (before, after) = out.split_at_mut(last);
            std::mem::swap(&mut before[last - 1].1, &mut after[0].1);
        }
    }
    out
}

fn packet(frame: &Frame, number: u32) -> Vec<u8> {
    let segment = segment(frame, number);
    let (from, to) = addresses(frame, number);
    let Some(router) = frame.error_from else {
        return ip(6, frame.ttl, frame.id, from.0, to.0, &segment);
    };
    // Time exceeded, with the IP header and eight bytes of what it is about.
    let quoted = ip(6, 1, frame.id, from.0, to.0, &segment);
    let error = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &quoted[..28]].concat();
    ip(1, 60, 7, router.into(), from.0, &error)
}

fn addresses(frame: &Frame, number: u32) -> ((Ipv4Addr, u16), (Ipv4Addr, u16)) {
    if frame.server {
        (server(number), client(number))
    } else {
        (client(number), server(number))
    }
}

fn ip(protocol: u8, ttl: u8, id: u16, from: Ipv4Addr, to: Ipv4Addr, body: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + body.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend([0x40, 0, ttl, protocol, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    let sum = checksum(&packet, 0);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(body);
    packet
}

fn segment(frame: &Frame, number: u32) -> Vec<u8> {
    let mut options = frame.options.to_vec();
    if let Some((value, echo)) = frame.stamp {
        options.extend([1, 1, 8, 10]);
        options.extend(value.to_be_bytes());
        options.extend(echo.to_be_bytes());
    }
    let (from, to) = addresses(frame, number);
    let words = u16::try_from(5 + options.len() / 4).unwrap();
    let mut segment = Vec::new();
    segment.extend(from.1.to_be_bytes());
    segment.extend(to.1.to_be_bytes());
    segment.extend(frame.seq.to_be_bytes());
    segment.extend(frame.ack.to_be_bytes());
    segment.extend((words << 12 | frame.flags).to_be_bytes());
    segment.extend(frame.window.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(options);
    segment.extend(&frame.payload);
    let length = u32::try_from(segment.len()).unwrap();
    let pseudo = [from.0.octets(), to.0.octets()].concat();
    let pseudo: u32 = pseudo
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
        .sum();
    let sum = checksum(&segment, pseudo + length + 6);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    segment
}

/// RFC 1071.
fn checksum(bytes: &[u8], begin: u32) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let mut sum = begin + bytes.chunks(2).map(word).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}
