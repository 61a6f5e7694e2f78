//! A stream that unpacks to much more than it is, in a process of its own so that its memory can be told.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use whyreset_capture::{CaptureError, Reader};

/// MiB of zero bytes, a member of the gzip stream each: 16 of the bytes are a record without data.
const MEMBERS: u64 = 128;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

#[test]
fn a_bomb_costs_time_alone() {
    // A header that allows records of any length.
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header.extend([0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
    let zeros = gzip(&vec![0; 1 << 20]);
    let mut packed = gzip(&header);
    for _ in 0..MEMBERS {
        packed.extend(&zeros);
    }
    // At last a record that claims 4 GiB.
    packed.extend(gzip(&[0xff; 16]));
    assert!(packed.len() < 1 << 20, "{} bytes packed", packed.len());

    let mut reader = Reader::from_read("bomb", Cursor::new(packed)).expect("it opens");
    let mut records = 0_u64;
    let error = loop {
        match reader.next() {
            Ok(Some(_)) => records += 1,
            Ok(None) => panic!("a record of 4 GiB is refused"),
            Err(error) => break error,
        }
    };
    assert_eq!(records, MEMBERS * (1 << 16));
    assert!(matches!(error, CaptureError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("claims 4294967295 bytes"), "{error}");
    let peak = peak();
    assert!(peak < 48 << 10, "{peak} KiB in memory");
}

/// The most memory that this process had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("Linux");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}
