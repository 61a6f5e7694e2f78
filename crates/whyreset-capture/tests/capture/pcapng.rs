//! Each detail of pcapng.

use whyreset_capture::{CaptureError, CommentOn, Direction, Notice, Resolution};

use crate::bytes::{BIG, END, LITTLE, Order, open, read};

#[test]
fn packets_in_both_byte_orders() {
    for order in [LITTLE, BIG] {
        let read = read(&order.pcapng(5)).clean();
        assert_eq!(read.numbers(), [1, 2, 3, 4, 5]);
        assert_eq!(read.times()[4], Some(1_000_004_000));
        for (record, index) in read.records.iter().zip(0_u8..) {
            assert_eq!(
                record.data,
                vec![index; usize::from(index) + 1],
                "without the padding"
            );
            assert_eq!(
                (record.link, record.interface, record.wire_len),
                (1, 0, u32::from(index) + 1)
            );
        }
        assert!(read.notices.is_empty());
    }
}

#[test]
fn sections_of_different_order_number_interfaces_on() {
    let file = [
        LITTLE.shb(&[]),
        LITTLE.idb(1, 0, &[LITTLE.opt(2, b"eth0"), END.to_vec()].concat()),
        LITTLE.idb(101, 96, &LITTLE.opt(9, &[9])),
        LITTLE.epb(1, 5, 4, b"abcd", &[]),
        BIG.shb(&[]),
        BIG.idb(113, 0, &BIG.opt(2, b"any")),
        BIG.epb(0, 5, 4, b"efgh", &[]),
        LITTLE.shb(&[]),
        LITTLE.idb(276, 0, &[]),
        LITTLE.epb(0, 6, 4, b"ijkl", &[]),
    ];
    let read = read(&file.concat()).clean();
    let seen: Vec<_> = read
        .records
        .iter()
        .map(|r| (r.number, r.interface, r.link, r.at_ns))
        .collect();
    assert_eq!(
        seen,
        [
            (1, 1, 101, Some(5)),
            (2, 2, 113, Some(5000)),
            (3, 3, 276, Some(6000))
        ]
    );
    let interfaces = read.reader.interfaces();
    let names: Vec<_> = interfaces
        .iter()
        .map(|i| (i.name.as_deref(), i.section))
        .collect();
    assert_eq!(names, [(Some("eth0"), 1), (None, 1), (Some("any"), 2), (None, 3)]);
    assert_eq!(
        (interfaces[1].snaplen, interfaces[1].tsresol),
        (96, Resolution::NANO)
    );
}

#[test]
fn resolutions_and_offsets() {
    for order in [LITTLE, BIG] {
        let at = |options: &[u8], time| {
            let file = [
                order.shb(&[]),
                order.idb(1, 0, options),
                order.epb(0, time, 0, b"", &[]),
            ]
            .concat();
            read(&file).clean().records[0].at_ns
        };
        let resolution = |unit| order.opt(9, &[unit]);
        assert_eq!(
            at(&resolution(3), 1_700_000_000_123),
            Some(1_700_000_000_123_000_000)
        );
        assert_eq!(at(&resolution(0), 1_700_000_000), Some(1_700_000_000_000_000_000));
        assert_eq!(at(&resolution(12), 5_999), Some(5));
        assert_eq!(at(&resolution(0x80 | 0x14), 3 << 19), Some(1_500_000_000));
        let offset = |seconds: i64| order.opt(14, &order.u64(seconds.cast_unsigned()));
        assert_eq!(at(&offset(1_700_000_000), 5), Some(1_700_000_000_000_005_000));
        assert_eq!(at(&offset(-1), 3_000_000), Some(2_000_000_000));
        assert_eq!(at(&offset(i64::MIN), 3), Some(0));
        assert_eq!(
            at(
                &[resolution(9), offset(2), END.to_vec(), resolution(0)].concat(),
                7
            ),
            Some(2_000_000_007)
        );
    }
}

#[test]
fn flags_and_drops_of_a_packet() {
    for order in [LITTLE, BIG] {
        let with = |flags: u32, drops: u64| {
            [
                order.opt(2, &order.u32(flags)),
                order.opt(4, &order.u64(drops)),
                END.to_vec(),
            ]
            .concat()
        };
        let file = [
            order.shb(&[]),
            order.idb(1, 0, &[]),
            order.epb(0, 1, 3, b"abc", &with(1, 7)),
            order.epb(0, 1, 3, b"abc", &with(0xff00_0002, 0)),
            order.epb(0, 1, 3, b"abc", &with(0, 0)),
        ];
        let read = read(&file.concat()).clean();
        let seen: Vec<_> = read
            .records
            .iter()
            .map(|r| (r.direction, r.drops_before))
            .collect();
        assert_eq!(
            seen,
            [
                (Some(Direction::Inbound), 7),
                (Some(Direction::Outbound), 0),
                (None, 0)
            ]
        );
    }
}

#[test]
fn simple_packets_have_no_time_and_obey_the_snaplen() {
    for (snaplen, wire_len, data, kept) in [
        (0, 5, &b"abcde"[..], 5),
        (4, 9, b"abcd", 4),
        (3, 9, b"abc", 3),
        (0, 9, b"abcd", 4),
        (96, 3, b"abc", 3),
    ] {
        let file = [BIG.shb(&[]), BIG.idb(1, snaplen, &[]), BIG.spb(wire_len, data)].concat();
        let record = &read(&file).clean().records[0];
        assert_eq!(
            (record.at_ns, record.wire_len, record.data.len()),
            (None, wire_len, kept)
        );
    }
}

#[test]
fn obsolete_packets() {
    for order in [LITTLE, BIG] {
        let options = [order.opt(2, &order.u32(2)), order.opt(1, b"old"), END.to_vec()].concat();
        let file = [
            order.shb(&[]),
            order.idb(1, 0, &[]),
            order.idb(101, 0, &[]),
            order.pb(1, 3, 1 << 33, b"abcde", &options),
            order.pb(0, 0xffff, 5, b"x", &[]),
        ];
        let read = read(&file.concat()).clean();
        let first = &read.records[0];
        assert_eq!(
            (first.link, first.drops_before, first.at_ns),
            (101, 3, Some((1 << 33) * 1000))
        );
        assert_eq!(
            (first.direction, &*first.data),
            (Some(Direction::Outbound), &b"abcde"[..])
        );
        assert_eq!(
            (read.records[1].drops_before, &*read.records[1].data),
            (0, &b"x"[..])
        );
        assert_eq!(
            read.notices,
            [Notice::Comment {
                on: CommentOn::Frame(1),
                text: "old".to_owned()
            }]
        );
    }
}

#[test]
fn other_blocks_are_passed_over_and_counted_as_wireshark_numbers_them() {
    let order = LITTLE;
    let packet = |time| order.epb(0, time, 1, b"x", &[]);
    let custom = |kind| order.block(kind, &[order.u32(32_473), b"data".to_vec()].concat());
    let file = [
        order.shb(&[]),
        order.idb(1, 0, &[]),
        packet(1),
        order.block(4, &END),
        custom(0x0bad),
        packet(2),
        order.block(
            10,
            &[order.u32(0x544c_534b), order.u32(4), b"keys".to_vec()].concat(),
        ),
        order.block(0x77, b"whatever"),
        order.block(0x77, b""),
        packet(3),
        order.block(9, b"MESSAGE=hi\n"),
        custom(0x4000_0bad),
        packet(4),
    ];
    let read = read(&file.concat()).clean();
    assert_eq!(read.numbers(), [1, 3, 4, 7]);
    let skipped = |kind, count| Notice::SkippedBlocks {
        kind: Some(kind),
        count,
    };
    for expected in [
        skipped(4, 1),
        skipped(0x0bad, 1),
        skipped(10, 1),
        skipped(0x77, 2),
        skipped(9, 1),
        skipped(0x4000_0bad, 1),
    ] {
        assert!(
            read.notices.contains(&expected),
            "{expected:?} in {:?}",
            read.notices
        );
    }
}

#[test]
fn drop_counters_and_comments() {
    for order in [LITTLE, BIG] {
        let counters = |received: u64, if_drop: u64, os_drop: u64| {
            let options = [(4, received), (5, if_drop), (7, os_drop)];
            let options = options
                .map(|(code, value)| order.opt(code, &order.u64(value)))
                .concat();
            order.block(5, &[order.u32(0), order.u64(0), options].concat())
        };
        let file = [
            order.shb(&order.opt(1, b"the section")),
            order.idb(1, 0, &order.opt(1, b"the interface")),
            counters(10, 1, 0),
            order.epb(
                0,
                1,
                0,
                b"",
                &[order.opt(1, b"one"), order.opt(1, b"two"), END.to_vec()].concat(),
            ),
            counters(20, 2, 3),
        ];
        let comment = |on, text: &str| Notice::Comment {
            on,
            text: text.to_owned(),
        };
        assert_eq!(
            read(&file.concat()).clean().notices,
            [
                comment(CommentOn::Section(1), "the section"),
                comment(CommentOn::Interface(0), "the interface"),
                Notice::Drops {
                    interface: 0,
                    received: Some(20),
                    if_drop: Some(2),
                    os_drop: Some(3)
                },
                comment(CommentOn::Frame(1), "one"),
                comment(CommentOn::Frame(1), "two"),
            ]
        );
    }
}

#[test]
fn a_cut_block_is_a_notice_wherever_it_is_cut() {
    let before = BIG.pcapng(2);
    for last in [
        BIG.epb(0, 1, 5, b"abcde", &[]),
        BIG.block(0x77, b"unknown"),
        BIG.shb(&[]),
    ] {
        for have in 1..last.len() {
            let read = read(&[&before[..], &last[..have]].concat()).clean();
            assert_eq!(read.records.len(), 2);
            let need = if have < 12 { 12 } else { last.len() as u64 };
            let cut = Notice::Truncated {
                what: "block",
                offset: before.len() as u64,
                have: have as u64,
                need,
            };
            assert_eq!(read.notices, [cut]);
        }
    }
}

#[test]
fn contradictions_are_corrupt_and_say_where() {
    let order = LITTLE;
    let before = order.pcapng(2);
    let offset = before.len() as u64;
    let broken = |mut block: Vec<u8>, at: usize, bytes: &[u8]| {
        block[at..at + bytes.len()].copy_from_slice(bytes);
        block
    };
    let packet = order.epb(0, 1, 5, b"abcde", &[]);
    let obsolete = order.pb(0, 0, 1, b"abcde", &[]);
    let last = packet.len() - 4;
    for (block, says) in [
        (
            order.epb(7, 1, 5, b"abcde", &[]),
            "names interface 7, its section has described 1",
        ),
        (broken(packet.clone(), 4, &order.u32(11)), "claims 11 bytes"),
        (
            broken(packet.clone(), 4, &order.u32(u32::MAX)),
            "claims 4294967295 bytes",
        ),
        (
            broken(packet.clone(), last, &order.u32(99)),
            "ends with another length",
        ),
        (
            broken(packet.clone(), 20, &order.u32(6000)),
            "do not fit together",
        ),
        (broken(packet, 20, &order.u32(u32::MAX)), "do not fit together"),
        (
            broken(obsolete.clone(), 20, &order.u32(6000)),
            "do not fit together",
        ),
        (broken(obsolete, 20, &order.u32(u32::MAX)), "do not fit together"),
        (broken(order.shb(&[]), 8, b"nope"), "byte-order mark"),
        (broken(order.shb(&[]), 12, &order.u16(2)), "version 2.0"),
        (order.block(1, b"tiny"), "do not fit together"),
        (
            order.block(0x77, b"")[..4]
                .iter()
                .copied()
                .chain([0xff; 8])
                .collect(),
            "claims 4294967295 bytes",
        ),
        (
            [order.shb(&[]), order.spb(1, b"x")].concat(),
            "interface 0, its section has described 0",
        ),
    ] {
        let read = read(&[&before[..], &block].concat());
        assert_eq!(read.records.len(), 2, "what was before is delivered");
        let Some(error @ CaptureError::Corrupt { offset: at, .. }) = &read.error else {
            panic!("{says}: {:?}", read.error)
        };
        assert!(error.to_string().contains(says), "{error}");
        assert!(*at >= offset);
    }
}

#[test]
fn a_section_without_packets_and_a_cut_one() {
    assert!(read(&LITTLE.shb(&[])).clean().records.is_empty());
    let cut = open(&Order(false).shb(&[])[..20]).expect_err("no whole section header");
    assert!(cut.to_string().contains("section header is cut off"), "{cut}");
}

#[test]
fn interfaces_are_bounded() {
    let mut file = LITTLE.shb(&[]);
    for _ in 0..70_000 {
        file.extend(LITTLE.idb(1, 0, &[]));
    }
    let error = read(&file).error.expect("too many");
    assert!(
        error.to_string().contains("more than 65536 interfaces"),
        "{error}"
    );
}
