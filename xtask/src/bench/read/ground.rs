//! Captures on the disk that nobody has to remove: the files have no name, so they are gone with
//! this process, however it ends. Other programs reach them through /proc. Refuses to fill a disk.

use std::fs::File;
use std::io::{BufWriter, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::fs::{Advice, fadvise, statvfs};

use super::make::{self, Kind, Made};

/// Bytes of the disk that are left to others.
const LEFT: f64 = 1e9;

/// A capture that lies on the disk.
pub struct Capture {
    file: File,
    pub made: Made,
    /// How long the making took, with the writing to the disk.
    pub took: Duration,
}

impl Capture {
    pub fn new(kind: Kind, scale: f64, folder: &Path) -> Result<Self> {
        room(folder, kind.most_bytes() * scale)?;
        let started = Instant::now();
        let file = tempfile::tempfile_in(folder)
            .with_context(|| format!("cannot make a file in {}", folder.display()))?;
        let mut out = BufWriter::new(&file);
        let made = make::capture(kind, scale, &mut out).context("cannot write the capture")?;
        drop(out);
        // Dirty pages would be written during the measurements, and cannot be dropped for a cold one.
        file.sync_all().context("cannot write the capture to the disk")?;
        Ok(Self {
            file,
            made,
            took: started.elapsed(),
        })
    }

    /// Under what name another program opens it while we live.
    pub fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        let (pid, fd) = (std::process::id(), self.file.as_raw_fd());
        PathBuf::from(format!("/proc/{pid}/fd/{fd}"))
    }

    /// Has it in the page cache as who reads it from the disk has it there: what was written in small
    /// pieces lies in small pages, and these take several times as long to map.
    pub fn warm(&mut self) -> Result<()> {
        self.cool()?;
        self.file.rewind()?;
        let mut buffer = vec![0; 1 << 20];
        while self.file.read(&mut buffer)? > 0 {}
        Ok(())
    }

    /// Takes it, and it alone, out of the page cache.
    pub fn cool(&self) -> Result<()> {
        fadvise(&self.file, 0, None, Advice::DontNeed).context("cannot drop the capture from the page cache")
    }
}

fn room(folder: &Path, bytes: f64) -> Result<()> {
    let disk = statvfs(folder).with_context(|| format!("cannot ask how full {} is", folder.display()))?;
    let free = disk.f_bavail as f64 * disk.f_frsize as f64;
    ensure!(
        free >= bytes + LEFT,
        "{} has {:.1} GB left, and this capture wants {:.1} GB and {:.0} GB beside it; name a larger disk with \
         --dir, or a smaller capture with --scale",
        folder.display(),
        free / 1e9,
        bytes / 1e9,
        LEFT / 1e9
    );
    Ok(())
}
