//! What control groups had to kill for want of memory, and how near they are to it again. Both
//! versions of control groups. Refuses to walk the tree: only groups that are named are asked.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use whyreset_evidence::Memory;

use crate::cgroup;

/// A control group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its path.
    pub path: String,
    /// Processes that the out-of-memory killer ended in it.
    pub killed: Option<u64>,
    /// Memory in use against the nearest limit.
    pub memory: Option<Memory>,
    /// Where it was read.
    pub file: PathBuf,
}

/// Asks for the groups with these paths.
pub fn groups<'a>(paths: impl Iterator<Item = &'a str>) -> HashMap<String, Group> {
    let mounts = fs::read("/proc/self/mounts").unwrap_or_default();
    below(Path::new("/"), &String::from_utf8_lossy(&mounts), paths)
}

fn below<'a>(root: &Path, mounts: &str, paths: impl Iterator<Item = &'a str>) -> HashMap<String, Group> {
    let unified = cgroup::unified_mount(root, mounts);
    let first = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let memory = kind == "cgroup" && options.split(',').any(|option| option == "memory");
        memory.then(|| root.join(at.trim_start_matches('/')))
    });
    let ask = |path: &str| {
        let below = path.trim_start_matches('/');
        // A path with a step back would lead out of the tree.
        if below.split('/').any(|part| part == "..") {
            return None;
        }
        let second = unified
            .iter()
            .map(|mount| (mount.join(below).join("memory.events"), true));
        let first = first
            .iter()
            .map(|mount| (mount.join(below).join("memory.oom_control"), false));
        second
            .chain(first)
            .find_map(|(file, second)| read(file, second, path))
            .map(|mut group| {
                if let Some(mount) = &unified
                    && group.memory.is_none()
                {
                    group.memory = cgroup::memory(mount, path);
                }
                (path.to_owned(), group)
            })
    };
    paths.filter_map(ask).collect()
}

fn read(file: PathBuf, second: bool, path: &str) -> Option<Group> {
    let text = fs::read_to_string(&file).ok()?;
    let killed = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))
        .and_then(|number| number.trim().parse().ok());
    let memory = if second { None } else { first_version(&file) };
    Some(Group {
        path: path.to_owned(),
        killed,
        memory,
        file,
    })
}

fn first_version(file: &Path) -> Option<Memory> {
    /// No limit is written as a number near 2^63.
    const NONE: u64 = 1 << 62;
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(file.with_file_name(name)).ok()?;
        text.trim().parse().ok()
    };
    let limit = number("memory.limit_in_bytes").filter(|limit| *limit < NONE)?;
    Some(Memory {
        used: number("memory.usage_in_bytes")?,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn both_versions_are_asked() {
        let fake = Fake::new();
        fake.write("sys/two/a.service/memory.events", "low 0\noom 3\noom_kill 2\n");
        fake.write("sys/two/a.service/memory.current", "90\n");
        fake.write("sys/two/a.service/memory.max", "100\n");
        fake.write(
            "sys/one/b.service/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        );
        fake.write("sys/one/b.service/memory.limit_in_bytes", "200\n");
        fake.write("sys/one/b.service/memory.usage_in_bytes", "20\n");
        let mounts = "c /sys/two cgroup2 rw 0 0\nc /sys/one cgroup rw,memory 0 0\n";
        let names = ["/a.service", "/b.service", "/gone", "/../../etc"];
        let all = below(fake.root(), mounts, names.into_iter());
        assert_eq!(all.len(), 2);
        assert_eq!(all["/a.service"].killed, Some(2));
        assert_eq!(all["/a.service"].memory, Some(Memory { used: 90, limit: 100 }));
        assert_eq!(all["/b.service"].killed, Some(1));
        assert_eq!(all["/b.service"].memory, Some(Memory { used: 20, limit: 200 }));
    }
}
