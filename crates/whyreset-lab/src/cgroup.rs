//! A memory control group of the lab's own, with a limit, in whichever hierarchy (v1 or v2) has
//! the memory controller. Removed on drop. Refuses to change any group it did not make.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::life;

/// A group that kills what outgrows it.
pub struct MemoryGroup {
    path: PathBuf,
}

/// Where the memory controller can be had, or why it cannot.
fn root() -> anyhow::Result<(PathBuf, bool)> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read /proc/self/mounts")?;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(path), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let path = Path::new(path);
        let v1 = kind == "cgroup" && options.split(',').any(|option| option == "memory");
        let v2 = kind == "cgroup2"
            && fs::read_to_string(path.join("cgroup.subtree_control"))
                .is_ok_and(|list| list.split_whitespace().any(|name| name == "memory"));
        if v1 || v2 {
            return Ok((path.to_owned(), v2));
        }
    }
    bail!("no cgroup hierarchy with the memory controller is mounted")
}

/// Says why no group can be made here.
pub(crate) fn probe() -> Result<(), String> {
    root().map(|_| ()).map_err(|error| format!("{error:#}"))
}

impl MemoryGroup {
    /// Makes a group with a limit in bytes and no swap.
    pub fn new(bytes: u64) -> anyhow::Result<Self> {
        let (root, v2) = root()?;
        let group = Self {
            path: root.join(life::fresh_name().0),
        };
        fs::create_dir(&group.path).with_context(|| format!("cannot make {}", group.path.display()))?;
        let (limit, swap, no_swap) = if v2 {
            ("memory.max", "memory.swap.max", 0)
        } else {
            ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", bytes)
        };
        fs::write(group.path.join(limit), bytes.to_string())
            .with_context(|| format!("cannot set {limit}"))?;
        // Missing where swap is not accounted; then there is mostly none.
        let _ = fs::write(group.path.join(swap), no_swap.to_string());
        Ok(group)
    }

    /// Moves a process in.
    pub fn take(&self, pid: u32) -> anyhow::Result<()> {
        let file = self.path.join("cgroup.procs");
        fs::write(&file, pid.to_string()).with_context(|| format!("cannot write {}", file.display()))
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// Removes the groups of dead labs.
pub(crate) fn sweep() {
    let Ok((root, _)) = root() else {
        return;
    };
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(life::is_stale) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
