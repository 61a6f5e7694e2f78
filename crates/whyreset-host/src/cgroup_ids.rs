//! Paths of control groups by the id that the kernel's events carry, which is the inode of the
//! group's folder. Remembers groups that were removed since. Refuses to walk without end.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use whyreset_evidence::Memory;

use crate::cgroup;

/// Groups remembered.
const MOST: usize = 16_384;
/// The longest one walk may take.
const LONGEST: Duration = Duration::from_millis(50);

/// The groups of the v2 hierarchy that were met so far.
#[derive(Debug, Default)]
pub(crate) struct CgroupIds {
    mount: Option<PathBuf>,
    paths: HashMap<u64, String>,
}

impl CgroupIds {
    pub(crate) fn new(mount: Option<PathBuf>) -> Self {
        Self {
            mount,
            paths: HashMap::new(),
        }
    }

    /// Memory against the limits of the group with this path.
    pub(crate) fn memory(&self, path: &str) -> Option<Memory> {
        cgroup::memory(self.mount.as_ref()?, path)
    }

    /// What is known without looking.
    pub(crate) fn known(&self, id: u64) -> Option<&str> {
        self.paths.get(&id).map(String::as_str)
    }

    /// The id of the group with this path; it is remembered, for the group may be gone when its
    /// id is met.
    pub(crate) fn id_of(&mut self, path: &str) -> Option<u64> {
        let folder = self.mount.as_ref()?.join(path.trim_start_matches('/'));
        let id = fs::metadata(folder).ok()?.ino();
        if self.known(id) != Some(path) {
            self.remember(id, path.to_owned());
        }
        Some(id)
    }

    /// Looks at every group there is, for up to [`LONGEST`], the outermost first.
    pub(crate) fn walk(&mut self) {
        let Some(mount) = self.mount.clone() else { return };
        let begin = Instant::now();
        let mut open = VecDeque::from([mount.clone()]);
        while let Some(folder) = open.pop_front() {
            if begin.elapsed() > LONGEST {
                return;
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.filter_map(Result::ok) {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || open.len() > MOST {
                    continue;
                }
                let path = entry.path();
                if let Some(name) = below(&mount, &path) {
                    self.remember(entry.ino(), name);
                }
                open.push_back(path);
            }
        }
    }

    fn remember(&mut self, id: u64, path: String) {
        if self.paths.len() >= MOST {
            self.paths.clear();
        }
        self.paths.insert(id, path);
    }

    /// Ids of the processes in a group.
    pub(crate) fn members(&self, path: &str, most: usize) -> Vec<u32> {
        let Some(mount) = &self.mount else {
            return Vec::new();
        };
        let file = mount.join(path.trim_start_matches('/')).join("cgroup.procs");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines()
            .take(most)
            .filter_map(|line| line.parse().ok())
            .collect()
    }
}

fn below(mount: &Path, path: &Path) -> Option<String> {
    let path = path.strip_prefix(mount).ok()?;
    Some(format!("/{}", path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_group_is_found_by_its_id_and_remembered_when_gone() {
        let fake = Fake::new();
        let id = fake.cgroup("/system.slice/nginx.service");
        let mut ids = CgroupIds::new(Some(fake.root().join("sys/fs/cgroup")));
        assert_eq!(ids.known(id), None);
        ids.walk();
        assert_eq!(ids.known(id), Some("/system.slice/nginx.service"));
        fake.remove("sys/fs/cgroup/system.slice");
        ids.walk();
        assert_eq!(ids.known(id), Some("/system.slice/nginx.service"));
    }

    #[test]
    fn a_host_without_v2_knows_none() {
        let mut ids = CgroupIds::new(None);
        ids.walk();
        assert_eq!(ids.known(1), None);
        assert_eq!(ids.id_of("/"), None);
        assert!(ids.members("/", 10).is_empty());
    }
}
