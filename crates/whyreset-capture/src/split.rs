//! Two readers on one file: finding where a second may begin, and beginning there. Only for legacy pcap
//! that is a plain regular file. A boundary found is a guess; the reader that comes from the front proves
//! it by arriving exactly there ([`Reader::offset`]).

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::input::{Input, open_file};
use crate::legacy::{FILE_HEADER, HEAD, Head, Legacy};
use crate::window::Window;
use crate::{CaptureError, Reader};

/// Record headers in a row that must be plausible.
const ROW: usize = 64;
/// Bytes read at once around the place looked at.
const SPAN: usize = 1 << 20;
/// Seconds that a record may lie from the first one: 60 days.
const NEAR: u32 = 60 * 86_400;

impl Reader {
    /// Begins in the middle of a plain legacy pcap file: at `offset`, a record boundary, whose record has
    /// the number `first_number`.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no plain legacy pcap in a regular file.
    pub fn open_at(path: &Path, offset: u64, first_number: u64) -> Result<Self, CaptureError> {
        let (name, mut file) = open_file(path)?;
        let len = match file.metadata() {
            Ok(meta) if meta.is_dir() => return Err(CaptureError::Directory { name }),
            Ok(meta) if meta.is_file() => meta.len(),
            Ok(_) => {
                let what = "only a regular file can be read from its middle".to_owned();
                return Err(CaptureError::Unsupported { name, what });
            }
            Err(why) => return Err(CaptureError::Open { name, why }),
        };
        let mut header = [0; FILE_HEADER];
        if let Err(why) = file.read_exact_at(&mut header, 0) {
            return Err(CaptureError::Read { name, offset: 0, why });
        }
        let offset = offset.max(FILE_HEADER as u64);
        if let Err(why) = file.seek(SeekFrom::Start(offset)) {
            return Err(CaptureError::Read { name, offset, why });
        }
        Self::legacy(
            Window::new(Input::plain(name, file, len), offset),
            &header,
            first_number,
        )
    }
}

/// Where a record of a plain legacy pcap file seems to begin, at or after `near_offset`. `None` where
/// nothing does, the file is of another kind or cannot be read.
pub fn find_boundary(path: &Path, near_offset: u64) -> Option<u64> {
    let (_, file) = open_file(path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut header = [0; FILE_HEADER];
    file.read_exact_at(&mut header, 0).ok()?;
    let mut pages = Pages {
        file,
        at: 0,
        bytes: Vec::new(),
    };
    boundary(&header, meta.len(), near_offset, &mut |offset| pages.head(offset))
}

/// The same in a file that is in memory.
pub(crate) fn boundary_in(bytes: &[u8], near_offset: u64) -> Option<u64> {
    boundary(
        bytes.first_chunk()?,
        bytes.len() as u64,
        near_offset,
        &mut |offset| bytes.get(usize::try_from(offset).ok()?..)?.first_chunk().copied(),
    )
}

/// `head` gives the bytes of a record header at an offset, if they are there.
fn boundary(
    header: &[u8; FILE_HEADER],
    len: u64,
    near_offset: u64,
    head: &mut dyn FnMut(u64) -> Option<[u8; HEAD]>,
) -> Option<u64> {
    let legacy = Legacy::from_header(header).ok()?;
    let first = legacy.head(&head(FILE_HEADER as u64)?);
    let near = near_offset.max(FILE_HEADER as u64);
    // One of the next bytes is a boundary, unless a record is longer than the file allows.
    let far = near
        .saturating_add(u64::from(legacy.max))
        .saturating_add(legacy.head_len() as u64);
    (near..far.min(len)).find(|start| row_from(*start, len, &legacy, &first, head))
}

/// Whether a row of plausible records begins at `start`, or one that ends exactly with the file.
fn row_from(
    start: u64,
    len: u64,
    legacy: &Legacy,
    first: &Head,
    head: &mut dyn FnMut(u64) -> Option<[u8; HEAD]>,
) -> bool {
    let mut at = start;
    for _ in 0..ROW {
        if at == len {
            return true;
        }
        let Some(bytes) = head(at) else { return false };
        let head = legacy.head(&bytes);
        let plausible = head.caplen <= legacy.max
            && (legacy.snaplen == 0 || head.caplen <= legacy.snaplen)
            && head.wire_len >= head.caplen
            && legacy.fraction_fits(&head)
            && head.sec.abs_diff(first.sec) <= NEAR;
        if !plausible {
            return false;
        }
        at += legacy.head_len() as u64 + u64::from(head.caplen);
    }
    true
}

/// A file by stretches.
struct Pages {
    file: File,
    at: u64,
    bytes: Vec<u8>,
}

impl Pages {
    /// The bytes of a record header at `offset`, if they are there.
    fn head(&mut self, offset: u64) -> Option<[u8; HEAD]> {
        if let Some(head) = self.in_hand(offset) {
            return Some(head);
        }
        // Not far back: the next place looked at is one byte on.
        self.at = offset.saturating_sub(SPAN as u64 / 4);
        self.bytes.resize(SPAN, 0);
        let mut filled = 0;
        while filled < SPAN {
            match self
                .file
                .read_at(&mut self.bytes[filled..], self.at + filled as u64)
            {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        self.bytes.truncate(filled);
        self.in_hand(offset)
    }

    fn in_hand(&self, offset: u64) -> Option<[u8; HEAD]> {
        let from = usize::try_from(offset.checked_sub(self.at)?).ok()?;
        self.bytes.get(from..)?.first_chunk().copied()
    }
}
