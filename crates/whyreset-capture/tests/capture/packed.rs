//! Packed captures: each packing, many members, cut, damaged, bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use whyreset_capture::{CaptureError, Notice, Packing, Reader};

use crate::bytes::{BIG, LITTLE, file, open, read};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

type Pack = fn(&[u8]) -> Vec<u8>;

const ALL: [(Packing, Pack); 3] = [(Packing::Gzip, gzip), (Packing::Zstd, zstd), (Packing::Lz4, lz4)];

/// Records that do not pack to nothing: more than fits in the channel.
fn long_capture() -> (Vec<u8>, usize) {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1);
    let mut state = 1_u64;
    for second in 0..6_000 {
        let data: Vec<u8> = (0..1_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0] & 0x3f
            })
            .collect();
        file.extend(LITTLE.rec(second, 0, 1_000, &data));
    }
    (file, 6_000)
}

#[test]
fn each_packing_gives_what_the_plain_capture_gives() {
    let (long, _) = long_capture();
    for plain in [LITTLE.legacy(9), BIG.pcapng(9), long] {
        let expected = read(&plain).clean();
        for (packing, pack) in ALL {
            let packed = pack(&plain);
            let on_disk = file(&packed);
            let read = crate::bytes::drain(Reader::open(on_disk.path()).expect("it opens")).clean();
            assert!(read.records == expected.records, "{packing:?}");
            assert!(read.notices.is_empty(), "{packing:?}: {:?}", read.notices);
            assert_eq!(read.reader.packing(), Some(packing));
            let progress = read.reader.progress();
            assert_eq!(
                (progress.bytes_read, progress.bytes_total),
                (packed.len() as u64, Some(packed.len() as u64))
            );
            assert_eq!(progress.records, expected.records.len() as u64);
        }
    }
}

#[test]
fn members_and_skippable_frames_are_joined() {
    let plain = BIG.pcapng(9);
    let skippable = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for (packing, pack) in ALL {
        let mut packed = pack(&plain[..50]);
        if packing != Packing::Gzip {
            packed.extend(skippable);
        }
        packed.extend(pack(&[]));
        packed.extend(pack(&plain[50..]));
        let read = read(&packed).clean();
        assert_eq!(read.records.len(), 9, "{packing:?}");
        assert!(read.notices.is_empty());
    }
    // pzstd writes one first.
    let packed = [&skippable[..], &zstd(&plain)].concat();
    assert_eq!(read(&packed).clean().records.len(), 9);
}

#[test]
fn frames_of_different_block_sizes_are_joined() {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let (plain, count) = long_capture();
    let mut packed = Vec::new();
    let sizes = [BlockSize::Max4MB, BlockSize::Max64KB, BlockSize::Max1MB];
    for (part, size) in plain.chunks(plain.len() / 3 + 1).zip(sizes) {
        let info = FrameInfo::new().block_size(size).block_mode(BlockMode::Linked);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(part).expect("into memory");
        packed.extend(encoder.finish().expect("into memory"));
    }
    assert_eq!(read(&packed).clean().records.len(), count);
}

#[test]
fn a_cut_stream_gives_what_it_holds() {
    let (plain, count) = long_capture();
    for (packing, pack) in ALL {
        let packed = pack(&plain);
        let read = read(&packed[..packed.len() * 4 / 5]).clean();
        let got = read.records.len();
        assert!((count / 2..count).contains(&got), "{packing:?}: {got}");
        assert!(
            read.notices.contains(&Notice::PackedTruncated(packing)),
            "{packing:?}: {:?}",
            read.notices
        );
    }
}

#[test]
fn bytes_after_the_stream_are_told() {
    for (packing, pack) in ALL {
        let packed = [pack(&LITTLE.legacy(3)), vec![0; 512]].concat();
        let read = read(&packed).clean();
        assert_eq!(read.records.len(), 3);
        assert_eq!(read.notices, [Notice::TrailingBytes(packing)]);
    }
}

#[test]
fn a_damaged_stream_is_an_error_after_what_came_before() {
    let (plain, count) = long_capture();
    for (packing, pack) in [ALL[0], ALL[1]] {
        let mut packed = pack(&plain);
        let middle = packed.len() / 2;
        for byte in &mut packed[middle..middle + 64] {
            *byte = !*byte;
        }
        let read = read(&packed);
        let error = read.error.expect("damage is noticed").to_string();
        assert!(error.contains(packing.as_str()), "{error}");
        assert!(
            read.records.len() > count / 4,
            "{packing:?}: {} {error}",
            read.records.len()
        );
    }
}

#[test]
fn a_window_too_large_is_refused_before_it_is_made() {
    // Magic, a descriptor without checksum or size, and windows of 2^27, 2^28 and 2^38 bytes.
    for (exponent, fits) in [(17, true), (18, false), (28, false)] {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3, 1, 0, 0];
        match open(&frame) {
            Err(error @ CaptureError::Unpack { .. }) => {
                let says = if fits {
                    "it holds nothing"
                } else {
                    "wants a window of"
                };
                assert!(error.to_string().contains(says), "{error}");
            }
            other => panic!("2^{}: {:?}", exponent + 10, other.map(|_| ())),
        }
    }
}
