//! This host's kernel as a source of facts. Refuses to know a cause and to judge.

use std::time::Duration;

use whyreset_evidence::{Blindness, Dossier, Process};

/// Looks processes up; the binary wires the host's own table in.
pub trait Holders {
    /// The process that holds the socket with this inode, asking `likely` first.
    fn holder_of(&mut self, inode: u64, likely: Option<u32>) -> Option<Process>;
    /// Fills in what is known of a process beyond pid and name: exe, control group, unit,
    /// container, pod, alive. `cgroup` is the kernel's id of its control group.
    fn describe(&mut self, process: &mut Process, cgroup: Option<u64>);
}

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only this network namespace, by inode: nothing seen in another one is known.
    pub netns: Option<u32>,
    /// Bytes of the event ring; `None` for the default.
    pub ring: Option<u32>,
}

/// Why the watcher cannot run, and what to do.
#[derive(Debug)]
pub struct AttachError(pub String);

impl std::fmt::Display for AttachError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AttachError {}

/// The attached programs and the connections being put together.
pub struct Watcher {}

impl Watcher {
    /// Checks what is needed, loads and attaches.
    ///
    /// # Errors
    /// What is missing, and what to run.
    pub fn attach(_: &Options, _: Box<dyn Holders>) -> Result<Self, AttachError> {
        Err(AttachError("not built".into()))
    }

    /// Views that could not be had here, and what would cure it.
    pub fn missing(&self) -> &[Blindness] {
        &[]
    }

    /// Drains the kernel's events for up to `wait`, handing every dossier that is complete to
    /// `deliver`; stops early when `deliver` returns `false`.
    pub fn poll(&mut self, _wait: Duration, _deliver: &mut dyn FnMut(&Dossier) -> bool) {}

    /// Hands over what is still open, complete or not.
    pub fn flush(&mut self, _deliver: &mut dyn FnMut(&Dossier) -> bool) {}

    /// Events lost since the start, because the ring was full.
    pub fn lost(&self) -> u64 {
        0
    }
}
