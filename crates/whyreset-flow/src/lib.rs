//! Headers in time to facts: what every connection of a capture has lived through when a reset
//! passes, and what came after it. No source, no clock, no cause: packets are pushed in, dossiers
//! come out.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod conn;
mod half;
mod heard;
pub mod join;
mod key;
mod known;
mod losses;
mod netscaler;
mod packet;
mod reset;
pub mod script;
mod silence;
mod slots;
mod table;
mod tap;
mod trail;
mod translated;

pub use key::{Direction, Key, hash, hash_v4};
pub use packet::{Device, Flags, Options, Packet, diff};
pub use silence::Silences;
pub use table::{Counters, HORIZON_NS, Rung, Table, Told};
