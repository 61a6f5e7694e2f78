//! Why a capture could not be read or written, in words for a person. Prints nothing itself.

use std::fmt;
use std::io;

use crate::Packing;

/// What failed. Offsets are bytes of the unpacked stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file could not be opened.
    Open {
        /// The file.
        name: String,
        /// What the system said.
        why: io::Error,
    },
    /// The path leads to a directory.
    Directory {
        /// The directory.
        name: String,
    },
    /// Standard input is a terminal.
    Terminal,
    /// It ended before its first byte.
    Empty {
        /// The file or stream.
        name: String,
    },
    /// No capture that can be read here.
    NotACapture {
        /// The file or stream.
        name: String,
        /// Its first bytes, at most 16.
        starts_with: Vec<u8>,
    },
    /// A capture in a form that is not read here.
    Unsupported {
        /// The file or stream.
        name: String,
        /// What is not read.
        what: String,
    },
    /// Reading stopped with an error of the system.
    Read {
        /// The file or stream.
        name: String,
        /// How far it was read.
        offset: u64,
        /// What the system said.
        why: io::Error,
    },
    /// The bytes contradict the format. All records before have been handed out.
    Corrupt {
        /// The file or stream.
        name: String,
        /// Where the contradiction is.
        offset: u64,
        /// What contradicts what.
        why: String,
    },
    /// The packed stream is damaged or wants too much memory. All records before have been handed out.
    Unpack {
        /// The file or stream.
        name: String,
        /// How it is packed.
        packing: Packing,
        /// How many bytes came out before.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// The annotated copy could not be written; what was begun has been removed.
    Write {
        /// The output.
        name: String,
        /// What the system said.
        why: io::Error,
    },
    /// Input and output are the same file.
    SameFile {
        /// The file.
        name: String,
    },
    /// A comment is longer than a pcapng option can be.
    CommentTooLong {
        /// The frame it was meant for.
        frame: u64,
        /// Its length in bytes.
        len: usize,
    },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { name, why } => {
                let advice = match why.kind() {
                    io::ErrorKind::NotFound => "check the name",
                    io::ErrorKind::PermissionDenied => {
                        "read it as a user who may, or pipe it in: sudo cat FILE | whyreset read -"
                    }
                    _ => "check that it can be read: head -c 24 FILE",
                };
                write!(f, "cannot open {}: {}; {advice}", Shown(name), said(why))
            }
            Self::Directory { name } => {
                write!(f, "{} is a directory; name the capture files in it", Shown(name))
            }
            Self::Terminal => f.write_str(
                "standard input is a terminal, not a capture; pipe one in: tcpdump -w - ... | whyreset read -",
            ),
            Self::Empty { name } => write!(
                f,
                "{} is empty: it ended before its first byte; check that the capture was written",
                Shown(name)
            ),
            Self::NotACapture { name, starts_with } => write!(
                f,
                "{} is not a capture: starts with {}; {}",
                Shown(name),
                First(starts_with),
                instead(starts_with)
            ),
            Self::Unsupported { name, what } => {
                write!(f, "cannot read {}: {what}; convert it first: editcap -F pcapng FILE NEW", Shown(name))
            }
            Self::Read { name, offset, why } => write!(
                f,
                "reading {} failed after {offset} bytes: {}; all records before that were read",
                Shown(name),
                said(why)
            ),
            Self::Corrupt { name, offset, why } => write!(
                f,
                "{} is corrupt at byte {offset}: {why}; all records before that were read, capture or copy it again for the rest",
                Shown(name)
            ),
            Self::Unpack { name, packing, offset, why } => write!(
                f,
                "cannot unpack {} ({}) past its first {offset} bytes: {why}; all records before that were read, check it with {} -t",
                Shown(name),
                packing.as_str(),
                packing.as_str()
            ),
            Self::Write { name, why } => {
                let advice = match why.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "make room or name a file on another disk"
                    }
                    io::ErrorKind::PermissionDenied => "name a file in a directory that you may write to",
                    _ => "name another file",
                };
                write!(f, "cannot write {}: {}, nothing was kept; {advice}", Shown(name), said(why))
            }
            Self::SameFile { name } => write!(
                f,
                "{} is both input and output, which would destroy it; name another output",
                Shown(name)
            ),
            Self::CommentTooLong { frame, len } => write!(
                f,
                "the comment for frame {frame} has {len} bytes, pcapng holds at most 65535; shorten it"
            ),
        }
    }
}

impl std::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { why, .. } | Self::Read { why, .. } | Self::Write { why, .. } => Some(why),
            _ => None,
        }
    }
}

/// A system's error without its number.
fn said(why: &io::Error) -> String {
    let text = why.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// A name without anything that a terminal would obey.
pub(crate) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.escape_debug())
    }
}

/// First bytes as text where they are, in hex otherwise.
struct First<'a>(&'a [u8]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self
            .0
            .iter()
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        if text {
            return write!(f, "`{}`", self.0.escape_ascii());
        }
        for (index, byte) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{byte:02x}")?;
        }
        Ok(())
    }
}

/// What to do with a file that begins so.
fn instead(first: &[u8]) -> &'static str {
    match first {
        [b'B', b'Z', b'h', ..] => "this is bzip2: bzip2 -dc FILE | whyreset read -",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "this is xz: xz -dc FILE | whyreset read -",
        [b'P', b'K', 3, 4, ..] => "this is a zip archive: unzip -p FILE | whyreset read -",
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "this is snoop: editcap -F pcapng FILE NEW converts it",
        [b'G', b'M', b'B', b'U', ..] => "this is Network Monitor's: editcap -F pcapng FILE NEW converts it",
        _ => "whyreset read takes pcap and pcapng, also gzip, zstd or lz4",
    }
}
