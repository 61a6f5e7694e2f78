//! The processes of this host: who holds a socket, and what a process is. Refuses to give a
//! process what may be another's: a pid that was given again keeps what it was called, no more.

use std::path::Path;
use std::time::{Duration, Instant};

use whyreset_evidence::{Holdings, Process};

use crate::cgroup;
use crate::cgroup_ids::CgroupIds;
use crate::credit::Credit;
use crate::known::{Cache, Known};
use crate::names::Names;
use crate::procs::{Life, Procs};
use crate::sockets::Sockets;

/// Processes of one control group that are asked for a socket.
const MOST_NEIGHBOURS: usize = 64;
/// How long a description is taken for fresh: programs replace themselves and are moved.
const FRESH: Duration = Duration::from_secs(1);

/// Looks processes up in /proc, with bounded memory and a bounded share of time.
#[derive(Debug)]
pub struct ProcessTable {
    procs: Procs,
    sockets: Sockets,
    cache: Cache,
    cgroups: CgroupIds,
    credit: Credit,
    /// /proc shows the same ids as the kernel's events do.
    same_ids: bool,
    /// What /proc does not show may be there all the same.
    hides: bool,
}

impl Default for ProcessTable {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessTable {
    /// Over this host's /proc and control groups. Reads little; [`Self::scan`] reads all.
    pub fn new() -> Self {
        Self::below(Path::new("/"))
    }

    /// The same over a tree that has `proc` and, where the mounts say so, `sys/fs/cgroup`.
    pub fn below(root: &Path) -> Self {
        let procs = Procs::new(root);
        Self {
            sockets: Sockets::new(),
            cache: Cache::default(),
            cgroups: CgroupIds::new(cgroup::unified_mount(root, &procs.mounts())),
            credit: Credit::full(Instant::now()),
            same_ids: procs.shows_kernel_ids(),
            hides: procs.hides_others(),
            procs,
        }
    }

    /// One pass over the open sockets of all processes, so that later questions are cheap and
    /// processes that die are known. Takes a few tens of microseconds a process.
    pub fn scan(&mut self) {
        self.scan_for(None);
    }

    /// The process that holds the socket with this inode, asking `likely` first. `None` where
    /// nobody does any more, or where asking would cost more than a storm leaves.
    pub fn holder_of(&mut self, inode: u64, likely: Option<u32>) -> Option<Process> {
        if inode == 0 {
            return None;
        }
        let likely = likely.filter(|_| self.same_ids);
        let pid = self.find(inode, likely)?;
        Some(Process::new(pid, self.procs.name(pid)?))
    }

    fn find(&mut self, inode: u64, likely: Option<u32>) -> Option<u32> {
        let last = self.sockets.last_place(inode);
        let still = self.sockets.still(&self.procs, inode);
        if let Some(pid) = likely
            && still != Some(pid)
            && self.sockets.holds(&self.procs, pid, inode, &mut self.credit)
        {
            return Some(pid);
        }
        if still.is_some() {
            return still;
        }
        if let Some(pid) = last.and_then(|last| self.find_beside(inode, last)) {
            return Some(pid);
        }
        if !self.credit.any(Instant::now()) {
            return None;
        }
        self.scan_for(Some(inode))
    }

    /// A socket that was handed on mostly stays in the service.
    fn find_beside(&mut self, inode: u64, last: u32) -> Option<u32> {
        let id = self.cache.get(last)?.cgroup_id?;
        let path = self.cgroups.known(id)?.to_owned();
        let neighbours = self.cgroups.members(&path, MOST_NEIGHBOURS);
        neighbours
            .into_iter()
            .find(|&pid| self.sockets.holds(&self.procs, pid, inode, &mut self.credit))
    }

    fn scan_for(&mut self, wanted: Option<u64>) -> Option<u32> {
        let mut holders = Vec::new();
        let found = self
            .sockets
            .scan(&self.procs, wanted, &mut self.credit, &mut |pid| {
                holders.push(pid);
            });
        for pid in holders {
            if let Some(life) = self.procs.life(pid)
                && self.cache.get(pid).is_none_or(|known| known.start != life.start)
            {
                self.learn(pid, life);
            }
        }
        found
    }

    /// Fills in what is known of a process beyond pid and name: executable, control group, unit,
    /// container, pod, alive. `cgroup` is the kernel's id of a control group that the event told.
    pub fn describe(&mut self, process: &mut Process, cgroup: Option<u64>) {
        if process.pid != 0 && self.same_ids {
            self.describe_by_pid(process, cgroup);
        }
        if process.cgroup.as_deref().is_none_or(|path| path == "/")
            && let Some(path) = cgroup.and_then(|id| self.path_of(id))
        {
            let names = Names::of(&path);
            process.cgroup = Some(path);
            process.unit = names.unit;
            process.container = names.container;
            process.pod = names.pod;
        }
    }

    /// What a living process holds, of what it may hold. `None` where it is gone, or where asking
    /// would cost more than a storm leaves.
    pub fn holdings(&mut self, process: &Process) -> Option<Holdings> {
        let begin = Instant::now();
        if process.pid == 0 || !self.same_ids || !self.credit.any(begin) {
            return None;
        }
        let life = self.procs.life(process.pid)?;
        let cgroup = self
            .living(process.pid, &process.name, life, begin)?
            .cgroup
            .clone();
        let (fds, fd_limit) = self.procs.descriptors(process.pid)?;
        // USER_HZ is 100 on every architecture that Rust's standard library supports.
        let started = life.start * 10;
        let held = Holdings {
            process: Process::new(process.pid, process.name.clone()),
            fds,
            fd_limit,
            age_ms: self.procs.uptime_ms().and_then(|now| now.checked_sub(started)),
            memory: cgroup.and_then(|path| self.cgroups.memory(&path)),
        };
        self.credit.spend(begin.elapsed());
        Some(held)
    }

    fn describe_by_pid(&mut self, process: &mut Process, cgroup: Option<u64>) {
        let now = Instant::now();
        match self.procs.life(process.pid) {
            Some(life) if !life.zombie => {
                if let Some(known) = self.living(process.pid, &process.name, life, now) {
                    known.fill(process);
                    process.alive = Some(true);
                }
            }
            gone => {
                process.alive = (gone.is_some() || !self.hides).then_some(false);
                let known = self.cache.get(process.pid);
                let same = |known: &&mut Known| match gone {
                    Some(zombie) => known.start == zombie.start && known.is_named(&process.name),
                    None => known.was(&process.name, cgroup, now),
                };
                if let Some(known) = known.filter(same) {
                    known.fill(process);
                }
            }
        }
    }

    /// The process that lives under this pid, if it bears this name: else it may be another one
    /// that was given the pid since.
    fn living(&mut self, pid: u32, name: &str, life: Life, now: Instant) -> Option<&Known> {
        let fits = |known: &Known| known.start == life.start && known.is_named(name);
        let known = self.cache.get(pid).filter(|known| fits(known));
        if known.is_none_or(|known| now.saturating_duration_since(known.seen) > FRESH) {
            let fresh = self.learn(pid, life)?;
            if !fresh.is_named(name) {
                if !self.procs.has_thread_named(pid, name) {
                    return None;
                }
                self.cache.get(pid)?.alias(name);
            }
        }
        self.cache.get(pid).map(|known| &*known)
    }

    /// Reads all of a process. `None` where it died or the pid changed hands meanwhile.
    fn learn(&mut self, pid: u32, life: Life) -> Option<&Known> {
        let name = self.procs.name(pid)?;
        let exe = self.procs.exe(pid);
        let membership = self.procs.membership(pid).unwrap_or_default();
        if self.procs.life(pid)?.start != life.start {
            return None;
        }
        let unified = cgroup::unified_path_in(&membership).filter(|&path| path != "/");
        let path = cgroup::path_in(&membership);
        let known = Known {
            start: life.start,
            name,
            aliases: Vec::new(),
            exe,
            cgroup_id: unified.and_then(|path| self.cgroups.id_of(path)),
            names: path.as_deref().map(Names::of).unwrap_or_default(),
            cgroup: path,
            seen: Instant::now(),
        };
        self.cache.put(pid, known);
        self.cache.get(pid).map(|known| &*known)
    }

    fn path_of(&mut self, id: u64) -> Option<String> {
        let begin = Instant::now();
        if self.cgroups.known(id).is_none() && self.credit.any(begin) {
            self.cgroups.walk();
            self.credit.spend(begin.elapsed());
        }
        self.cgroups.known(id).map(str::to_owned)
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
