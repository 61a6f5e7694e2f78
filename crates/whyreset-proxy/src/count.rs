//! What a run of the proxy did, in numbers. Refuses to keep anything about a single connection.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted while it runs.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) peak: AtomicU64,
    pub(crate) up: AtomicU64,
    pub(crate) down: AtomicU64,
    /// Resets of one end that were passed on to the other.
    pub(crate) passed: AtomicU64,
    /// Connections for which the server could not be reached.
    pub(crate) unreachable: AtomicU64,
    /// Connections that a fault broke.
    pub(crate) broken: AtomicU64,
}

impl Count {
    pub(crate) fn add(number: &AtomicU64, by: u64) {
        number.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn summary(&self) -> Summary {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Summary {
            accepted: read(&self.accepted),
            peak: read(&self.peak),
            up: read(&self.up),
            down: read(&self.down),
            passed: read(&self.passed),
            unreachable: read(&self.unreachable),
            broken: read(&self.broken),
            left: read(&self.open),
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open at once at most.
    pub peak: u64,
    /// Bytes from clients to servers.
    pub up: u64,
    /// Bytes from servers to clients.
    pub down: u64,
    /// Resets of one end passed on to the other.
    pub passed: u64,
    /// Connections for which no server could be reached.
    pub unreachable: u64,
    /// Connections that a fault broke.
    pub broken: u64,
    /// Connections still open at the end.
    pub left: u64,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        write!(
            f,
            "{} connection{} (at most {} at once), {} bytes up, {} bytes down, {} broken by faults, {} reset{} passed on",
            self.accepted,
            plural(self.accepted),
            self.peak,
            self.up,
            self.down,
            self.broken,
            self.passed,
            plural(self.passed),
        )?;
        if self.unreachable > 0 {
            write!(f, ", {} without a server", self.unreachable)?;
        }
        if self.left > 0 {
            write!(f, ", {} closed before their end", self.left)?;
        }
        Ok(())
    }
}
