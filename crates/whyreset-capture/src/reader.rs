//! The reader: records one by one out of whatever form the capture has. Judges none of them.

use std::fmt;
use std::io::Read;
use std::path::Path;

use crate::input::Input;
use crate::legacy::{FILE_HEADER, HEAD, Head, Legacy};
use crate::lot::Lot;
use crate::notice::{Notice, Notices};
use crate::packing::Packing;
use crate::pcapng::Pcapng;
use crate::unpack::End;
use crate::window::Window;
use crate::{CaptureError, Interface, Progress, Record};

/// Reads the records of one capture.
pub struct Reader {
    pub(crate) window: Window,
    pub(crate) format: Format,
    pub(crate) notices: Notices,
    pub(crate) records: u64,
    /// The frame number before the first record, where records are numbered one by one.
    pub(crate) before: u64,
    ended: bool,
    pub(crate) lot: Lot,
}

pub(crate) enum Format {
    Legacy(Legacy, Interface),
    Pcapng(Box<Pcapng>),
}

impl Reader {
    /// Opens a capture: a regular file, a fifo or a device. The first bytes must be there.
    ///
    /// # Errors
    /// Where it cannot be opened, is empty or is no capture.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::new(Input::open(path)?)
    }

    /// Reads a capture from standard input.
    ///
    /// # Errors
    /// Where that is a terminal, is empty or is no capture.
    pub fn from_stdin() -> Result<Self, CaptureError> {
        Self::new(Input::stdin()?)
    }

    /// Reads a capture from `source`, called `name` in messages.
    ///
    /// # Errors
    /// Where it fails, is empty or is no capture.
    pub fn from_read(name: &str, source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        Self::new(Input::new(name.to_owned(), Box::new(source), None)?)
    }

    fn new(input: Input) -> Result<Self, CaptureError> {
        Self::over(Window::new(input, 0))
    }

    /// Over a window that stands at the beginning.
    pub(crate) fn over(mut window: Window) -> Result<Self, CaptureError> {
        window.need(4)?;
        let magic = window.have().first_chunk::<4>().copied();
        match magic {
            Some(magic) if Legacy::is_magic(magic) => {
                window.need(FILE_HEADER)?;
                let Some(header) = window.have().first_chunk::<FILE_HEADER>().copied() else {
                    let have = window.have().len();
                    let what = format!("its header is cut off after {have} of {FILE_HEADER} bytes");
                    return Err(window.corrupt(0, what));
                };
                window.consume(FILE_HEADER);
                Self::legacy(window, &header, 1)
            }
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => Self::pcapng(window),
            _ => Err(no_capture(&mut window)),
        }
    }

    /// Over a mapped file, from a record boundary on whose record has the number `first`.
    pub(crate) fn over_from(window: Window, first: u64) -> Result<Self, CaptureError> {
        let header = window
            .whole()
            .and_then(|bytes| bytes.first_chunk::<FILE_HEADER>().copied());
        match header {
            Some(header) => Self::legacy(window, &header, first),
            None => Err(window.corrupt(0, "it is shorter than its header")),
        }
    }

    /// Goes on in a legacy capture whose header is read; the next record has the number `first`.
    pub(crate) fn legacy(
        window: Window,
        header: &[u8; FILE_HEADER],
        first: u64,
    ) -> Result<Self, CaptureError> {
        let legacy = Legacy::from_header(header).map_err(|what| CaptureError::Unsupported {
            name: window.input.name.clone(),
            what,
        })?;
        let interface = Interface {
            name: None,
            link: legacy.link,
            snaplen: legacy.snaplen,
            tsresol: legacy.resolution(),
            tsoffset: 0,
            section: 1,
        };
        let before = first.saturating_sub(1);
        Ok(Self::with(
            window,
            Format::Legacy(legacy, interface),
            Notices::default(),
            before,
        ))
    }

    fn pcapng(mut window: Window) -> Result<Self, CaptureError> {
        // The section header alone: a stream may have no more yet.
        let mut pcapng = Pcapng::default();
        let mut notices = Notices::default();
        let block = crate::blocks::next_block(&mut window, &mut pcapng.big, false, &mut notices)?;
        let Some(block) = block else {
            let have = window.have().len();
            return Err(window.corrupt(0, format!("its section header is cut off after {have} bytes")));
        };
        pcapng.read(block, &window, &mut notices)?;
        // It stays in hand for whoever copies blocks, so this first reading must not count.
        let pcapng = Pcapng::default();
        Ok(Self::with(
            window,
            Format::Pcapng(Box::new(pcapng)),
            Notices::default(),
            0,
        ))
    }

    fn with(window: Window, format: Format, notices: Notices, before: u64) -> Self {
        Self {
            window,
            format,
            notices,
            records: 0,
            before,
            ended: false,
            lot: Lot::new(),
        }
    }

    /// The next record; `None` at the end and after an error. On a stream it returns as soon as a record
    /// is complete.
    ///
    /// # Errors
    /// Where reading fails or the bytes contradict the format; all records before have been handed out.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend what it owns"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        if let Format::Legacy(legacy, _) = &self.format
            && !legacy.modified
            && let Some(bytes) = self.window.have().first_chunk::<HEAD>()
        {
            let head = legacy.head(bytes);
            let caplen = head.caplen as usize;
            if head.caplen <= legacy.max && self.window.have().len() - HEAD >= caplen {
                let (at_ns, link) = (legacy.at_ns(&head), legacy.link);
                self.window.consume(HEAD + caplen);
                self.records += 1;
                return Ok(Some(Record {
                    number: self.before + self.records,
                    at_ns: Some(at_ns),
                    link,
                    interface: 0,
                    wire_len: head.wire_len,
                    data: self.window.consumed(caplen, caplen),
                    direction: None,
                    drops_before: 0,
                }));
            }
        }
        self.next_slowly()
    }

    /// What is not a whole common legacy record in hand.
    #[inline(never)]
    fn next_slowly(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        let found = self.find()?;
        Ok(found.map(|(record, back, len)| Record {
            data: self.window.consumed(back, len),
            ..record
        }))
    }

    /// The next record without its bytes, which began `back` bytes ago and are `len` long.
    pub(crate) fn find(&mut self) -> Result<Option<(Record<'static>, usize, usize)>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        // Set until a record is found, so that nothing is read past an error.
        self.ended = true;
        let (record, back, len) = match &mut self.format {
            Format::Legacy(legacy, _) => {
                let Some((head, packet_type)) = legacy_head(legacy, &mut self.window, &mut self.notices)?
                else {
                    self.finish();
                    return Ok(None);
                };
                let caplen = head.caplen as usize;
                self.window.consume(legacy.head_len() + caplen);
                let record = Record {
                    number: self.before + self.records + 1,
                    at_ns: Some(legacy.at_ns(&head)),
                    link: legacy.link,
                    interface: 0,
                    wire_len: head.wire_len,
                    data: &[],
                    direction: packet_type.and_then(Legacy::direction),
                    drops_before: 0,
                };
                (record, caplen, caplen)
            }
            Format::Pcapng(pcapng) => {
                let Some(packet) = pcapng.next(&mut self.window, &mut self.notices)? else {
                    self.finish();
                    return Ok(None);
                };
                let record = pcapng.record(&packet);
                (record, packet.block - packet.data, packet.caplen)
            }
        };
        self.ended = false;
        self.records += 1;
        Ok(Some((record, back, len)))
    }

    /// Nothing is in hand: the next call waits for the input.
    pub fn is_drained(&self) -> bool {
        self.window.have().is_empty()
    }

    /// Says how it ended.
    pub(crate) fn finish(&mut self) {
        let input = &self.window.input;
        match (input.packed_end(), input.total) {
            (Some((packing, End::Truncated)), _) => self.notices.push(Notice::PackedTruncated(packing)),
            (Some((packing, End::Trailing)), _) => self.notices.push(Notice::TrailingBytes(packing)),
            (None, Some(had)) if input.packing().is_none() && self.window.read_to() < had => {
                let read = self.window.read_to();
                self.notices.push(Notice::Shrank { had, read });
            }
            _ => {}
        }
    }

    /// Offset of the next record (or of the block before it) in the unpacked stream.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// How far reading has come.
    pub fn progress(&self) -> Progress {
        Progress {
            bytes_read: self.window.input.bytes_read(),
            bytes_total: self.window.input.total,
            records: self.records,
        }
    }

    /// What was noticed so far.
    pub fn notices(&self) -> &[Notice] {
        self.notices.all()
    }

    /// The interfaces described so far; pcapng may describe one just before its first packet.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Legacy(_, interface) => std::slice::from_ref(interface),
            Format::Pcapng(pcapng) => &pcapng.interfaces,
        }
    }

    /// How the capture is packed, if it is.
    pub fn packing(&self) -> Option<Packing> {
        self.window.input.packing()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("name", &self.window.input.name)
            .field("offset", &self.offset())
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// The next record header, its record in hand whole, and the packet type where the form has one.
/// `None` at the end, a cut record noted.
fn legacy_head(
    legacy: &Legacy,
    window: &mut Window,
    notices: &mut Notices,
) -> Result<Option<(Head, Option<u8>)>, CaptureError> {
    let offset = window.offset();
    let mut need = legacy.head_len();
    if window.need(need)?
        && let Some(bytes) = window.have().first_chunk::<HEAD>()
    {
        let head = legacy.head(bytes);
        if head.caplen > legacy.max {
            let (claims, max) = (head.caplen, legacy.max);
            let why = format!("a record claims {claims} bytes, this file allows at most {max}");
            return Err(window.corrupt(offset, why));
        }
        // After interface (4 bytes) and protocol (2).
        let packet_type = window.have().get(HEAD + 6).copied().filter(|_| legacy.modified);
        need += head.caplen as usize;
        if window.need(need)? {
            return Ok(Some((head, packet_type)));
        }
    }
    let have = window.have().len() as u64;
    if have > 0 {
        notices.push(Notice::Truncated {
            what: "record",
            offset,
            have,
            need: need as u64,
        });
    }
    Ok(None)
}

fn no_capture(window: &mut Window) -> CaptureError {
    // Only better words depend on it, so an error here is no news.
    drop(window.need(16));
    let name = window.input.name.clone();
    let starts_with = window.have()[..window.have().len().min(16)].to_vec();
    if let (true, Some(packing)) = (starts_with.is_empty(), window.input.packing()) {
        let why = "it holds nothing, or is cut off before its first block is whole".to_owned();
        return CaptureError::Unpack {
            name,
            packing,
            offset: 0,
            why,
        };
    }
    CaptureError::NotACapture { name, starts_with }
}
