//! Deterministic damage: whatever the bytes, an answer, and memory that does not follow their claims.

use crate::bytes::{BIG, END, LITTLE, corpus, open};

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

/// Values that lengths and counts are most afraid of.
const EVIL: [u32; 10] = [
    0,
    1,
    3,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    u32::MAX,
    262_145,
    0x0a0d_0d0a,
    12,
];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.next().to_le_bytes()[0],
            1 => bytes[at] ^= 1 << random.below(8),
            2 => {
                let evil = EVIL[random.below(EVIL.len())];
                let evil = if random.next() & 1 == 0 {
                    evil.to_le_bytes()
                } else {
                    evil.to_be_bytes()
                };
                for (byte, new) in bytes.iter_mut().skip(at & !3).zip(evil) {
                    *byte = new;
                }
            }
            3 => bytes.truncate(at),
            _ => {
                let end = (at + random.below(40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let options = |order: crate::bytes::Order| {
        [
            order.opt(1, b"comment"),
            order.opt(2, &order.u32(1)),
            END.to_vec(),
        ]
        .concat()
    };
    let rich = |order: crate::bytes::Order| {
        [
            order.shb(&options(order)),
            order.idb(
                1,
                96,
                &[order.opt(2, b"eth0"), order.opt(9, &[9]), order.opt(14, &[0; 8])].concat(),
            ),
            order.epb(0, 1 << 60, 70, &[7; 61], &options(order)),
            order.pb(0, 1, 5, &[8; 33], &options(order)),
            order.spb(9, b"123456789"),
            order.block(5, &[order.u32(0), order.u64(9), order.opt(5, &[0; 8])].concat()),
            order.block(0x0bad, b"pen data"),
            order.shb(&[]),
            order.idb(101, 0, &[]),
            order.epb(0, 2, 4, b"last", &[]),
        ]
        .concat()
    };
    let mut modified = LITTLE.pcap(0xa1b2_cd34, 96, 1);
    let mut record = LITTLE.rec(1, 2, 3, b"abc");
    record.splice(16..16, [0, 0, 0, 1, 8, 0, 4, 0]);
    modified.extend(record);
    let mut seeds = vec![LITTLE.legacy(6), BIG.legacy(6), rich(LITTLE), rich(BIG), modified];
    seeds.extend(
        corpus()
            .iter()
            .filter_map(|path| std::fs::read(path).ok())
            .filter(|bytes| bytes.len() < 1500),
    );
    seeds
}

/// Reads to the end; how many records there were.
fn survive(bytes: &[u8]) -> usize {
    let Ok(mut reader) = open(bytes) else { return 0 };
    let mut records = 0;
    let mut last = 0;
    while let Ok(Some(record)) = reader.next() {
        assert!(record.number > last, "frame numbers rise");
        assert!(record.data.len() <= bytes.len());
        last = record.number;
        records += 1;
    }
    assert!(reader.offset() <= bytes.len() as u64);
    assert!(reader.interfaces().len() <= bytes.len());
    for notice in reader.notices() {
        assert!(!notice.to_string().contains('\x1b'));
    }
    records
}

#[test]
fn no_damage_makes_it_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let seeds = seeds();
    let whole: Vec<usize> = seeds.iter().map(|seed| survive(seed)).collect();
    assert!(whole.iter().all(|records| *records > 0), "{whole:?}");
    let mut read = 0;
    for round in 0..6_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        mutate(&mut bytes, &mut random);
        read += survive(&bytes);
    }
    // Otherwise the damage is so great that nothing but the first check is tried.
    assert!(read > 6_000, "{read} records in all");
}

#[test]
fn no_damage_makes_unpacking_panic() {
    use std::io::Write;
    let plain = [BIG.pcapng(40), vec![0; 3000]].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).expect("into memory");
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&plain).expect("into memory");
    let seeds = [
        gzip.finish().expect("into memory"),
        lz4.finish().expect("into memory"),
        ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest),
    ];
    let mut random = Random(88_172_645_463_325_252);
    let mut read = 0;
    for round in 0..900 {
        let mut bytes = seeds[round % seeds.len()].clone();
        mutate(&mut bytes, &mut random);
        read += survive_packed(&bytes);
    }
    assert!(read > 900, "{read} records in all");
}

fn survive_packed(bytes: &[u8]) -> usize {
    let Ok(mut reader) = open(bytes) else { return 0 };
    let mut records = 0;
    loop {
        match reader.next() {
            Ok(Some(_)) => records += 1,
            Ok(None) => return records,
            Err(error) => {
                let error = error.to_string();
                assert!(
                    !error.contains("thread that unpacks it stopped"),
                    "the unpacker panicked"
                );
                return records;
            }
        }
    }
}

#[test]
fn every_capture_of_the_corpus_is_read_whole() {
    let files = corpus();
    if files.is_empty() {
        println!("skipped: no corpus lies beside this tree");
    }
    for path in files {
        let reader = whyreset_capture::Reader::open(&path).expect("it opens");
        let read = crate::bytes::drain(reader);
        assert!(read.error.is_none(), "{}: {:?}", path.display(), read.error);
        assert!(!read.records.is_empty(), "{}", path.display());
        let len = path.metadata().expect("it is there").len();
        let cut = read
            .notices
            .iter()
            .any(|notice| matches!(notice, whyreset_capture::Notice::Truncated { .. }));
        assert!(
            read.reader.offset() == len || cut,
            "{}: {:?}",
            path.display(),
            read.notices
        );
    }
}
