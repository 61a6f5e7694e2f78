//! One file followed as `tail -F` does: through rotation, truncation and its absence. Refuses to
//! sleep and to hold more than one line: the caller says when to look again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::scan::LONGEST_LINE;

/// Bytes that one look takes at most.
const PER_LOOK: usize = 1 << 20;

/// Bytes of the past whose lines are counted, so that those after them have their numbers.
const COUNTED: u64 = 4 << 30;

/// What one look found besides lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// There is more to read at once.
    pub more: bool,
    /// The name belongs to a new file.
    pub rotated: bool,
    /// The file was cut, and is read from its beginning.
    pub truncated: bool,
    /// There is no such file at present.
    pub absent: bool,
}

/// A file that is followed.
pub struct Follow {
    path: PathBuf,
    open: Option<Open>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    /// Within a line that is too long.
    skipping: bool,
    line: u64,
    /// Where the lines begin that are told; those before it are counted.
    tell_from: u64,
    numbered: bool,
}

struct Open {
    file: File,
    /// Device and inode.
    id: (u64, u64),
    at: u64,
}

impl Follow {
    /// Follows `path` from its present end, or `from_start`. A file that is not there yet is
    /// followed from its beginning once it is.
    ///
    /// # Errors
    /// It is there and cannot be opened.
    pub fn new(path: &Path, from_start: bool) -> io::Result<Self> {
        let mut follow = Self {
            path: path.to_owned(),
            open: None,
            rest: Vec::new(),
            skipping: false,
            line: 0,
            tell_from: 0,
            numbered: true,
        };
        match follow.reopen() {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(follow),
            Err(why) => return Err(why),
        }
        if !from_start && let Some(open) = &mut follow.open {
            open.at = open.file.seek(SeekFrom::End(0))?;
        }
        Ok(follow)
    }

    /// Follows `path` from about `bytes` before its present end: what is not there yet from its beginning.
    ///
    /// # Errors
    /// It is there and cannot be opened.
    pub fn recent(path: &Path, bytes: u64) -> io::Result<Self> {
        let mut follow = Self::new(path, true)?;
        if let Some(open) = &mut follow.open {
            let length = open.file.metadata()?.len();
            follow.tell_from = length.saturating_sub(bytes);
            if follow.tell_from > COUNTED {
                open.at = open.file.seek(SeekFrom::Start(follow.tell_from))?;
                follow.numbered = false;
                // The line into which this falls is not whole.
                follow.skipping = true;
            }
        }
        Ok(follow)
    }

    /// Whether lines have their numbers in the file; they are counted from where the reading began else.
    pub const fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = File::open(&self.path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        self.open = Some(Open {
            id: (meta.dev(), meta.ino()),
            file,
            at: 0,
        });
        self.rest.clear();
        self.skipping = false;
        self.line = 0;
        self.tell_from = 0;
        self.numbered = true;
        Ok(())
    }

    /// Looks for what has come since, and gives every whole line with its number in this reading.
    /// The rest of a file that was moved away is read before the new one.
    ///
    /// # Errors
    /// Reading failed; the next look tries again.
    pub fn look(&mut self, mut line: impl FnMut(u64, &[u8])) -> io::Result<Followed> {
        let mut followed = Followed::default();
        let Some(open) = &mut self.open else {
            match self.reopen() {
                Ok(()) => followed.more = true,
                Err(why) if why.kind() == io::ErrorKind::NotFound => followed.absent = true,
                Err(why) => return Err(why),
            }
            return Ok(followed);
        };
        if open.file.metadata()?.len() < open.at {
            open.file.rewind()?;
            open.at = 0;
            self.rest.clear();
            self.skipping = false;
            self.line = 0;
            self.tell_from = 0;
            self.numbered = true;
            followed.truncated = true;
        }
        let mut new = Vec::new();
        let read = (&mut open.file).take(PER_LOOK as u64).read_to_end(&mut new)?;
        open.at += read as u64;
        if read > 0 && open.at <= self.tell_from {
            self.line += memchr::memchr_iter(b'\n', &new).count() as u64;
            followed.more = true;
            return Ok(followed);
        }
        self.lines(&new, &mut line);
        if read == PER_LOOK {
            followed.more = true;
            return Ok(followed);
        }
        let id = self.open.as_ref().map(|open| open.id);
        match std::fs::metadata(&self.path) {
            Ok(meta) if Some((meta.dev(), meta.ino())) != id => {
                // What its writer still adds before it changes over comes with the next look.
                if read > 0 {
                    followed.more = true;
                    return Ok(followed);
                }
                self.last(&mut line);
                self.reopen()?;
                followed.rotated = true;
                followed.more = true;
            }
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => followed.absent = true,
            Err(why) => return Err(why),
        }
        Ok(followed)
    }

    fn lines(&mut self, new: &[u8], line: &mut impl FnMut(u64, &[u8])) {
        for part in new.split_inclusive(|b| *b == b'\n') {
            let ends = part.ends_with(b"\n");
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            if !self.skipping {
                let room = LONGEST_LINE.saturating_sub(self.rest.len());
                self.rest.extend_from_slice(&text[..text.len().min(room)]);
                self.skipping = text.len() > room;
            }
            if ends {
                self.line += 1;
                line(self.line, &self.rest);
                self.rest.clear();
                self.skipping = false;
            }
        }
    }

    fn last(&mut self, line: &mut impl FnMut(u64, &[u8])) {
        if !self.rest.is_empty() {
            self.line += 1;
            line(self.line, &self.rest);
            self.rest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn looked(follow: &mut Follow) -> (Vec<String>, Followed) {
        let mut lines = Vec::new();
        let mut all = Followed::default();
        loop {
            let one = follow
                .look(|number, line| lines.push(format!("{number} {}", String::from_utf8_lossy(line))))
                .unwrap();
            all.rotated |= one.rotated;
            all.truncated |= one.truncated;
            all.absent = one.absent;
            if !one.more {
                return (lines, all);
            }
        }
    }

    #[test]
    fn rotation_truncation_and_absence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut follow = Follow::new(&path, false).unwrap();
        assert!(looked(&mut follow).1.absent);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(looked(&mut follow).0, ["1 one"]);
        file.write_all(b"o\n").unwrap();
        assert_eq!(looked(&mut follow).0, ["2 two"]);

        fs::rename(&path, folder.path().join("log.1")).unwrap();
        file.write_all(b"late\n").unwrap();
        fs::write(&path, "new\n").unwrap();
        let (lines, followed) = looked(&mut follow);
        assert_eq!(lines, ["3 late", "1 new"]);
        assert!(followed.rotated && !followed.truncated);

        fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        assert!(looked(&mut follow).1.truncated);
        fs::write(&path, "x\n").unwrap();
        assert_eq!(looked(&mut follow).0, ["1 x"]);
    }

    #[test]
    fn what_is_recent_has_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let lines: Vec<String> = (1..=300_000).map(|number| format!("line {number}\n")).collect();
        let text = lines.concat();
        fs::write(&path, &text).unwrap();
        let mut follow = Follow::recent(&path, 20).unwrap();
        let (lines, _) = looked(&mut follow);
        assert!(follow.is_numbered());
        assert_eq!(lines.last().unwrap(), "300000 line 300000");
        assert!(lines.len() < 150_000, "{}", lines.len());
        assert!(lines.iter().skip(1).all(|line| {
            line.split_once(' ')
                .is_some_and(|(number, text)| text.ends_with(number))
        }));
        let all = looked(&mut Follow::recent(&path, u64::MAX).unwrap()).0;
        assert_eq!(all.len(), 300_000);
    }

    #[test]
    fn the_end_is_where_following_begins_and_a_long_line_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "old\n").unwrap();
        let mut follow = Follow::new(&path, false).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&vec![b'x'; 3 * PER_LOOK]).unwrap();
        file.write_all(b"\nshort\n").unwrap();
        let (lines, _) = looked(&mut follow);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), LONGEST_LINE + 2);
        assert_eq!(lines[1], "2 short");
        assert!(Follow::new(folder.path(), true).is_err());
    }
}
