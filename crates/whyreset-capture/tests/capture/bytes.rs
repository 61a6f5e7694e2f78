//! Builds captures and collects what a reader says. Asserts nothing itself.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use tempfile::NamedTempFile;
use whyreset_capture::{CaptureError, Direction, Notice, Reader};

/// A record, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rec {
    pub number: u64,
    pub at_ns: Option<u64>,
    pub link: u16,
    pub interface: u32,
    pub wire_len: u32,
    pub data: Vec<u8>,
    pub direction: Option<Direction>,
    pub drops_before: u64,
}

/// All that a reader gave.
#[derive(Debug)]
pub struct Read {
    pub records: Vec<Rec>,
    pub error: Option<CaptureError>,
    pub notices: Vec<Notice>,
    pub reader: Reader,
}

impl Read {
    pub fn numbers(&self) -> Vec<u64> {
        self.records.iter().map(|record| record.number).collect()
    }

    pub fn times(&self) -> Vec<Option<u64>> {
        self.records.iter().map(|record| record.at_ns).collect()
    }

    pub fn clean(self) -> Self {
        assert!(self.error.is_none(), "{:?}", self.error);
        self
    }
}

/// Reads to the end or to the first error.
pub fn drain(mut reader: Reader) -> Read {
    let mut records = Vec::new();
    let error = loop {
        match reader.next() {
            Ok(Some(r)) => records.push(Rec {
                number: r.number,
                at_ns: r.at_ns,
                link: r.link,
                interface: r.interface,
                wire_len: r.wire_len,
                data: r.data.to_vec(),
                direction: r.direction,
                drops_before: r.drops_before,
            }),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(
        matches!(reader.next(), Ok(None)),
        "after the end there is nothing"
    );
    Read {
        records,
        error,
        notices: reader.notices().to_vec(),
        reader,
    }
}

pub fn open(bytes: &[u8]) -> Result<Reader, CaptureError> {
    Reader::from_read("test", Cursor::new(bytes.to_vec()))
}

pub fn read(bytes: &[u8]) -> Read {
    drain(open(bytes).expect("it opens"))
}

pub fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    file
}

/// Captures that others made, where they lie beside this tree.
pub fn corpus() -> Vec<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let dirs = ["../../shared/corpus", "../../../shared/corpus"].map(|dir| here.join(dir));
    let mut files: Vec<PathBuf> = dirs
        .iter()
        .filter_map(|dir| dir.read_dir().ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "pcap" || end == "pcapng")
        })
        .collect();
    files.sort();
    files
}

/// Writes numbers in one byte order.
#[derive(Clone, Copy, Debug)]
pub struct Order(pub bool);

pub const LITTLE: Order = Order(false);
pub const BIG: Order = Order(true);

impl Order {
    pub fn u16(self, value: u16) -> Vec<u8> {
        if self.0 {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
        .to_vec()
    }

    pub fn u32(self, value: u32) -> Vec<u8> {
        if self.0 {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
        .to_vec()
    }

    pub fn u64(self, value: u64) -> Vec<u8> {
        if self.0 {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
        .to_vec()
    }

    fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| self.u32(*word)).collect()
    }

    /// Legacy file header.
    pub fn pcap(self, magic: u32, snaplen: u32, link: u32) -> Vec<u8> {
        [
            self.u32(magic),
            self.u16(2),
            self.u16(4),
            self.words(&[0, 0, snaplen, link]),
        ]
        .concat()
    }

    /// Legacy record of the common form.
    pub fn rec(self, sec: u32, fraction: u32, wire_len: u32, data: &[u8]) -> Vec<u8> {
        [self.words(&[sec, fraction, len(data), wire_len]), data.to_vec()].concat()
    }

    /// pcapng option.
    pub fn opt(self, code: u16, value: &[u8]) -> Vec<u8> {
        let short = u16::try_from(value.len()).expect("a short option");
        [self.u16(code), self.u16(short), padded(value)].concat()
    }

    /// pcapng block.
    pub fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let body = padded(body);
        let whole = len(&body) + 12;
        [self.words(&[kind, whole]), body, self.u32(whole)].concat()
    }

    pub fn shb(self, options: &[u8]) -> Vec<u8> {
        let body = [
            self.u32(0x1a2b_3c4d),
            self.u16(1),
            self.u16(0),
            self.u64(u64::MAX),
            options.to_vec(),
        ];
        self.block(0x0a0d_0d0a, &body.concat())
    }

    pub fn idb(self, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
        self.block(
            1,
            &[self.u16(link), self.u16(0), self.u32(snaplen), options.to_vec()].concat(),
        )
    }

    pub fn epb(self, interface: u32, time: u64, wire_len: u32, data: &[u8], options: &[u8]) -> Vec<u8> {
        let fixed = self.words(&[interface, high(time), low(time), len(data), wire_len]);
        self.block(6, &[fixed, padded(data), options.to_vec()].concat())
    }

    pub fn spb(self, wire_len: u32, data: &[u8]) -> Vec<u8> {
        self.block(3, &[self.u32(wire_len), data.to_vec()].concat())
    }

    /// The obsolete packet block.
    pub fn pb(self, interface: u16, drops: u16, time: u64, data: &[u8], options: &[u8]) -> Vec<u8> {
        let fixed = self.words(&[high(time), low(time), len(data), len(data)]);
        let body = [
            self.u16(interface),
            self.u16(drops),
            fixed,
            padded(data),
            options.to_vec(),
        ];
        self.block(2, &body.concat())
    }

    /// A small pcapng file: one Ethernet interface in microseconds, `count` packets.
    pub fn pcapng(self, count: u8) -> Vec<u8> {
        let mut file = [self.shb(&[]), self.idb(1, 0, &[])].concat();
        for index in 0..count {
            let data = vec![index; usize::from(index) + 1];
            file.extend(self.epb(0, 1_000_000 + u64::from(index), u32::from(index) + 1, &data, &[]));
        }
        file
    }

    /// A small legacy file, `count` packets a second apart.
    pub fn legacy(self, count: u8) -> Vec<u8> {
        let mut file = self.pcap(0xa1b2_c3d4, 65_535, 1);
        for index in 0..count {
            let data = vec![index; usize::from(index) + 1];
            file.extend(self.rec(1_700_000_000 + u32::from(index), 5, u32::from(index) + 1, &data));
        }
        file
    }
}

/// The end-of-options mark.
pub const END: [u8; 4] = [0; 4];

pub fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("short test data")
}

fn high(time: u64) -> u32 {
    u32::try_from(time >> 32).expect("the upper half")
}

fn low(time: u64) -> u32 {
    u32::try_from(time & 0xffff_ffff).expect("the lower half")
}
