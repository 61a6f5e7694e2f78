//! Captures to records: pcap and pcapng, plain or packed by gzip, zstd or lz4, from a file or a stream.
//!
//! A [`Record`] is a time, a link type and bytes. Nothing here knows of IP or TCP, or judges a record. A
//! file that is read more than once is mapped into memory ([`Hold`]), and the program outlives its
//! becoming shorter. Memory of our own stays bounded whatever the input claims about itself.

mod abreast;
pub mod annotate;
mod blocks;
mod clock;
mod error;
mod hold;
mod index;
mod input;
mod legacy;
mod lot;
mod notice;
mod packing;
mod pcapng;
mod plain;
mod reader;
mod record;
mod split;
mod stretch;
mod sys;
mod unpack;
mod window;
mod write;

pub use abreast::{Lane, look_abreast};
pub use annotate::{Annotated, annotate};
pub use clock::Resolution;
pub use error::CaptureError;
pub use hold::Hold;
pub use index::{Index, Walk};
pub use lot::{LOT, Look, Pick, Picked, Sieve};
pub use notice::{CommentOn, Notice};
pub use packing::Packing;
pub use reader::Reader;
pub use record::{Direction, Interface, Progress, Record};
pub use split::find_boundary;
pub use stretch::{Sift, Stretch};
