//! A program, or a host's memory of the connection, is gone.

mod connection_forgotten;
mod oom_killed;
mod process_exited;
mod process_killed;

pub use connection_forgotten::CONNECTION_FORGOTTEN;
pub use oom_killed::OOM_KILLED;
pub use process_exited::PROCESS_EXITED;
pub use process_killed::PROCESS_KILLED;
