//! Wires the host's process table into the watcher.

use std::net::SocketAddr;

use whyreset_evidence::{Holdings, Process, TcpState, Timestamp, Tracking, Translation};
use whyreset_host::{ProcessTable, Spaces};
use whyreset_live::Holders;

/// The tables, as the watcher asks them.
pub struct Table {
    processes: ProcessTable,
    spaces: Spaces,
}

impl Table {
    /// One pass over all open sockets.
    pub fn scanned(spaces: Spaces) -> Self {
        let mut processes = ProcessTable::new();
        processes.scan();
        Self { processes, spaces }
    }
}

impl Holders for Table {
    fn holder_of(&mut self, inode: u64, likely: Option<u32>) -> Option<Process> {
        self.processes.holder_of(inode, likely)
    }

    fn holdings(&mut self, process: &Process) -> Option<Holdings> {
        self.processes.holdings(process)
    }

    fn translation(&mut self, from: SocketAddr, to: SocketAddr) -> Option<(Timestamp, Translation)> {
        self.spaces.gone(from, to)
    }

    fn tracking(&mut self, netns: u32) -> Option<Tracking> {
        self.spaces.tracking(netns)
    }

    fn standing(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<TcpState> {
        self.spaces.state(local, remote)
    }

    fn only_with(&mut self, local: SocketAddr) -> Option<SocketAddr> {
        self.spaces.only_with(local)
    }

    fn look(&mut self) {
        self.spaces.drain();
    }

    fn describe(&mut self, process: &mut Process, cgroup: Option<u64>) {
        self.processes.describe(process, cgroup);
    }
}
