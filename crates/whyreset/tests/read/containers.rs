//! One connection in every container and packing that the program knows: the verdict is the same. Refuses
//! to test what a reset means.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::late_write;
use super::links::{is_told, records};

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let body = [body, &[0; 3][..(4 - body.len() % 4) % 4]].concat();
    let length = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes(), &length, &body[..], &length].concat::<u8>()
}

fn section() -> Vec<u8> {
    block(
        0x0a0d_0d0a,
        &[
            0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
        ],
    )
}

/// An interface of raw packets with these options.
fn interface(options: &[u8]) -> Vec<u8> {
    block(1, &[&[101, 0, 0, 0, 0, 0, 4, 0][..], options].concat())
}

/// An enhanced packet of an interface, `ticks` of whose clock have passed.
fn enhanced(interface: u32, ticks: u64, packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len()).unwrap();
    let [high, low] = [ticks >> 32, ticks & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
    let words = [interface, high, low, length, length]
        .map(u32::to_le_bytes)
        .concat();
    block(6, &[&words[..], packet].concat())
}

/// The obsolete packet block.
fn obsolete(ticks: u64, packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len()).unwrap();
    let [high, low] = [ticks >> 32, ticks & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
    let words = [0xffff_0000, high, low, length, length]
        .map(u32::to_le_bytes)
        .concat();
    block(2, &[&words[..], packet].concat())
}

#[test]
fn every_container_gives_the_verdict() {
    // if_tsresol: 10^-9 and 2^-10 s; if_tsoffset: what has passed before.
    let fine = [9, 0, 1, 0, 9, 0, 0, 0];
    let offset = [[14, 0, 8, 0], 1_600_000_000_u32.to_le_bytes(), [0; 4]].concat();
    let coarse = [&[9, 0, 1, 0, 0x94, 0, 0, 0][..], &offset].concat();
    let coarse_ticks = |time: u64| {
        let past = u128::from(time) - 1_600_000_000_000_000;
        u64::try_from((past << 20) / 1_000_000 + 1).unwrap()
    };
    let mut interfaces = [section(), interface(&fine), interface(&coarse)].concat();
    let mut sections = Vec::new();
    let mut old = [section(), interface(&[])].concat();
    for (number, (time, packet)) in records().into_iter().enumerate() {
        // A name resolution block before each packet.
        interfaces.extend(block(4, &[0, 0, 0, 0]));
        interfaces.extend(if number % 2 == 0 {
            enhanced(0, time * 1_000, &packet)
        } else {
            enhanced(1, coarse_ticks(time), &packet)
        });
        sections.extend([section(), interface(&[]), enhanced(0, time, &packet)].concat());
        old.extend(obsolete(time, &packet));
    }
    for (name, bytes) in [
        ("interfaces", interfaces),
        ("sections", sections),
        ("obsolete", old),
    ] {
        is_told(name, &bytes, 10);
    }
    let plain = late_write();
    let mut big = 0xa1b2_3c4d_u32.to_be_bytes().to_vec();
    big.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 101]);
    for (time, packet) in records() {
        let length = u32::try_from(packet.len()).unwrap();
        let [seconds, nanos] =
            [time / 1_000_000, time % 1_000_000 * 1_000].map(|part| u32::try_from(part).unwrap());
        big.extend([seconds, nanos, length, length].map(u32::to_be_bytes).concat());
        big.extend(packet);
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(&plain).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&plain).unwrap();
    let length = u32::try_from(plain.len()).unwrap();
    let zstd = [
        // One block, as it is.
        &[0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3][..],
        &(length << 3 | 1).to_le_bytes()[..3],
        &plain,
    ];
    for (name, bytes) in [
        ("big-nanoseconds", big),
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd.concat()),
        ("lz4", lz4.finish().unwrap()),
    ] {
        is_told(name, &bytes, 10);
    }
}
