//! Pipes, growing and shrinking files.

use std::fs::OpenOptions;
use std::io::{Write, pipe};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use whyreset_capture::{Notice, Reader};

use crate::bytes::{BIG, LITTLE, drain, file};

/// Each record must come out before more is written, whatever the pieces.
#[test]
fn a_record_is_handed_out_as_soon_as_it_is_complete() {
    for (head, records) in [
        (
            LITTLE.legacy(0),
            (0..5).map(|s| LITTLE.rec(s, 0, 3, b"abc")).collect::<Vec<_>>(),
        ),
        (
            BIG.pcapng(0),
            (0..5).map(|t| BIG.epb(0, t, 3, b"abc", &[])).collect(),
        ),
    ] {
        let (source, mut sink) = pipe().expect("a pipe");
        let (told, seen) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut reader = Reader::from_read("pipe", source).expect("it opens");
            while let Some(record) = reader.next().expect("no error") {
                told.send(record.number).expect("heard");
            }
        });
        sink.write_all(&head).expect("written");
        for (record, number) in records.iter().zip(1_u64..) {
            for piece in record.chunks(7) {
                sink.write_all(piece).expect("written");
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(seen.recv_timeout(Duration::from_secs(20)), Ok(number));
        }
        drop(sink);
        reader.join().expect("it ends");
    }
}

#[test]
fn a_fifo_is_a_stream() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("fifo");
    if !Command::new("mkfifo")
        .arg(&path)
        .status()
        .is_ok_and(|status| status.success())
    {
        println!("skipped: mkfifo (coreutils) is not there");
        return;
    }
    let writer = {
        let path = path.clone();
        thread::spawn(move || {
            let mut fifo = OpenOptions::new().write(true).open(path).expect("it opens");
            fifo.write_all(&BIG.pcapng(200)).expect("written");
        })
    };
    let read = drain(Reader::open(&path).expect("it opens")).clean();
    assert_eq!(read.records.len(), 200);
    assert_eq!(read.reader.progress().bytes_total, None);
    writer.join().expect("it ends");
}

#[test]
fn a_growing_file_is_read_to_where_it_ends_now() {
    let whole = LITTLE.legacy(4);
    let disk = file(&whole[..whole.len() - 2]);
    let mut reader = Reader::open(disk.path()).expect("it opens");
    assert!(reader.next().expect("no error").is_some());
    let mut more = OpenOptions::new()
        .append(true)
        .open(disk.path())
        .expect("it opens");
    more.write_all(&whole[whole.len() - 2..]).expect("written");
    more.write_all(&LITTLE.rec(9, 9, 1, b"x")[..5]).expect("written");
    let rest = drain(reader).clean();
    // What came after the file was first read is there too, the piece of a record is told.
    assert_eq!(rest.numbers(), [2, 3, 4]);
    let cut = Notice::Truncated {
        what: "record",
        offset: whole.len() as u64,
        have: 5,
        need: 16,
    };
    assert_eq!(rest.notices, [cut]);
}

#[test]
fn a_shrinking_file_ends_cleanly() {
    // More than is read at once, so that the end is asked for after it has moved.
    let mut whole = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1);
    for second in 0..200 {
        whole.extend(LITTLE.rec(second, 0, 60_000, &vec![0; 60_000]));
    }
    let disk = file(&whole);
    let mut reader = Reader::open(disk.path()).expect("it opens");
    assert!(reader.next().expect("no error").is_some());
    disk.as_file().set_len(5_000_000).expect("cut");
    let rest = drain(reader).clean();
    assert_eq!(rest.records.len(), 82);
    let shrank = Notice::Shrank {
        had: whole.len() as u64,
        read: 5_000_000,
    };
    assert!(rest.notices.contains(&shrank), "{:?}", rest.notices);
}
