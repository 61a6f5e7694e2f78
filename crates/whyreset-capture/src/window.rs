//! The bytes in hand: a buffer that refills from an input and grows only by what really arrives.

use std::io;
use std::sync::Arc;

use crate::CaptureError;
use crate::input::Input;
use crate::sys::Map;

/// Bytes asked for at once.
const READ: usize = 256 << 10;
/// What the kernel copies to the beginning of a page comes several times as fast as elsewhere.
const PAGE: usize = 4096;
/// Unread bytes up to this many are moved before each read, so that it goes to the beginning of a page.
const FEW: usize = 64 << 10;

/// Bytes of a mapped file that are taken in hand at once.
const STEP: usize = 1 << 20;

/// A stretch of the unpacked stream.
pub(crate) struct Window {
    pub input: Input,
    /// The whole file, where it is mapped; then `buf` is empty.
    map: Option<Arc<Map>>,
    buf: Vec<u8>,
    /// The unread bytes are `bytes()[pos..end]`.
    pos: usize,
    end: usize,
    /// Offset in the stream of `bytes()[end]`.
    read_to: u64,
    ended: bool,
}

impl Window {
    /// Over `input`, whose next byte has `offset` in its stream.
    pub fn new(input: Input, offset: u64) -> Self {
        Self {
            input,
            map: None,
            buf: vec![0; READ + FEW + 2 * PAGE],
            pos: 0,
            end: 0,
            read_to: offset,
            ended: false,
        }
    }

    /// Over a mapped file, from this offset on.
    pub fn mapped(input: Input, map: Arc<Map>, offset: u64) -> Self {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(map.bytes().len());
        Self {
            input,
            map: Some(map),
            buf: Vec::new(),
            pos: start,
            end: start,
            read_to: start as u64,
            ended: false,
        }
    }

    /// The bytes of a mapped file from its beginning, wherever this window stands.
    pub fn whole(&self) -> Option<&[u8]> {
        self.map.as_deref().map(Map::bytes)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match &self.map {
            Some(map) => map.bytes(),
            None => &self.buf,
        }
    }

    /// Offset in the stream of the next unread byte.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.read_to - (self.end - self.pos) as u64
    }

    /// The unread bytes in hand.
    #[inline]
    pub fn have(&self) -> &[u8] {
        &self.bytes()[self.pos..self.end]
    }

    /// Marks `count` bytes in hand as read.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        debug_assert!(
            count <= self.end - self.pos,
            "only what is in hand can be consumed"
        );
        self.pos += count;
    }

    /// Where the next unread byte is, for [`Self::at`].
    #[inline]
    pub fn place(&self) -> usize {
        self.pos
    }

    /// Bytes at a place that was known since the last [`Self::need`].
    #[inline]
    pub fn at(&self, start: usize, len: usize) -> &[u8] {
        &self.bytes()[start..start + len]
    }

    /// All bytes from a place on that was known since the last [`Self::need`].
    #[inline]
    pub fn from(&self, start: usize) -> &[u8] {
        self.bytes().get(start..self.end).unwrap_or_default()
    }

    /// Bytes that were consumed just before, `back` bytes ago and `len` long: they stay until the next
    /// [`Self::need`].
    #[inline]
    pub fn consumed(&self, back: usize, len: usize) -> &[u8] {
        let start = self.pos - back;
        &self.bytes()[start..start + len]
    }

    /// Reads until `count` bytes are in hand; `false` where the stream ends before. Returns as soon as
    /// they are there, however few a pipe gives at once.
    pub fn need(&mut self, count: usize) -> Result<bool, CaptureError> {
        while self.end - self.pos < count {
            if self.fill()? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Passes over `count` bytes without keeping them; the number that was there.
    pub fn skip(&mut self, count: u64) -> Result<u64, CaptureError> {
        let mut left = count;
        loop {
            let now = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.end - self.pos);
            self.pos += now;
            left -= now as u64;
            if left == 0 || self.fill()? == 0 {
                return Ok(count - left);
            }
        }
    }

    #[cold]
    fn fill(&mut self) -> Result<usize, CaptureError> {
        if self.ended {
            return Ok(0);
        }
        if let Some(map) = &self.map {
            // Where the file became shorter there is no more: zeros are no records.
            let whole = map.is_whole();
            let more = if whole {
                STEP.min(map.bytes().len() - self.end)
            } else {
                0
            };
            self.end += more;
            self.read_to += more as u64;
            self.input.took(more);
            self.ended = more == 0;
            return Ok(more);
        }
        let rest = self.end - self.pos;
        if rest <= FEW || self.end == self.buf.len() {
            let to_page = self.buf.as_ptr().addr().wrapping_neg() % PAGE;
            let end = to_page + rest.next_multiple_of(PAGE);
            // All in hand belongs to one record, which is longer than the buffer.
            if end >= self.buf.len() {
                self.buf.resize(self.buf.len() * 2, 0);
            }
            self.buf.copy_within(self.pos..self.end, end - rest);
            (self.pos, self.end) = (end - rest, end);
        }
        let room = self.buf.len().min(self.end + READ);
        let read = self
            .input
            .read(&mut self.buf[self.end..room])
            .map_err(|why| self.failed(why))?;
        self.end += read;
        self.read_to += read as u64;
        self.ended = read == 0;
        Ok(read)
    }

    /// Offset in the stream up to which it was read.
    pub fn read_to(&self) -> u64 {
        self.read_to
    }

    /// The error that says that the bytes at `offset` contradict the format.
    pub fn corrupt(&self, offset: u64, why: impl Into<String>) -> CaptureError {
        CaptureError::Corrupt {
            name: self.input.name.clone(),
            offset,
            why: why.into(),
        }
    }

    fn failed(&self, why: io::Error) -> CaptureError {
        let (name, offset) = (self.input.name.clone(), self.read_to());
        match self.input.packing() {
            Some(packing) => CaptureError::Unpack {
                name,
                packing,
                offset,
                why: why.to_string(),
            },
            None => CaptureError::Read { name, offset, why },
        }
    }
}
