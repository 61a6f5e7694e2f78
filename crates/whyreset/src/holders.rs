//! Wires the host's process table into the watcher.

use whyreset_evidence::{Holdings, Process};
use whyreset_host::ProcessTable;
use whyreset_live::Holders;

/// The table, as the watcher asks it.
pub struct Table(ProcessTable);

impl Table {
    /// One pass over all open sockets.
    pub fn scanned() -> Self {
        let mut table = ProcessTable::new();
        table.scan();
        Self(table)
    }
}

impl Holders for Table {
    fn holder_of(&mut self, inode: u64, likely: Option<u32>) -> Option<Process> {
        self.0.holder_of(inode, likely)
    }

    fn holdings(&mut self, process: &Process) -> Option<Holdings> {
        self.0.holdings(process)
    }

    fn describe(&mut self, process: &mut Process, cgroup: Option<u64>) {
        self.0.describe(process, cgroup);
    }
}
