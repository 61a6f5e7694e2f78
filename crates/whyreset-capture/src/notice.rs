//! What a reader noticed beside the records: damage it could live with, losses, comments. Kept bounded;
//! never a reason to stop.

use std::fmt;

use crate::Packing;
use crate::error::Shown;

/// Kinds of skipped blocks told apart; the rest is counted together.
const KINDS: usize = 32;
/// Comments kept, and bytes of text in all of them and in one.
const COMMENTS: u64 = 1_000;
const COMMENT_BYTES: usize = 1 << 20;
const ONE_COMMENT: usize = 4096;

/// Something worth saying. Offsets and sizes are bytes of the unpacked stream unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The last record or block is cut off; it was left out.
    Truncated {
        /// What was cut.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// Its bytes that are there.
        have: u64,
        /// Its bytes that it should have.
        need: u64,
    },
    /// The packed stream ends before its own end mark.
    PackedTruncated(Packing),
    /// Bytes follow the packed stream that are no more of it; they were left out.
    TrailingBytes(Packing),
    /// The file became shorter while it was read.
    Shrank {
        /// Its size when it was opened.
        had: u64,
        /// The bytes that could be read.
        read: u64,
    },
    /// Blocks that carry no packet were skipped.
    SkippedBlocks {
        /// The block type; `None` counts all types beyond the first 32 together.
        kind: Option<u32>,
        /// How many.
        count: u64,
    },
    /// The newest drop counters of an interface; a counter that the file does not give is `None`.
    Drops {
        /// Index of the interface.
        interface: u32,
        /// Packets received (isb_ifrecv).
        received: Option<u64>,
        /// Packets lost for want of resources at the interface (isb_ifdrop).
        if_drop: Option<u64>,
        /// Packets lost by the operating system (isb_osdrop).
        os_drop: Option<u64>,
    },
    /// A comment in the file, as written by whoever wrote it: hostile text.
    Comment {
        /// On what.
        on: CommentOn,
        /// The text, cut at 4096 bytes.
        text: String,
    },
    /// Comments beyond the first thousand or the first MiB, left out.
    CommentsLeftOut {
        /// How many.
        count: u64,
    },
}

/// What a comment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommentOn {
    /// A section, from 1.
    Section(u32),
    /// An interface, by index.
    Interface(u32),
    /// A frame, by number.
    Frame(u64),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated {
                what,
                offset,
                have,
                need,
            } => {
                write!(
                    f,
                    "cut off at its end: the {what} at byte {offset} has {have} of {need} bytes"
                )
            }
            Self::PackedTruncated(packing) => {
                write!(f, "cut off: the {} stream has no end", packing.as_str())
            }
            Self::TrailingBytes(packing) => {
                write!(
                    f,
                    "bytes after the end of the {} stream were left out",
                    packing.as_str()
                )
            }
            Self::Shrank { had, read } => {
                write!(
                    f,
                    "became shorter while it was read: {read} of {had} bytes were there"
                )
            }
            Self::SkippedBlocks {
                kind: Some(kind),
                count,
            } => match kind_name(*kind) {
                Some(name) => write!(f, "skipped {count} {name} block(s)"),
                None => write!(f, "skipped {count} block(s) of type {kind:#010x}"),
            },
            Self::SkippedBlocks { kind: None, count } => {
                write!(f, "skipped {count} block(s) of further types")
            }
            Self::Drops {
                interface,
                if_drop,
                os_drop,
                ..
            } => write!(
                f,
                "packets lost while capturing on interface {interface}: {} by the interface, {} by the system",
                Count(*if_drop),
                Count(*os_drop)
            ),
            Self::Comment { on, text } => write!(f, "comment on {on}: {}", Shown(text)),
            Self::CommentsLeftOut { count } => write!(f, "{count} further comment(s) left out"),
        }
    }
}

impl fmt::Display for CommentOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Section(number) => write!(f, "section {number}"),
            Self::Interface(index) => write!(f, "interface {index}"),
            Self::Frame(number) => write!(f, "frame {number}"),
        }
    }
}

struct Count(Option<u64>);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(count) => write!(f, "{count}"),
            None => f.write_str("an unknown number"),
        }
    }
}

/// Names of block types that carry no packet (draft-ietf-opsawg-pcapng §10.1).
const fn kind_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        4 => "name resolution",
        9 => "systemd journal",
        10 => "decryption secrets",
        0x0bad | 0x4000_0bad => "custom",
        0x8000_0001 => "process information",
        _ => return None,
    })
}

/// The notices of one reader.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    all: Vec<Notice>,
    comments: u64,
    comment_bytes: usize,
    /// Where in `all` each kind of skipped block is counted.
    kinds: Vec<(Option<u32>, usize)>,
    /// Where in `all` the comments left out are counted.
    left_out: Option<usize>,
}

impl Notices {
    pub fn all(&self) -> &[Notice] {
        &self.all
    }

    pub fn push(&mut self, notice: Notice) {
        self.all.push(notice);
    }

    /// Counts a block that was skipped.
    pub fn skipped(&mut self, block: u32) {
        let known = self.kinds.iter().any(|(kind, _)| *kind == Some(block));
        let kind = (known || self.kinds.len() < KINDS).then_some(block);
        if let Some((_, slot)) = self.kinds.iter().find(|(known, _)| *known == kind) {
            if let Some(Notice::SkippedBlocks { count, .. }) = self.all.get_mut(*slot) {
                *count += 1;
            }
        } else {
            self.kinds.push((kind, self.all.len()));
            self.all.push(Notice::SkippedBlocks { kind, count: 1 });
        }
    }

    /// Replaces the counters of `interface`: they count from the capture's start. `slot` remembers where.
    pub fn drops(&mut self, slot: &mut Option<usize>, notice: Notice) {
        if let Some(old) = slot.and_then(|index| self.all.get_mut(index)) {
            *old = notice;
        } else {
            *slot = Some(self.all.len());
            self.all.push(notice);
        }
    }

    pub fn comment(&mut self, on: CommentOn, text: &[u8]) {
        let text = &text[..text.len().min(ONE_COMMENT)];
        if self.comments < COMMENTS && self.comment_bytes + text.len() <= COMMENT_BYTES {
            self.comments += 1;
            self.comment_bytes += text.len();
            let text = String::from_utf8_lossy(text).into_owned();
            self.all.push(Notice::Comment { on, text });
            return;
        }
        let slot = *self.left_out.get_or_insert_with(|| {
            self.all.push(Notice::CommentsLeftOut { count: 0 });
            self.all.len() - 1
        });
        if let Some(Notice::CommentsLeftOut { count }) = self.all.get_mut(slot) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_kinds_and_comments_stay_bounded() {
        let mut notices = Notices::default();
        for kind in 0..10_000 {
            notices.skipped(kind);
            notices.skipped(7);
            notices.comment(CommentOn::Frame(1), &[b'x'; 5000]);
        }
        let kinds = notices
            .all()
            .iter()
            .filter(|n| matches!(n, Notice::SkippedBlocks { .. }))
            .count();
        assert_eq!(kinds, KINDS + 1);
        assert!(notices.all().contains(&Notice::SkippedBlocks {
            kind: Some(7),
            count: 10_001
        }));
        assert!(
            notices
                .all()
                .contains(&Notice::CommentsLeftOut { count: 10_000 - 256 })
        );
    }

    #[test]
    fn hostile_comments_are_not_obeyed() {
        let notice = Notice::Comment {
            on: CommentOn::Section(1),
            text: "\u{1b}[2Jgone".to_owned(),
        };
        assert_eq!(notice.to_string(), "comment on section 1: `\\u{1b}[2Jgone`");
    }
}
