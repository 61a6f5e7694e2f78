//! Where bytes come from: a file, standard input, any reader, packed or not. Knows no capture format.

use std::fs::File;
use std::io::{self, Cursor, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::unpack::{End, Unpacked};
use crate::{CaptureError, Packing};

/// A source of plain bytes, and what is known of it.
pub(crate) struct Input {
    pub name: String,
    source: Source,
    count: Arc<AtomicU64>,
    /// Its size when opened, where it is a regular file.
    pub total: Option<u64>,
}

enum Source {
    Plain(Box<dyn Read + Send>),
    Packed(Packing, Unpacked),
}

/// Counts what was taken from the file itself, also across a thread.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        // Only progress is drawn from it, so no order is needed.
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Input {
    /// Opens a file, fifo or device.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let (name, file) = open_file(path)?;
        Self::from_file(name, file)
    }

    /// Takes what standard input is: a pipe, or a file redirected.
    pub fn stdin() -> Result<Self, CaptureError> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(CaptureError::Terminal);
        }
        let name = "standard input".to_owned();
        match stdin.as_fd().try_clone_to_owned() {
            Ok(fd) => Self::from_file(name, File::from(fd)),
            Err(why) => Err(CaptureError::Open { name, why }),
        }
    }

    fn from_file(name: String, file: File) -> Result<Self, CaptureError> {
        let total = match file.metadata() {
            Ok(meta) if meta.is_dir() => return Err(CaptureError::Directory { name }),
            Ok(meta) => meta.is_file().then_some(meta.len()),
            Err(why) => return Err(CaptureError::Open { name, why }),
        };
        Self::new(name, Box::new(file), total)
    }

    /// Takes `source` and undoes its packing, if it has one.
    pub fn new(name: String, source: Box<dyn Read + Send>, total: Option<u64>) -> Result<Self, CaptureError> {
        let count = Arc::new(AtomicU64::new(0));
        let mut raw = Counted {
            inner: source,
            count: Arc::clone(&count),
        };
        let mut head = Vec::with_capacity(4);
        // A pipe may give less at once than the four bytes that tell the packing.
        while head.len() < 4 {
            let want = 4 - head.len() as u64;
            match (&mut raw).take(want).read_to_end(&mut head) {
                Ok(0) => break,
                Ok(_) => {}
                Err(why) => {
                    return Err(CaptureError::Read {
                        name,
                        offset: head.len() as u64,
                        why,
                    });
                }
            }
        }
        if head.is_empty() {
            return Err(CaptureError::Empty { name });
        }
        let packing = Packing::of(&head);
        let whole = Cursor::new(head).chain(raw);
        let source = match packing {
            None => Source::Plain(Box::new(whole)),
            Some(packing) => match Unpacked::start(packing, whole) {
                Ok(unpacked) => Source::Packed(packing, unpacked),
                Err(why) => return Err(CaptureError::Read { name, offset: 0, why }),
            },
        };
        Ok(Self {
            name,
            source,
            count,
            total,
        })
    }

    /// A file that is known to be plain, from where it stands.
    pub fn plain(name: String, file: File, total: u64) -> Self {
        let count = Arc::new(AtomicU64::new(0));
        let raw = Counted {
            inner: file,
            count: Arc::clone(&count),
        };
        Self {
            name,
            source: Source::Plain(Box::new(raw)),
            count,
            total: Some(total),
        }
    }

    /// Up to `buf.len()` bytes, whatever is there; 0 at the end.
    pub fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.source {
                Source::Plain(source) => source.read(buf),
                Source::Packed(_, unpacked) => unpacked.read(buf),
            };
            match read {
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// So many bytes were taken from the file past this input.
    pub fn took(&self, bytes: usize) {
        self.count.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes taken from the file itself.
    pub fn bytes_read(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How it is packed, if it is.
    pub fn packing(&self) -> Option<Packing> {
        match &self.source {
            Source::Plain(_) => None,
            Source::Packed(packing, _) => Some(*packing),
        }
    }

    /// How the packed stream ended, once it has.
    pub fn packed_end(&self) -> Option<(Packing, End)> {
        match &self.source {
            Source::Plain(_) => None,
            Source::Packed(packing, unpacked) => unpacked.end().map(|end| (*packing, end)),
        }
    }
}

/// Opens `path` for reading; its name as text comes along for messages.
pub(crate) fn open_file(path: &Path) -> Result<(String, File), CaptureError> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((name, file)),
        Err(why) => Err(CaptureError::Open { name, why }),
    }
}
