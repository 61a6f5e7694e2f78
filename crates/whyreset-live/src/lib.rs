//! This host's kernel as a source of facts: eBPF (`bpf/`) beside the Rust that reads it, and the
//! folding of its events into one dossier a reset.
//!
//! Nothing runs per packet. This crate refuses to know a cause and to judge.

mod abi;
mod btf_enum;
mod clock;
mod connection;
mod facts;
mod incident;
mod loader;
mod prerequisites;
mod snapshot;
mod stream;
mod symbols;
mod sys;
mod tap;
mod watcher;

pub use prerequisites::check as check_prerequisites;
pub use stream::{Passing, Stream};
pub use tap::{Listen, Tap};
pub use watcher::{AttachError, Holders, Options, Watcher};
