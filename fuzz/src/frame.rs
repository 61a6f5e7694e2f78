//! Steps of a script as frames of a capture file: Linux cooked headers (version 2), IPv4 or IPv6, TCP
//! or a router's error. Refuses to write what the reader alone must bear: broken bytes come raw.

use std::net::{IpAddr, SocketAddr};

use crate::script::Step;

/// LINKTYPE_LINUX_SLL2.
const LINK: u32 = 276;
const TCP: u8 = 6;
const ICMP: [u8; 2] = [1, 58];

/// The header of a pcap file with nanoseconds.
pub fn file() -> Vec<u8> {
    let mut bytes = 0xa1b2_3c4d_u32.to_le_bytes().to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    bytes.extend(LINK.to_le_bytes());
    bytes
}

fn low(number: u64) -> u32 {
    u32::try_from(number & 0xffff_ffff).unwrap_or(0)
}

/// One record, as it is captured at this time with this TTL and these ends.
pub fn record(step: &Step, at: u64, ttl: u8, ends: (SocketAddr, SocketAddr), out: &mut Vec<u8>) {
    let (frame, missing) = frame(step, ttl, ends);
    let captured = low(frame.len() as u64);
    for word in [
        low(at / 1_000_000_000),
        low(at % 1_000_000_000),
        captured,
        captured + missing,
    ] {
        out.extend(word.to_le_bytes());
    }
    out.extend(frame);
}

/// The bytes of a frame, and how many more it had on the wire.
fn frame(step: &Step, ttl: u8, (source, destination): (SocketAddr, SocketAddr)) -> (Vec<u8>, u32) {
    let mut segment = segment(step, source, destination);
    let mut missing = u32::from(step.len).saturating_sub(low(step.payload.len() as u64));
    let packet = if step.icmp {
        segment.truncate(8);
        missing = 0;
        let quoted = ip(step, ttl, TCP, source.ip(), destination.ip(), &segment, 0);
        let mut error = vec![if source.is_ipv4() { 11 } else { 3 }, 0, 0, 0, 0, 0, 0, 0];
        error.extend(quoted);
        let kind = ICMP[usize::from(source.is_ipv6())];
        let router: IpAddr = if source.is_ipv4() {
            [10, 9, 9, 9].into()
        } else {
            [0xfd00, 9, 0, 0, 0, 0, 0, 9].into()
        };
        ip(step, 60, kind, router, source.ip(), &error, 0)
    } else {
        ip(step, ttl, TCP, source.ip(), destination.ip(), &segment, missing)
    };
    let kind: u16 = if source.is_ipv4() { 0x0800 } else { 0x86dd };
    let way = match step.outgoing {
        Some(true) => 4,
        Some(false) => 0,
        // Neither in nor out: heard as another host's.
        None => 3,
    };
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 0, 0, 2, 0, 1, way, 6]);
    bytes.extend(step.device);
    bytes.extend([0, 0]);
    bytes.extend(packet);
    (bytes, missing)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn ip(step: &Step, ttl: u8, kind: u8, from: IpAddr, to: IpAddr, body: &[u8], missing: u32) -> Vec<u8> {
    let header = if from.is_ipv4() { 20 } else { 0 };
    let total = low(header + body.len() as u64) + missing;
    let total = u16::try_from(total).unwrap_or(u16::MAX).to_be_bytes();
    let mut bytes = if from.is_ipv4() {
        let id = step.id.to_be_bytes();
        vec![
            0x45, 0, total[0], total[1], id[0], id[1], 0x40, 0, ttl, kind, 0, 0,
        ]
    } else {
        vec![0x60, 0, 0, 0, total[0], total[1], kind, ttl]
    };
    bytes.extend(octets(from));
    bytes.extend(octets(to));
    bytes.extend(body);
    bytes
}

fn segment(step: &Step, source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let mut options = Vec::new();
    if let Some(shift) = step.options.window_scale {
        options.extend([1, 3, 3, shift]);
    }
    if let Some((value, echo)) = step.options.timestamps {
        options.extend([1, 1, 8, 10]);
        options.extend(value.to_be_bytes());
        options.extend(echo.to_be_bytes());
    }
    if let Some(reason) = step.options.mptcp_reset {
        options.extend([30, 4, 0x80, reason]);
    }
    if step.options.mptcp_fastclose {
        options.extend([30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
    let words = u16::try_from(5 + options.len() / 4).unwrap_or(15);
    let mut bytes = source.port().to_be_bytes().to_vec();
    bytes.extend(destination.port().to_be_bytes());
    bytes.extend(step.seq.to_be_bytes());
    bytes.extend(step.ack.to_be_bytes());
    bytes.extend(((words << 12) | (step.flags & 0x0fff)).to_be_bytes());
    bytes.extend(step.window.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(options);
    bytes.extend(&step.payload);
    if let Some(holds) = step.sound {
        let sum = checksum(source.ip(), destination.ip(), &bytes);
        let sum = if holds { sum } else { sum.wrapping_add(1) };
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

fn checksum(from: IpAddr, to: IpAddr, bytes: &[u8]) -> u16 {
    let mut all = octets(from);
    all.extend(octets(to));
    all.extend(low(bytes.len() as u64).to_be_bytes());
    all.extend([0, 0, 0, TCP]);
    all.extend(bytes);
    let word = |pair: &[u8]| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u64 = all.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}
