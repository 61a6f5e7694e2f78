//! Readers that take turns see what one reader sees.

use whyreset_capture::{Hold, Lane, Look, Reader, Record, look_abreast};

use crate::bytes::{BIG, LITTLE, Rec, drain, file};
use crate::lots::{capture, owned};

/// Sees all, and where.
#[derive(Default)]
struct Eye {
    seen: Vec<Rec>,
    passed: Vec<(u64, u64, u64)>,
}

impl Look for Eye {
    fn look(&mut self, record: &Record<'_>) {
        self.seen.push(owned(record));
    }

    fn passed(&mut self, start: u64, end: u64, count: u64) {
        self.passed.push((start, end, count));
    }
}

/// Offset and number of every so many records.
fn starts(hold: &Hold, each: u64) -> Vec<(u64, u64)> {
    let mut reader = hold.reader().expect("it opens");
    let mut starts = vec![(reader.offset(), 1)];
    while let Some(record) = reader.next().expect("no error") {
        let number = record.number;
        if number.is_multiple_of(each) {
            starts.push((reader.offset(), number + 1));
        }
    }
    starts
}

/// A lane from each of these to the next.
fn lanes(hold: &Hold, starts: &[(u64, u64)]) -> Vec<Lane<Eye>> {
    let ends = starts.iter().skip(1).map(|(offset, _)| *offset);
    let lanes = starts.iter().zip(ends.chain([u64::MAX]));
    let lane = |(start, until): (&(u64, u64), u64)| {
        let reader = hold.reader_at(start.0, start.1).expect("it opens");
        Lane::new(reader, until, Eye::default())
    };
    lanes.map(lane).collect()
}

#[test]
fn lanes_together_see_the_whole() {
    for (order, magic, long) in [
        (LITTLE, 0xa1b2_c3d4, 0),
        (LITTLE, 0xa1b2_c3d4, 1_000),
        (BIG, 0xa1b2_c3d4, 1_000),
        (LITTLE, 0xa1b2_3c4d, 1_000),
    ] {
        let bytes = capture(order, magic, 30_000, long);
        let disk = file(&bytes);
        let whole = drain(Reader::open(disk.path()).expect("it opens"))
            .clean()
            .records;
        let hold = Hold::new(disk.path());
        for each in [40_000, 29_999, 7_001, 3_000] {
            let starts = starts(&hold, each);
            let mut lanes = lanes(&hold, &starts);
            let mut bytes_passed = 0;
            look_abreast(&mut lanes, &mut |bytes| bytes_passed += bytes);
            assert_eq!(bytes_passed, bytes.len() as u64 - 24, "{order:?} {each}");
            let mut seen = Vec::new();
            let mut end = 24;
            for (lane, (start, number)) in lanes.into_iter().zip(starts) {
                lane.outcome.expect("no error");
                assert_eq!(end, start);
                let mut count = 0;
                for (from, to, records) in lane.eye.passed {
                    assert_eq!(from, end);
                    (end, count) = (to, count + records);
                }
                assert_eq!(count, lane.eye.seen.len() as u64);
                assert_eq!(seen.len() as u64 + 1, number);
                seen.extend(lane.eye.seen);
            }
            assert!(seen == whole, "{order:?} {each}");
        }
    }
}

#[test]
fn a_lane_that_breaks_off_leaves_the_others_alone() {
    let mut bytes = capture(LITTLE, 0xa1b2_c3d4, 9_000, 0);
    let disk = file(&bytes);
    let hold = Hold::new(disk.path());
    let starts = starts(&hold, 3_000);
    // The 4,000th record claims more than any may have.
    let at = self::starts(&hold, 3_999)[1].0;
    let at = usize::try_from(at).expect("small") + 8;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let disk = file(&bytes);
    let mut lanes = lanes(&Hold::new(disk.path()), &starts);
    look_abreast(&mut lanes, &mut |_| {});
    let seen: Vec<usize> = lanes.iter().map(|lane| lane.eye.seen.len()).collect();
    assert_eq!(seen[..3], [3_000, 999, 3_000]);
    assert!(lanes[1].outcome.is_err());
    assert!(lanes[0].outcome.is_ok() && lanes[2].outcome.is_ok());
    assert_eq!(lanes[0].reader.offset(), starts[1].0);
    assert_eq!(lanes[2].reader.offset(), starts[3].0);
}
