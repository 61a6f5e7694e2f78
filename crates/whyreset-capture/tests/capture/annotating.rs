//! Copies with comments: nothing but the comments is new.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use whyreset_capture::{Annotated, CaptureError, CommentOn, Notice, Reader, annotate};

use crate::bytes::{BIG, END, LITTLE, Order, drain, file};

fn comments(list: &[(u64, &str)]) -> BTreeMap<u64, String> {
    list.iter()
        .map(|(frame, text)| (*frame, (*text).to_owned()))
        .collect()
}

fn on_frame(frame: u64, text: &str) -> Notice {
    Notice::Comment {
        on: CommentOn::Frame(frame),
        text: text.to_owned(),
    }
}

/// Annotates, reads the copy, and holds its records against the input's.
fn copied(bytes: &[u8], list: &[(u64, &str)]) -> (Annotated, Vec<Notice>, Vec<u8>) {
    let input = file(bytes);
    let dir = tempfile::tempdir().expect("a directory");
    let output = dir.path().join("out.pcapng");
    let said = annotate(input.path(), &output, &comments(list)).expect("it is written");
    let before = drain(Reader::open(input.path()).expect("it opens")).clean();
    let after = drain(Reader::open(&output).expect("it opens")).clean();
    assert_eq!(after.records, before.records);
    assert_eq!(said.packets, before.records.len() as u64);
    let stripped = |reader: &Reader| -> Vec<_> {
        reader
            .interfaces()
            .iter()
            .map(|i| (i.name.clone(), i.link, i.snaplen, i.tsresol, i.tsoffset))
            .collect()
    };
    assert_eq!(stripped(&after.reader), stripped(&before.reader));
    assert_eq!(
        fs::read_dir(dir.path()).expect("it is there").count(),
        1,
        "nothing is left beside it"
    );
    (said, after.notices, fs::read(&output).expect("it is there"))
}

#[test]
fn legacy_becomes_pcapng_with_comments() {
    for order in [LITTLE, BIG] {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
            let mut bytes = order.pcap(magic, 96, 113);
            for index in 0..4_u8 {
                let mut record = order.rec(1_700_000_000, 123_456, 1500, &vec![7; usize::from(index)]);
                if magic == 0xa1b2_cd34 {
                    record.splice(16..16, [0, 0, 0, 1, 8, 0, index, 0]);
                }
                bytes.extend(record);
            }
            let (said, notices, _) = copied(&bytes, &[(2, "two"), (4, "four \u{1f600}"), (9, "none")]);
            assert_eq!((said.comments, &said.missing[..]), (2, &[9][..]));
            assert_eq!(notices, [on_frame(2, "two"), on_frame(4, "four \u{1f600}")]);
        }
    }
}

fn rich(order: Order) -> Vec<u8> {
    let options = [order.opt(1, b"old"), order.opt(2, &order.u32(2)), END.to_vec()].concat();
    [
        order.shb(&order.opt(1, b"section")),
        order.idb(
            1,
            96,
            &[order.opt(2, b"eth0"), order.opt(9, &[9]), END.to_vec()].concat(),
        ),
        order.epb(0, 1_700_000_000_123_456_789, 70, b"abcde", &options),
        order.block(0x0bad, b"pen data"),
        order.block(
            10,
            &[order.u32(0x544c_534b), order.u32(4), b"keys".to_vec()].concat(),
        ),
        order.epb(0, 5, 3, b"abc", &[]),
        order.pb(0, 1, 5, b"x", &options),
        order.spb(9, b"abcd"),
    ]
    .concat()
}

#[test]
fn pcapng_keeps_every_block() {
    let bytes = [rich(LITTLE), rich(BIG)].concat();
    let (said, _, copy) = copied(&bytes, &[]);
    assert_eq!(copy, bytes, "without comments it is the same file");
    assert_eq!(said.comments, 0);
    // Frames 2 and 7 are custom blocks.
    let list = [
        (1, "a"),
        (2, "custom"),
        (3, "bb"),
        (4, "ccc"),
        (6, "dddd"),
        (9, "eeeee"),
    ];
    let (said, notices, copy) = copied(&bytes, &list);
    assert_eq!((said.comments, &said.missing[..]), (5, &[2][..]));
    for expected in [
        on_frame(1, "a"),
        on_frame(1, "old"),
        on_frame(3, "bb"),
        on_frame(4, "ccc"),
        on_frame(6, "dddd"),
    ] {
        assert!(notices.contains(&expected), "{expected:?} in {notices:?}");
    }
    assert!(notices.contains(&on_frame(9, "eeeee")));
    let added = copy.len() - bytes.len();
    // An option header and the padded text each, and an end mark where there were no options.
    assert_eq!(added, (4 + 4) + (4 + 4 + 4) + (4 + 4) + (4 + 4) + (4 + 8));
}

#[test]
fn a_simple_packet_with_a_comment_becomes_an_enhanced_one() {
    for order in [LITTLE, BIG] {
        let bytes = [order.shb(&[]), order.idb(1, 4, &[]), order.spb(900, b"abcd")].concat();
        let input = file(&bytes);
        let dir = tempfile::tempdir().expect("a directory");
        let output = dir.path().join("out");
        annotate(input.path(), &output, &comments(&[(1, "why")])).expect("it is written");
        let read = drain(Reader::open(&output).expect("it opens")).clean();
        assert_eq!(read.notices, [on_frame(1, "why")]);
        assert_eq!(
            (read.records[0].wire_len, &*read.records[0].data),
            (900, &b"abcd"[..])
        );
    }
}

#[test]
fn the_longest_comment_fits_and_one_byte_more_does_not() {
    let long = "x".repeat(65_535);
    let (said, ..) = copied(&LITTLE.pcapng(1), &[(1, &long)]);
    assert_eq!(said.comments, 1);
    let input = file(&LITTLE.pcapng(1));
    let output = input.path().with_extension("out");
    let error = annotate(input.path(), &output, &comments(&[(1, &(long + "x"))])).expect_err("too long");
    assert!(matches!(
        error,
        CaptureError::CommentTooLong {
            frame: 1,
            len: 65_536
        }
    ));
    assert!(!output.exists());
}

#[test]
fn the_input_is_never_overwritten() {
    let bytes = LITTLE.pcapng(2);
    let dir = tempfile::tempdir().expect("a directory");
    let input = dir.path().join("in");
    fs::write(&input, &bytes).expect("written");
    let (hard, soft) = (dir.path().join("hard"), dir.path().join("soft"));
    fs::hard_link(&input, &hard).expect("linked");
    std::os::unix::fs::symlink(&input, &soft).expect("linked");
    for output in [&input, &hard, &soft] {
        let error = annotate(&input, output, &comments(&[(1, "x")])).expect_err("the same file");
        assert!(matches!(error, CaptureError::SameFile { .. }), "{error}");
    }
    assert_eq!(fs::read(&input).expect("it is there"), bytes);
}

#[test]
fn a_failure_leaves_what_was_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    fs::write(&input, [LITTLE.pcapng(2), vec![0xff; 40]].concat()).expect("written");
    fs::write(&output, b"older").expect("written");
    let error = annotate(&input, &output, &comments(&[(1, "x")])).expect_err("corrupt");
    assert!(matches!(error, CaptureError::Corrupt { .. }), "{error}");
    assert_eq!(fs::read(&output).expect("it is there"), b"older");
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 2);
    let nowhere = dir.path().join("no/such/out");
    let error = annotate(&input, &nowhere, &comments(&[])).expect_err("no directory");
    assert!(error.to_string().contains("No such file or directory"), "{error}");
}

#[test]
fn a_full_disk_is_told() {
    let input = file(&LITTLE.legacy(9));
    let error = annotate(input.path(), Path::new("/dev/full"), &comments(&[(1, "x")])).expect_err("full");
    assert_eq!(
        error.to_string(),
        "cannot write `/dev/full`: No space left on device, nothing was kept; make room or name a file on another disk"
    );
}

#[test]
fn a_cut_input_is_copied_as_far_as_it_goes() {
    for bytes in [LITTLE.legacy(5), BIG.pcapng(5)] {
        let (said, ..) = copied(&bytes[..bytes.len() - 1], &[(4, "last")]);
        assert_eq!((said.packets, said.comments), (4, 1));
        assert!(
            matches!(said.notices.last(), Some(Notice::Truncated { .. })),
            "{:?}",
            said.notices
        );
    }
}

#[test]
fn wireshark_shows_the_comments() {
    let input = file(&LITTLE.legacy(3));
    let dir = tempfile::tempdir().expect("a directory");
    let output = dir.path().join("out.pcapng");
    annotate(
        input.path(),
        &output,
        &comments(&[(2, "reset by server: unread-data")]),
    )
    .expect("it is written");
    let fields = [
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.comment",
    ];
    let Ok(said) = Command::new("tshark")
        .arg("-r")
        .arg(&output)
        .args(fields)
        .output()
    else {
        println!("skipped: tshark is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "1\t1700000000.000005000",
            "2\t1700000001.000005000\treset by server: unread-data",
            "3\t1700000002.000005000"
        ]
    );
}
