//! Files as another process sees them, below its own root. Refuses to follow a link out of that
//! root, to wait at a pipe, and to read more than it was told to.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};

/// Entries of a folder that are looked at.
const ENTRIES: usize = 1_024;

/// The files of one process.
#[derive(Clone, Debug)]
pub struct Files {
    /// Its folder in /proc.
    folder: PathBuf,
}

impl Files {
    /// Of the process with this folder in /proc.
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The folder that it works in.
    pub fn working_folder(&self) -> Option<PathBuf> {
        std::fs::read_link(self.folder.join("cwd")).ok()
    }

    /// The text of a regular file, cut after `most` bytes.
    ///
    /// # Errors
    /// It is not there, is no regular file, or may not be read.
    pub fn read(&self, path: &Path, most: u64) -> io::Result<String> {
        let file = self.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Files that a pattern means, in order; `*` may stand in the last part alone.
    pub fn matching(&self, pattern: &Path) -> Vec<PathBuf> {
        let (Some(parent), Some(last)) = (
            pattern.parent(),
            pattern.file_name().and_then(|last| last.to_str()),
        ) else {
            return Vec::new();
        };
        let Some((before, after)) = last.split_once('*') else {
            return vec![pattern.to_owned()];
        };
        let Ok(folder) = self.open(parent, OFlags::RDONLY | OFlags::DIRECTORY) else {
            return Vec::new();
        };
        let Ok(entries) = Dir::new(folder) else {
            return Vec::new();
        };
        let mut found: Vec<PathBuf> = entries
            .take(ENTRIES)
            .filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned))
            .filter(|name| {
                name.len() >= before.len() + after.len()
                    && name.starts_with(before)
                    && name.ends_with(after)
                    && !name.starts_with('.')
            })
            .map(|name| parent.join(name))
            .collect();
        found.sort();
        found
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<rustix::fd::OwnedFd> {
        let root = openat(
            CWD,
            self.folder.join("root"),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(
            root,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn files_are_read_within_the_root_and_nowhere_else() {
        let fake = Fake::new();
        fake.write("secret", "no");
        fake.write("c/etc/a.conf", "one");
        fake.write("c/etc/b.conf", "two");
        fake.write("c/etc/b.old", "three");
        fake.link("c/etc/out.conf", "../../../secret");
        fake.link("c/etc/abs.conf", "/etc/a.conf");
        fake.link("proc/7/root", fake.root().join("c").to_str().unwrap());
        let files = Files::of(&fake.root().join("proc/7"));
        let read = |path: &str| files.read(Path::new(path), 100).ok();
        assert_eq!(read("/etc/a.conf").as_deref(), Some("one"));
        assert_eq!(read("/etc/abs.conf").as_deref(), Some("one"));
        assert_eq!(read("/etc/out.conf"), None);
        assert_eq!(read("/etc"), None);
        assert_eq!(files.read(Path::new("/etc/b.conf"), 2).unwrap(), "tw");
        let found = files.matching(Path::new("/etc/*.conf"));
        assert_eq!(found.len(), 4);
        assert_eq!(found[1], Path::new("/etc/abs.conf"));
        assert!(files.matching(Path::new("/none/*")).is_empty());
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let fake = Fake::new();
        fake.write("c/x", "");
        fake.link("proc/7/root", fake.root().join("c").to_str().unwrap());
        let pipe = fake.root().join("c/pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let files = Files::of(&fake.root().join("proc/7"));
        assert!(files.read(Path::new("/pipe"), 100).is_err());
    }
}
