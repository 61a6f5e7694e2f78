//! A copy of a capture, as pcapng, with comments on some of its frames, so that Wireshark shows them.
//! Blocks are copied as they are; only commented packets are written anew. Never touches its input.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pcap_parser::{EPB_MAGIC, SPB_MAGIC};

use crate::blocks::{Block, PB_MAGIC, next_block};
use crate::pcapng::{EPB_DATA, Packet, Pcapng, SPB_DATA};
use crate::reader::Format;
use crate::write::{self, Order};
use crate::{CaptureError, Notice, Reader, Resolution};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    /// Packets copied.
    pub packets: u64,
    /// Comments placed.
    pub comments: u64,
    /// Frame numbers that were to get a comment and are not in the capture.
    pub missing: Vec<u64>,
    /// What was noticed while reading the input.
    pub notices: Vec<Notice>,
}

/// Writes to `output` every packet of `input` with `comments`, by frame number, on theirs.
///
/// Interfaces, times, lengths, directions, comments and all else that the input has stay. The output
/// appears only when it is complete, in the place of what may have been there; a device or a fifo is
/// written as it is. An input cut off at its end is copied as far as it goes; one that is corrupt is refused.
///
/// # Errors
/// Where the input cannot be read, the output cannot be written or would destroy the input, and where a
/// comment is longer than 65535 bytes. What was begun is removed then.
pub fn annotate(
    input: &Path,
    output: &Path,
    comments: &BTreeMap<u64, String>,
) -> Result<Annotated, CaptureError> {
    if let Some((frame, text)) = comments
        .iter()
        .find(|(_, text)| text.len() > usize::from(u16::MAX))
    {
        return Err(CaptureError::CommentTooLong {
            frame: *frame,
            len: text.len(),
        });
    }
    if same_file(input, output) {
        return Err(CaptureError::SameFile {
            name: output.display().to_string(),
        });
    }
    let reader = Reader::open(input)?;
    let mut target = Target::create(output).map_err(|why| unwritten(output, why))?;
    let annotated = copy(reader, &mut target.file, comments).map_err(|fault| match fault {
        Fault::Read(error) => error,
        Fault::Write(why) => unwritten(output, why),
    })?;
    target.keep().map_err(|why| unwritten(output, why))?;
    Ok(annotated)
}

fn unwritten(output: &Path, why: io::Error) -> CaptureError {
    CaptureError::Write {
        name: output.display().to_string(),
        why,
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Where the copy goes: beside its place until it is whole.
struct Target {
    file: BufWriter<File>,
    /// The unfinished file and its place.
    unfinished: Option<(PathBuf, PathBuf)>,
}

impl Target {
    fn create(output: &Path) -> io::Result<Self> {
        // Through a link to what it leads to; a name that is not there yet is its own place.
        let place = fs::canonicalize(output).unwrap_or_else(|_| output.to_owned());
        if fs::metadata(&place).is_ok_and(|meta| !meta.is_file()) {
            let file = OpenOptions::new().write(true).open(&place)?;
            return Ok(Self {
                file: BufWriter::new(file),
                unfinished: None,
            });
        }
        let mut name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = place.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&part)?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            unfinished: Some((part, place)),
        })
    }

    fn keep(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((part, place)) = &self.unfinished {
            fs::rename(part, place)?;
        }
        self.unfinished = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.unfinished {
            // The error that led here is told; that the rest could not be removed adds nothing.
            drop(fs::remove_file(part));
        }
    }
}

enum Fault {
    Read(CaptureError),
    Write(io::Error),
}

impl From<CaptureError> for Fault {
    fn from(error: CaptureError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for Fault {
    fn from(why: io::Error) -> Self {
        Self::Write(why)
    }
}

fn copy(
    mut reader: Reader,
    out: &mut impl Write,
    comments: &BTreeMap<u64, String>,
) -> Result<Annotated, Fault> {
    let mut done = Done {
        left: comments.clone(),
        packets: 0,
    };
    match &reader.format {
        Format::Legacy(..) => copy_legacy(&mut reader, out, &mut done)?,
        Format::Pcapng(_) => copy_blocks(&mut reader, out, &mut done)?,
    }
    Ok(Annotated {
        packets: done.packets,
        comments: (comments.len() - done.left.len()) as u64,
        missing: done.left.into_keys().collect(),
        notices: reader.notices().to_vec(),
    })
}

struct Done {
    /// Comments that are still to be placed.
    left: BTreeMap<u64, String>,
    packets: u64,
}

fn copy_legacy(reader: &mut Reader, out: &mut impl Write, done: &mut Done) -> Result<(), Fault> {
    let interfaces = reader.interfaces().to_vec();
    let resolution = interfaces
        .first()
        .map_or(Resolution::MICRO, |interface| interface.tsresol);
    write::section(out)?;
    for interface in &interfaces {
        write::interface(out, interface)?;
    }
    let unit = if resolution == Resolution::NANO { 1 } else { 1000 };
    while let Some(record) = reader.next()? {
        let comment = done.left.remove(&record.number);
        write::record(out, &record, unit, comment.as_deref())?;
        done.packets += 1;
    }
    Ok(())
}

fn copy_blocks(reader: &mut Reader, out: &mut impl Write, done: &mut Done) -> Result<(), Fault> {
    let Reader {
        window,
        format: Format::Pcapng(pcapng),
        notices,
        ..
    } = reader
    else {
        return Ok(());
    };
    while let Some(block) = next_block(window, &mut pcapng.big, true, notices)? {
        let packet = if block.is_read() {
            pcapng.read(block, window, notices)?
        } else {
            pcapng.pass(block, notices);
            None
        };
        let bytes = window.have().get(..block.len as usize).unwrap_or_default();
        let comment = packet.and_then(|_| done.left.remove(&pcapng.frame));
        match (packet, comment) {
            (Some(packet), Some(text)) => commented(out, pcapng, block, bytes, packet, &text)?,
            _ => out.write_all(bytes)?,
        }
        done.packets += u64::from(packet.is_some());
        window.consume(block.len as usize);
    }
    reader.finish();
    Ok(())
}

/// Writes a packet block anew with `text` before the options that it has.
fn commented(
    out: &mut impl Write,
    pcapng: &Pcapng,
    block: Block,
    bytes: &[u8],
    packet: Packet,
    text: &str,
) -> io::Result<()> {
    let order = Order { big: pcapng.big };
    let padded = packet.caplen.next_multiple_of(4);
    let (fixed, data, options) = match block.kind {
        EPB_MAGIC | PB_MAGIC => {
            let options = bytes
                .get(EPB_DATA + padded..bytes.len().saturating_sub(4))
                .unwrap_or_default();
            (
                bytes.get(8..EPB_DATA).unwrap_or_default().to_vec(),
                EPB_DATA,
                options,
            )
        }
        // A simple packet has no room for a comment: it becomes an enhanced one, of the section's first
        // interface and without a time as far as that form can say so.
        _ => (
            order.words(&[0, 0, 0, u32_of(packet.caplen), packet.wire_len]),
            SPB_DATA,
            [].as_slice(),
        ),
    };
    let kind = if block.kind == SPB_MAGIC {
        EPB_MAGIC
    } else {
        block.kind
    };
    let data = bytes.get(data..data + packet.caplen).unwrap_or_default();
    write::packet(out, order, kind, &fixed, data, Some(text), options)
}

/// Packet lengths come from 32 bits.
fn u32_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
