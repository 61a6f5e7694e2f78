//! Where a log's bytes come from: a file, packed or not, or standard input. Refuses directories and
//! knows nothing of lines.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use crate::{LogError, unpack};

/// Bytes taken from the source itself so far, for whoever draws progress.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One log, opened.
pub struct Source {
    /// As it was named.
    pub name: String,
    /// Its size, where it is a file.
    pub size: Option<u64>,
    /// When it was last written, in nanoseconds since the epoch.
    pub modified: Option<i64>,
    /// How far it was read.
    pub progress: Progress,
    reader: Box<dyn Read + Send>,
}

struct Counted {
    file: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        // Only progress is drawn from it, so no order is needed.
        self.progress.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Source {
    /// Opens a file, a fifo or, as `-`, standard input.
    ///
    /// # Errors
    /// It cannot be opened, is a directory, or its first bytes cannot be read.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let name = path.display().to_string();
        let opened = if name == "-" {
            io::stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let file = opened.map_err(|why| LogError::Open {
            name: name.clone(),
            why,
        })?;
        Self::from_file(name, file)
    }

    fn from_file(name: String, file: File) -> Result<Self, LogError> {
        let failed = |why| LogError::Open {
            name: name.clone(),
            why,
        };
        let meta = file.metadata().map_err(failed)?;
        if meta.is_dir() {
            return Err(LogError::Directory { name });
        }
        let modified = meta
            .modified()
            .ok()
            .filter(|_| meta.is_file())
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_nanos()).ok());
        let progress = Progress::default();
        let counted = Counted {
            file,
            progress: progress.clone(),
        };
        let reader = unpack::unpacked(counted).map_err(|why| LogError::Read {
            name: name.clone(),
            after: 0,
            why,
        })?;
        Ok(Self {
            size: meta.is_file().then_some(meta.len()),
            name,
            modified,
            progress,
            reader,
        })
    }

    /// The plain bytes.
    pub fn into_reader(self) -> Box<dyn Read + Send> {
        self.reader
    }
}
