//! The vocabulary that every room of whyreset speaks: what was observed ([`Fact`]), what all
//! observations about one reset are ([`Dossier`]), what a question to them answers ([`Finding`])
//! and what is said in the end ([`Verdict`]).
//!
//! This crate refuses to observe, to judge and to print: it has no clock, no files, no threads,
//! no serialisation framework and no dependency.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod dossier;
mod fact;
mod finding;
mod flow;
mod logged;
mod passed;
mod process;
mod record;
mod segment;
mod socket;
mod time;
mod verdict;

pub use dossier::{Blindness, Coverage, Dossier, Source};
pub use fact::{
    Balanced, Drop, Ended, Errno, Fact, Holdings, Killed, Memory, Received, Rule, Ruled, Sent, Tracking,
    Translation, What,
};
pub use finding::Finding;
pub use flow::{Flow, Roles, Side};
pub use logged::{Claim, Logged, Tie};
pub use passed::{
    Acceptable, After, Alike, Half, Join, Missing, Passed, Reason, Shape, Sign, Speaks, Teller, Told,
    Trigger, Way, hops, initial_ttl,
};
pub use process::{Exit, Process, signal_name};
pub use record::{RecordError, parse_dossier, write_dossier};
pub use segment::{Flags, Segment};
pub use socket::{Mode, Shutdown, Socket, TcpState};
pub use time::Timestamp;
pub use verdict::{
    Certainty, Connection, EvidenceLine, Host, Mark, Named, Origin, Outcome, Party, Reset, Rival, SeenFrom,
    Sender, Stage, Verdict, Victim,
};
