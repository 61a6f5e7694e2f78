//! Captures to records: pcap and pcapng, plain or packed by gzip, zstd or lz4, from a file or a stream.
//!
//! A [`Record`] is a time, a link type and bytes. Nothing here knows of IP or TCP, judges a record, or
//! maps a file into memory (a file that shrinks would kill the program). Memory stays bounded whatever
//! the input claims about itself.

#![deny(unsafe_code)]

pub mod annotate;
mod blocks;
mod clock;
mod error;
mod input;
mod legacy;
mod notice;
mod packing;
mod pcapng;
mod plain;
mod reader;
mod record;
mod split;
mod unpack;
mod window;
mod write;

pub use annotate::{Annotated, annotate};
pub use clock::Resolution;
pub use error::CaptureError;
pub use notice::{CommentOn, Notice};
pub use packing::Packing;
pub use reader::{BATCH, Reader};
pub use record::{Direction, Interface, Progress, Record};
pub use split::find_boundary;
