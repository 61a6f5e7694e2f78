//! A program, or a host's memory of the connection, is gone.

mod process_killed;

pub use process_killed::PROCESS_KILLED;
