//! Which control group a process is in, from /proc/PID/cgroup and the mounts. Refuses to choose a
//! hierarchy by its number: they differ from host to host.

use std::fs;
use std::path::{Path, PathBuf};

use whyreset_evidence::Memory;

/// The path that says most: of the v2 hierarchy, else of systemd's own, else of the first
/// controller that was moved away from the root. Hosts with both versions keep some of them idle.
pub(crate) fn path_in(membership: &str) -> Option<String> {
    let rank = |controllers: &str| match controllers {
        "" => 0,
        "name=systemd" => 1,
        _ => 2,
    };
    membership
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let path = path.strip_suffix(" (deleted)").unwrap_or(path);
            path.starts_with('/')
                .then(|| ((path == "/", rank(controllers)), path))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, path)| path.to_owned())
}

/// The path in the v2 hierarchy, the one whose ids the kernel's events carry.
pub(crate) fn unified_path_in(membership: &str) -> Option<&str> {
    membership.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Where the v2 hierarchy is mounted, below `root`.
pub(crate) fn unified_mount(root: &Path, mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| root.join(at.trim_start_matches('/')))
    })
}

/// Memory of this group or of the one around it that is nearest to its limit; `None` where none
/// of them has a limit. `mount` is where the v2 hierarchy is.
pub(crate) fn memory(mount: &Path, path: &str) -> Option<Memory> {
    let number = |group: &Path, file: &str| -> Option<u64> {
        fs::read_to_string(group.join(file)).ok()?.trim().parse().ok()
    };
    let group = mount.join(path.trim_start_matches('/'));
    group
        .ancestors()
        .take_while(|group| *group != mount && group.starts_with(mount))
        .filter_map(|group| {
            Some(Memory {
                used: number(group, "memory.current")?,
                limit: number(group, "memory.max")?,
            })
        })
        .max_by_key(|memory| u128::from(memory.used) * 1_000_000 / u128::from(memory.limit.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_in_use_is_taken() {
        for (text, expected) in [
            ("0::/system.slice/nginx.service\n", "/system.slice/nginx.service"),
            // Hybrid: v2 is mounted and nobody is in it.
            (
                "9:name=systemd:/system.slice/a.service\n4:memory:/system.slice\n0::/\n",
                "/system.slice/a.service",
            ),
            (
                "9:name=systemd:/s.slice/a.service\n0::/s.slice/b.service\n",
                "/s.slice/b.service",
            ),
            // v1 with one controller alone moved.
            ("9:name=systemd:/\n4:memory:/app/x\n3:cpu:/\n0::/\n", "/app/x"),
            ("2:cpu,cpuacct:/\n0::/\n", "/"),
            ("0::/gone.scope (deleted)\n", "/gone.scope"),
            // A colon in the path belongs to the path.
            ("0::/a.slice:cri-containerd:b\n", "/a.slice:cri-containerd:b"),
        ] {
            assert_eq!(path_in(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(path_in(""), None);
        assert_eq!(path_in("nonsense\n0:x\n"), None);
    }

    #[test]
    fn the_limit_that_is_nearest_counts() {
        let mount = tempfile::tempdir().unwrap();
        let set = |group: &str, current: &str, max: &str| {
            let group = mount.path().join(group);
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join("memory.current"), current).unwrap();
            fs::write(group.join("memory.max"), max).unwrap();
        };
        set("pod", "900\n", "1000\n");
        set("pod/app", "600\n", "5000\n");
        set("pod/free", "600\n", "max\n");
        set("free", "600\n", "max\n");
        let near = Some(Memory {
            used: 900,
            limit: 1000,
        });
        assert_eq!(memory(mount.path(), "/pod/app"), near);
        assert_eq!(memory(mount.path(), "/pod/free"), near);
        assert_eq!(memory(mount.path(), "/free"), None);
        assert_eq!(memory(mount.path(), "/"), None);
        assert_eq!(memory(mount.path(), "/../../etc"), None);
    }

    #[test]
    fn the_v2_mount_is_found_beside_v1() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found = unified_mount(Path::new("/r"), mounts);
        assert_eq!(found, Some(PathBuf::from("/r/sys/fs/cgroup/unified")));
        assert_eq!(unified_mount(Path::new("/"), "proc /proc proc rw 0 0\n"), None);
    }
}
