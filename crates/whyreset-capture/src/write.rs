//! pcapng blocks to bytes, in either byte order. Opens no file.

use std::io::{self, Write};

use pcap_parser::{BOM_MAGIC, EPB_MAGIC, IDB_MAGIC, SHB_MAGIC};

use crate::{Interface, Record, Resolution};

const PADDING: [u8; 4] = [0; 4];

/// The byte order of a section.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub big: bool,
}

impl Order {
    /// 32-bit words as bytes.
    pub fn words(self, words: &[u32]) -> Vec<u8> {
        let bytes = |word: &u32| {
            if self.big {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            }
        };
        words.iter().flat_map(bytes).collect()
    }

    /// An option, padded. `value` is at most 65535 bytes, which whoever calls has made sure of.
    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let value = &value[..usize::from(len)];
        let mut bytes = Vec::with_capacity(value.len() + 8);
        for half in [code, len] {
            bytes.extend(if self.big {
                half.to_be_bytes()
            } else {
                half.to_le_bytes()
            });
        }
        bytes.extend(value);
        bytes.extend(padding(value.len()));
        bytes
    }

    fn block(self, out: &mut impl Write, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let len = 12 + parts.iter().map(|part| part.len()).sum::<usize>();
        let len = u32::try_from(len).map_err(|_| io::ErrorKind::InvalidData)?;
        out.write_all(&self.words(&[kind, len]))?;
        for part in parts {
            out.write_all(part)?;
        }
        out.write_all(&self.words(&[len]))
    }
}

const NATIVE: Order = Order { big: false };

fn padding(len: usize) -> &'static [u8] {
    &PADDING[..len.next_multiple_of(4) - len]
}

/// The header of a section of unknown length.
pub(crate) fn section(out: &mut impl Write) -> io::Result<()> {
    // Version 1.0, then a length of -1.
    let fixed = NATIVE.words(&[BOM_MAGIC, 1, u32::MAX, u32::MAX]);
    let program = NATIVE.option(4, b"whyreset");
    NATIVE.block(out, SHB_MAGIC, &[&fixed, &program, &PADDING])
}

/// The description of an interface.
pub(crate) fn interface(out: &mut impl Write, interface: &Interface) -> io::Result<()> {
    let fixed = NATIVE.words(&[u32::from(interface.link), interface.snaplen]);
    let Resolution(unit) = interface.tsresol;
    let unit = NATIVE.option(9, &[unit]);
    NATIVE.block(out, IDB_MAGIC, &[&fixed, &unit, &PADDING])
}

/// A record of interface 0 whose times count `unit` nanoseconds.
pub(crate) fn record(
    out: &mut impl Write,
    record: &Record<'_>,
    unit: u64,
    comment: Option<&str>,
) -> io::Result<()> {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = (record.at_ns.unwrap_or(0) / unit).to_be_bytes();
    let caplen = u32::try_from(record.data.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let (high, low) = (
        u32::from_be_bytes([t0, t1, t2, t3]),
        u32::from_be_bytes([t4, t5, t6, t7]),
    );
    let fixed = NATIVE.words(&[record.interface, high, low, caplen, record.wire_len]);
    let mut options = Vec::new();
    if let Some(direction) = record.direction {
        options = NATIVE.option(2, &NATIVE.words(&[direction.to_flags()]));
        options.extend(PADDING);
    }
    packet(out, NATIVE, EPB_MAGIC, &fixed, record.data, comment, &options)
}

/// A packet block of `kind` (enhanced or obsolete): its 20 `fixed` bytes, its data, `comment` before its
/// `options`, which hold their own end mark where there are any.
pub(crate) fn packet(
    out: &mut impl Write,
    order: Order,
    kind: u32,
    fixed: &[u8],
    data: &[u8],
    comment: Option<&str>,
    options: &[u8],
) -> io::Result<()> {
    let comment = comment
        .map(|text| order.option(1, text.as_bytes()))
        .unwrap_or_default();
    let end = if options.is_empty() && !comment.is_empty() {
        PADDING.as_slice()
    } else {
        &[]
    };
    order.block(
        out,
        kind,
        &[fixed, data, padding(data.len()), &comment, options, end],
    )
}
