//! Two readers on one file meet at the boundary that was found.

use whyreset_capture::{Reader, find_boundary};

use crate::bytes::{BIG, LITTLE, drain, file};

/// Packets of mixed sizes whose bytes look like record headers now and then.
fn capture(order: crate::bytes::Order, count: u32) -> Vec<u8> {
    let mut file = order.pcap(0xa1b2_c3d4, 65_535, 1);
    let mut state = 88_172_645_463_325_252_u64;
    for index in 0..count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let len = u32::try_from(state % 1400).expect("below 1400");
        let mut data = vec![0; len as usize];
        let decoy = order.rec(1_700_000_000, 5, 60, &[0; 44]);
        if data.len() > decoy.len() {
            data[..decoy.len()].copy_from_slice(&decoy);
        }
        file.extend(order.rec(1_700_000_000 + index / 100, index % 1_000_000, len, &data));
    }
    file
}

#[test]
fn the_front_arrives_where_the_second_began() {
    for order in [LITTLE, BIG] {
        let bytes = capture(order, 4_000);
        let disk = file(&bytes);
        let whole = drain(Reader::open(disk.path()).expect("it opens"))
            .clean()
            .records;
        for near in [0, 24, 25, 1_000_000, 1_234_567, bytes.len() as u64 - 20_000] {
            let boundary = find_boundary(disk.path(), near).expect("a boundary");
            assert!(
                boundary >= near.max(24) && boundary < near.max(24) + 1_500,
                "{boundary} for {near}"
            );
            let mut front = Reader::open(disk.path()).expect("it opens");
            let mut count = 0;
            while front.offset() < boundary {
                assert!(front.next().expect("no error").is_some());
                count += 1;
            }
            assert_eq!(front.offset(), boundary);
            let back = Reader::open_at(disk.path(), boundary, count + 1).expect("it opens");
            let back = drain(back).clean();
            assert!(
                back.records[..] == whole[usize::try_from(count).expect("small")..],
                "from {near}"
            );
            assert!(back.notices.is_empty());
        }
    }
}

#[test]
fn where_there_is_no_boundary_none_is_found() {
    let legacy = file(&capture(LITTLE, 500));
    let len = legacy.path().metadata().expect("it is there").len();
    assert_eq!(find_boundary(legacy.path(), len), None);
    assert_eq!(find_boundary(legacy.path(), len - 3), None);
    assert_eq!(find_boundary(legacy.path(), u64::MAX), None);
    assert_eq!(find_boundary(file(&LITTLE.pcapng(200)).path(), 100), None);
    assert_eq!(find_boundary(file(&LITTLE.legacy(0)).path(), 24), None);
    assert_eq!(find_boundary(std::path::Path::new("/dev/null"), 0), None);
    let noise = [LITTLE.legacy(1), vec![0x5a; 2_000_000]].concat();
    assert_eq!(find_boundary(file(&noise).path(), 100), None);
}

#[test]
fn a_wrong_offset_is_an_error_or_an_end_and_no_panic() {
    let disk = file(&capture(LITTLE, 200));
    for offset in [0, 23, 25, 1_000, 12_345, 1 << 40] {
        drain(Reader::open_at(disk.path(), offset, 1).expect("it opens"));
    }
}
