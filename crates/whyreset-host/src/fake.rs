//! A small /proc and control-group tree in a temporary folder. Refuses to outlive its test.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use tempfile::TempDir;

pub(crate) struct Fake(TempDir);

impl Fake {
    pub(crate) fn new() -> Self {
        let fake = Self(tempfile::tempdir().expect("a temporary folder"));
        fake.write("proc/1/stat", "1 (init) S 0");
        fake.write(
            "proc/self/mounts",
            "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n",
        );
        fake
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn link(&self, path: &str, to: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        _ = fs::remove_file(&path);
        symlink(to, path).expect("a link");
    }

    pub(crate) fn process(&self, pid: u32, name: &str, start: u64, state: char) {
        self.write(&format!("proc/{pid}/comm"), &format!("{name}\n"));
        let zeros = "0 ".repeat(18);
        self.write(
            &format!("proc/{pid}/stat"),
            &format!("{pid} ({name}) {state} {zeros}{start} 0 0\n"),
        );
        fs::create_dir_all(self.root().join(format!("proc/{pid}/fd"))).expect("a folder");
    }

    pub(crate) fn exe(&self, pid: u32, path: &str) {
        self.link(&format!("proc/{pid}/exe"), path);
    }

    pub(crate) fn socket(&self, pid: u32, fd: u32, inode: u64) {
        self.link(&format!("proc/{pid}/fd/{fd}"), &format!("socket:[{inode}]"));
    }

    pub(crate) fn remove(&self, path: &str) {
        let path = self.root().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).expect("removed");
        } else {
            fs::remove_file(path).expect("removed");
        }
    }

    /// Makes a control group and gives its kernel id.
    pub(crate) fn cgroup(&self, path: &str) -> u64 {
        let path = self
            .root()
            .join("sys/fs/cgroup")
            .join(path.trim_start_matches('/'));
        fs::create_dir_all(&path).expect("a folder");
        fs::metadata(path).expect("its inode").ino()
    }
}
