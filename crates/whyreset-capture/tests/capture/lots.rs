//! Records by the lot, and by an index, are those that are read one after the other.

use whyreset_capture::{Hold, Index, Look, Picked, Reader, Record, Sieve, Stretch};

use crate::bytes::{BIG, LITTLE, Order, Rec, drain, file};

/// Packets of mixed sizes; every so many bytes a long one.
pub fn capture(order: Order, magic: u32, count: u32, long: u32) -> Vec<u8> {
    let mut bytes = order.pcap(magic, 262_144, 1);
    for index in 0..count {
        let len = if long > 0 && index % long == long - 1 {
            70_000
        } else {
            index * 7 % 400
        };
        let data = vec![u8::try_from(index % 251).expect("small"); len as usize];
        bytes.extend(order.rec(1_700_000_000 + index / 100, index % 1_000, len, &data));
    }
    bytes
}

pub fn owned(record: &Record<'_>) -> Rec {
    Rec {
        number: record.number,
        at_ns: record.at_ns,
        link: record.link,
        interface: record.interface,
        wire_len: record.wire_len,
        data: record.data.to_vec(),
        direction: record.direction,
        drops_before: record.drops_before,
    }
}

/// A record's first byte.
fn first(record: &Record<'_>) -> u32 {
    record.data.first().copied().unwrap_or(0).into()
}

/// Those whose first byte leaves this remainder.
#[derive(Clone, Copy)]
struct Nth(u32);

impl Sieve for Nth {
    fn note(&self, record: &Record<'_>) -> u32 {
        first(record)
    }

    fn wants(&self, note: u32) -> bool {
        note.is_multiple_of(self.0)
    }
}

fn all(lot: &Picked<'_>, to: &mut Vec<Rec>) {
    for index in 0..lot.len() {
        let record = lot.at(index);
        assert_eq!(lot.note(index), first(&record));
        to.push(owned(&record));
    }
    assert!(
        lot.at(lot.len()).data.is_empty(),
        "beyond the end there is nothing"
    );
}

fn sifted(mut reader: Reader, sieve: Nth, to: &mut Vec<Rec>) {
    while let Some(lot) = reader.sift(sieve).expect("no error") {
        all(&lot, to);
    }
}

/// Sees all, and makes an index of it.
struct Eye {
    seen: Vec<Rec>,
    index: Index,
}

impl Look for Eye {
    fn look(&mut self, record: &Record<'_>) {
        self.seen.push(owned(record));
        self.index.push(record, first(record));
    }
}

fn looked(hold: &Hold, bytes: usize) -> Eye {
    let mut reader = hold.reader().expect("it opens");
    let mut eye = Eye {
        seen: Vec::new(),
        index: Index::new(reader.offset(), bytes, 1_000),
    };
    while reader.look(u64::MAX, &mut eye).expect("no error") > 0 {}
    eye
}

/// What is wanted, by the index as far as it goes and by the reader from there on.
fn walked(hold: &Hold, index: &Index, sieve: Nth) -> Vec<Rec> {
    let mut records = Vec::new();
    let mut walk = hold.walk(index, 1).expect("it is mapped");
    while let Some(lot) = walk.sift(sieve) {
        all(&lot, &mut records);
    }
    let (offset, number) = walk.reached();
    sifted(
        hold.reader_at(offset, number).expect("it opens"),
        sieve,
        &mut records,
    );
    records
}

#[test]
fn lots_hold_what_single_records_are() {
    for (order, magic) in [
        (LITTLE, 0xa1b2_c3d4),
        (BIG, 0xa1b2_c3d4),
        (LITTLE, 0xa1b2_3c4d),
        (BIG, 0xa1b2_3c4d),
    ] {
        let disk = file(&capture(order, magic, 9_000, 1_000));
        let whole = drain(Reader::open(disk.path()).expect("it opens"))
            .clean()
            .records;
        let hold = Hold::new(disk.path());
        assert!(looked(&hold, 0).seen == whole, "{order:?} {magic:x}");
        for sieve in [Nth(1), Nth(3), Nth(250)] {
            let wanted: Vec<Rec> = whole
                .iter()
                .filter(|one| sieve.wants(one.data.first().copied().unwrap_or(0).into()))
                .cloned()
                .collect();
            for reader in [hold.reader(), Reader::open(disk.path())] {
                let mut records = Vec::new();
                sifted(reader.expect("it opens"), sieve, &mut records);
                assert!(records == wanted, "{order:?} {magic:x} {}", sieve.0);
            }
        }
    }
}

#[test]
fn an_index_leads_to_the_same_records_however_far_it_goes() {
    let disk = file(&capture(LITTLE, 0xa1b2_c3d4, 9_000, 0));
    let long = file(&capture(LITTLE, 0xa1b2_c3d4, 9_000, 5_000));
    for (disk, bytes, len) in [
        (&disk, 1 << 20, 9_000),
        (&disk, 6_000, 1_000),
        (&disk, 5, 0),
        // Its length does not fit.
        (&long, 1 << 20, 4_999),
    ] {
        let hold = Hold::new(disk.path());
        assert!(hold.has_index());
        let eye = looked(&hold, bytes);
        assert_eq!(eye.index.len(), len);
        for sieve in [Nth(1), Nth(3), Nth(250)] {
            let wanted = eye
                .seen
                .iter()
                .filter(|one| sieve.wants(one.data.first().copied().unwrap_or(0).into()));
            assert!(
                walked(&hold, &eye.index, sieve).iter().eq(wanted),
                "{bytes} {}",
                sieve.0
            );
        }
    }
}

/// The stretches between these records, each found in the whole.
fn stretches(hold: &Hold, each: usize) -> Vec<Stretch> {
    let mut reader = hold.reader().expect("it opens");
    let (mut all, mut start, mut first) = (Vec::new(), reader.offset(), 1);
    while let Some(record) = reader.next().expect("no error") {
        let number = record.number;
        if number % each as u64 == 0 || number == 9_000 {
            let end = reader.offset();
            all.push(Stretch {
                start,
                end,
                first,
                count: number + 1 - first,
            });
            (start, first) = (end, number + 1);
        }
    }
    all
}

#[test]
fn stretches_hold_what_the_whole_does() {
    let disk = file(&capture(LITTLE, 0xa1b2_c3d4, 9_000, 0));
    let hold = Hold::new(disk.path());
    let eye = looked(&hold, 1 << 20);
    for (each, sieve) in [(1, Nth(1)), (700, Nth(3)), (2_000, Nth(250)), (9_000, Nth(1))] {
        let wanted: Vec<Rec> = eye
            .seen
            .iter()
            .filter(|one| sieve.wants(one.data.first().copied().unwrap_or(0).into()))
            .cloned()
            .collect();
        let (mut by_file, mut by_index, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for stretch in stretches(&hold, each) {
            let mut sift = hold.stretch(stretch).expect("it is mapped");
            while let Some(lot) = sift.sift(sieve) {
                all(&lot, &mut by_file);
                all(&hold.picked(lot.picks()).expect("it is mapped"), &mut again);
            }
            let skip = usize::try_from(stretch.first - 1).expect("few");
            let walk = hold.walk_part(&eye.index, skip, stretch);
            let mut walk = walk.expect("the index reaches so far");
            while let Some(lot) = walk.sift(sieve) {
                all(&lot, &mut by_index);
            }
        }
        assert!(by_file == wanted && again == wanted, "{each}");
        assert!(by_index == wanted, "{each}");
    }
    let last = *stretches(&hold, 700).last().expect("there are some");
    assert!(hold.walk_part(&eye.index, 8_999, last).is_none());
    let beyond = Stretch {
        end: last.end + 1,
        ..last
    };
    assert!(hold.stretch(beyond).is_none());
}

#[test]
fn other_forms_have_no_index() {
    let disk = file(&capture(BIG, 0xa1b2_c3d4, 100, 0));
    let hold = Hold::new(disk.path());
    assert!(!hold.has_index());
    assert!(hold.walk(&Index::new(24, 100, 10), 1).is_none());
}

#[test]
fn a_file_that_becomes_shorter_ends_the_walk() {
    let disk = file(&capture(LITTLE, 0xa1b2_c3d4, 9_000, 0));
    let hold = Hold::new(disk.path());
    let eye = looked(&hold, 1 << 20);
    let mut walk = hold.walk(&eye.index, 1).expect("it is mapped");
    let lot = walk.sift(Nth(1)).expect("the first records");
    disk.as_file().set_len(20_000).expect("it becomes shorter");
    let records: Vec<Rec> = (0..lot.len()).map(|index| owned(&lot.at(index))).collect();
    let mut both = records.iter().zip(&eye.seen);
    let right = both.by_ref().take_while(|(one, two)| one == two).count();
    assert!((60..120).contains(&right), "{right}");
    assert!(
        both.all(|(one, _)| one.data.is_empty()),
        "what was lost reads as records without bytes"
    );
    assert!(walk.sift(Nth(1)).is_none());
}
