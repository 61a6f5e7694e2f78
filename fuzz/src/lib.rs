//! What the fuzz targets share: bytes read as a script of segments, these segments as frames of a
//! capture, and what must hold of every verdict. Refuses to be a part of the product.

#![forbid(unsafe_code)]

pub mod frame;
pub mod frames;
pub mod joined;
pub mod pairs;
pub mod script;
pub mod stories;
pub mod verdicts;

/// The program's own road from a record to a segment, so that this and no copy of it is fuzzed.
#[path = "../../crates/whyreset/src/commands/read/input.rs"]
pub mod input;
