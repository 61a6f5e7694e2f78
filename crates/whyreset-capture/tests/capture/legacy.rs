//! Each detail of the legacy format.

use whyreset_capture::{CaptureError, Direction, Notice, Resolution};

use crate::bytes::{BIG, LITTLE, Order, open, read};

#[test]
fn both_byte_orders_and_both_units() {
    for order in [LITTLE, BIG] {
        for (magic, unit, resolution) in [
            (0xa1b2_c3d4, 1000, Resolution::MICRO),
            (0xa1b2_3c4d, 1, Resolution::NANO),
        ] {
            let mut file = order.pcap(magic, 96, 113);
            file.extend(order.rec(1_700_000_001, 999_999, 1500, b"first"));
            file.extend(order.rec(1_700_000_002, 0, 6, b"second"));
            let read = read(&file).clean();
            assert_eq!(read.numbers(), [1, 2]);
            assert_eq!(
                read.times(),
                [
                    Some(1_700_000_001_000_000_000 + 999_999 * unit),
                    Some(1_700_000_002_000_000_000)
                ]
            );
            assert_eq!((read.records[0].wire_len, read.records[0].link), (1500, 113));
            assert_eq!(
                (&*read.records[0].data, &*read.records[1].data),
                (&b"first"[..], &b"second"[..])
            );
            assert_eq!(read.records[0].direction, None);
            let interface = &read.reader.interfaces()[0];
            assert_eq!(
                (interface.link, interface.snaplen, interface.tsresol),
                (113, 96, resolution)
            );
            assert!(read.notices.is_empty());
            assert_eq!(read.reader.offset(), file.len() as u64);
        }
    }
}

#[test]
fn the_modified_form_tells_directions() {
    for order in [LITTLE, BIG] {
        let mut file = order.pcap(0xa1b2_cd34, 65_535, 1);
        for packet_type in [0, 4, 3] {
            let mut record = order.rec(7, 8, 9, b"abc");
            let extra = [order.u32(2), order.u16(0x800), vec![packet_type, 0]].concat();
            record.splice(16..16, extra);
            file.extend(record);
        }
        let read = read(&file).clean();
        let directions: Vec<_> = read.records.iter().map(|record| record.direction).collect();
        assert_eq!(
            directions,
            [Some(Direction::Inbound), Some(Direction::Outbound), None]
        );
        assert!(
            read.records
                .iter()
                .all(|r| r.data == b"abc" && r.wire_len == 9 && r.at_ns == Some(7_000_008_000))
        );
    }
}

#[test]
fn the_upper_half_of_the_link_word_is_no_link_type() {
    let file = LITTLE.pcap(0xa1b2_c3d4, 0, 0x5400_0001);
    assert_eq!(open(&file).expect("it opens").interfaces()[0].link, 1);
}

#[test]
fn the_latest_time_does_not_overflow() {
    let file = [
        LITTLE.pcap(0xa1b2_c3d4, 0, 1),
        LITTLE.rec(u32::MAX, u32::MAX, 0, b""),
    ]
    .concat();
    let ns = u64::from(u32::MAX) * 1_000_001_000;
    assert_eq!(read(&file).clean().times(), [Some(ns)]);
}

#[test]
fn old_versions_have_their_lengths_the_other_way_round() {
    for (minor, caplen, wire_len) in [(2, 9, 3), (3, 9, 3), (3, 3, 9)] {
        let mut file = LITTLE.pcap(0xa1b2_c3d4, 96, 1);
        file[6] = minor;
        let mut record = LITTLE.rec(1, 2, wire_len, b"abc");
        record[8..12].copy_from_slice(&LITTLE.u32(caplen));
        file.extend(record);
        let read = read(&file).clean();
        assert_eq!(
            (read.records[0].wire_len, &*read.records[0].data),
            (9, &b"abc"[..]),
            "2.{minor}"
        );
    }
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 96, 1);
    file[4] = 1;
    assert!(matches!(open(&file), Err(CaptureError::Unsupported { .. })));
}

#[test]
fn a_cut_record_is_a_notice_wherever_it_is_cut() {
    let whole = LITTLE.legacy(3);
    let last = whole.len() - 16 - 3;
    for end in last..whole.len() {
        let read = read(&whole[..end]).clean();
        assert_eq!(read.records.len(), 2, "cut at {end}");
        let have = (end - last) as u64;
        let need = if have < 16 { 16 } else { 19 };
        let cut = Notice::Truncated {
            what: "record",
            offset: last as u64,
            have,
            need,
        };
        assert_eq!(read.notices, if have == 0 { vec![] } else { vec![cut] });
    }
}

#[test]
fn a_record_longer_than_the_file_allows_is_corrupt() {
    let claims = |order: Order, snaplen: u32, caplen: u32| {
        let mut file = [order.pcap(0xa1b2_c3d4, snaplen, 1), order.rec(1, 1, 4, b"good")].concat();
        let offset = file.len() as u64;
        let mut record = order.rec(2, 2, 4, &[0; 100]);
        record[8..12].copy_from_slice(&order.u32(caplen));
        file.extend(record);
        let read = read(&file);
        assert_eq!(read.records.len(), 1, "what was before is delivered");
        match read.error {
            Some(CaptureError::Corrupt { offset: at, .. }) => assert_eq!(at, offset),
            None => return false,
            other => panic!("{other:?}"),
        }
        true
    };
    assert!(claims(LITTLE, 96, 262_145));
    assert!(claims(BIG, 0, 262_145));
    assert!(claims(LITTLE, 300_000, 300_001));
    assert!(claims(LITTLE, u32::MAX, u32::MAX));
    assert!(claims(LITTLE, u32::MAX, (16 << 20) + 1));
    // Allowed, and cut off instead.
    assert!(!claims(LITTLE, 96, 262_144));
    assert!(!claims(LITTLE, 300_000, 300_000));
}

#[test]
fn a_record_longer_than_the_buffer_is_read() {
    let data: Vec<u8> = (0..9_000_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 10_000_000, 1);
    for _ in 0..3 {
        file.extend(LITTLE.rec(1, 1, 9_000_000, &data));
    }
    let read = read(&file).clean();
    assert_eq!(read.records.len(), 3);
    assert!(read.records.iter().all(|record| record.data == data));
}

#[test]
fn a_header_alone_is_an_empty_capture() {
    let read = read(&LITTLE.legacy(0)).clean();
    assert!(read.records.is_empty() && read.notices.is_empty());
    let cut = open(&LITTLE.legacy(0)[..23]).expect_err("no whole header");
    assert!(cut.to_string().contains("cut off after 23 of 24 bytes"), "{cut}");
}
