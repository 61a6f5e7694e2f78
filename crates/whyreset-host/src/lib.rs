//! What verdicts need from /proc, control groups and namespaces: who holds a socket, what a
//! process is, which namespace is meant; and the privileges for asking. Refuses to know a cause
//! and to judge.

pub mod balancer;
mod cgroup;
mod cgroup_ids;
mod credit;
mod error;
pub mod inspect;
mod known;
mod names;
pub mod netns;
pub mod privileges;
mod procs;
pub mod rules;
mod sockets;
mod spaces;
mod table;

#[cfg(test)]
mod fake;

pub use error::HostError;
pub use spaces::{Entries, Spaces};
pub use table::ProcessTable;
