//! What was learnt of processes while they lived, bounded in number. Refuses to answer for a
//! process of which only the pid is the same.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use whyreset_evidence::Process;

use crate::names::Names;

/// Processes in each of the two generations.
const GENERATION: usize = 2048;
/// How long pid and name alone name a process that is gone. A pid is given again only after all
/// others have been, which takes a busy host longer than this.
const WEAK: Duration = Duration::from_secs(10);
/// Names of threads remembered for a process.
const MOST_ALIASES: usize = 8;

/// One process, from one look at it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Its start in clock ticks: with the pid, its identity.
    pub start: u64,
    /// `comm` of its first thread.
    pub name: String,
    /// Names of its other threads that events bore.
    pub aliases: Vec<String>,
    pub exe: Option<String>,
    pub cgroup: Option<String>,
    /// The kernel's id of its group in the v2 hierarchy; `None` for the root, which all may share.
    pub cgroup_id: Option<u64>,
    pub names: Names,
    pub seen: Instant,
}

impl Known {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    pub(crate) fn alias(&mut self, name: &str) {
        if self.aliases.len() < MOST_ALIASES {
            self.aliases.push(name.to_owned());
        }
    }

    /// Whether this is the process that an event names after it is gone.
    pub(crate) fn was(&self, name: &str, cgroup: Option<u64>, now: Instant) -> bool {
        let weak = now.saturating_duration_since(self.seen) <= WEAK;
        self.is_named(name)
            && match (self.cgroup_id, cgroup) {
                (Some(own), Some(told)) if own == told => true,
                // Moved since, or a socket that another group made: time must decide.
                _ => weak,
            }
    }

    pub(crate) fn fill(&self, process: &mut Process) {
        process.exe.clone_from(&self.exe);
        process.cgroup.clone_from(&self.cgroup);
        process.unit.clone_from(&self.names.unit);
        process.container.clone_from(&self.names.container);
        process.pod.clone_from(&self.names.pod);
    }
}

/// Two generations of processes: the older one is dropped when the younger is full.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    young: HashMap<u32, Known>,
    old: HashMap<u32, Known>,
}

impl Cache {
    pub(crate) fn get(&mut self, pid: u32) -> Option<&mut Known> {
        if let Some(known) = self.old.remove(&pid) {
            self.put(pid, known);
        }
        self.young.get_mut(&pid)
    }

    pub(crate) fn put(&mut self, pid: u32, known: Known) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&pid) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&pid);
        self.young.insert(pid, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, cgroup_id: Option<u64>, seen: Instant) -> Known {
        Known {
            start: 1,
            name: name.to_owned(),
            aliases: Vec::new(),
            exe: None,
            cgroup: None,
            cgroup_id,
            names: Names::default(),
            seen,
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut cache = Cache::default();
        let now = Instant::now();
        cache.put(1, known("kept", None, now));
        for pid in 2..20_000 {
            cache.put(pid, known("other", None, now));
            assert!(cache.get(1).is_some());
        }
        assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION);
        assert!(cache.get(2).is_none());
    }

    #[test]
    fn a_gone_process_is_known_by_its_group_or_for_a_short_time() {
        let seen = Instant::now();
        let later = seen + Duration::from_mins(1);
        let nginx = known("nginx", Some(7), seen);
        assert!(nginx.was("nginx", Some(7), later));
        assert!(!nginx.was("nginx", Some(8), later));
        assert!(!nginx.was("nginx", None, later));
        assert!(nginx.was("nginx", None, seen));
        assert!(!nginx.was("curl", Some(7), seen));
    }
}
