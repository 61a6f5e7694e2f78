//! Log files, the journal and the kernel's log: fast to search, joined to a reset by what a line
//! shares with it, quoted so that nothing in them reaches a terminal. Refuses to judge: a line says
//! what it says, and anybody can write one.

#![forbid(unsafe_code)]

mod anchors;
mod compared;
mod error;
mod fact;
mod follow;
mod haproxy;
mod idle;
mod join;
mod journal;
mod kmsg;
mod offset;
mod quote;
mod scan;
mod source;
mod stated;
mod store;
mod time;
mod unpack;
mod who;
mod words;

pub use anchors::Anchors;
pub use error::LogError;
pub use fact::{fact_of, reset_of};
pub use follow::{Follow, Followed};
pub use haproxy::state as haproxy_state;
pub use idle::idle_ns;
pub use join::{Line, Ranked, Reset, rank};
pub use journal::{Entry, Journal};
pub use kmsg::{KernelLog, KernelRecord};
pub use offset::{Offset, estimate, estimate_of};
pub use quote::quote;
pub use scan::{BLOCK, Hit, LONGEST_LINE, Scanned, scan};
pub use source::{Progress, Source};
pub use stated::{EVERYDAY, STATED, Says, Stated};
pub use store::{Kept, Store};
pub use time::{Clock, Stamp, Written, parse as parse_time};
pub use who::{Address, Who, who};
pub use words::{Look, Scratch, Tag, Vocabulary};
