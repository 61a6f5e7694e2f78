//! Network namespaces made by the `ip` tool, named `wr-<pid>-<n>-<role>`, removed on drop.
//! Refuses to touch namespaces of other names.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use rustix::thread::LinkNameSpaceType;

use crate::{ip, life};

/// Where the `ip` tool keeps its names.
const NAMES: &str = "/run/netns";

/// A network namespace, removed when dropped.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Takes over a namespace that a batch of `ip` commands has made or is about to make.
    pub(crate) fn named(name: String) -> Self {
        Self { name }
    }

    /// Its name for `ip netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it.
    pub fn path(&self) -> PathBuf {
        Path::new(NAMES).join(&self.name)
    }

    /// Its inode number, by which the kernel's events name it.
    pub fn inode(&self) -> anyhow::Result<u64> {
        let path = self.path();
        let meta = path
            .metadata()
            .with_context(|| format!("cannot look at {}", path.display()))?;
        Ok(meta.ino())
    }

    /// Runs `work` on a thread of its own that stands in this namespace.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        let path = self.path();
        let enter = move || {
            let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
            rustix::thread::move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .with_context(|| format!("cannot enter {} (CAP_SYS_ADMIN needed)", path.display()))?;
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter).join())
            .map_err(|_| anyhow!("the thread inside {} panicked", self.name))?
    }

    /// Sets one sysctl of this namespace (`net.ipv4.tcp_fin_timeout`).
    pub fn sysctl(&self, key: &str, value: &str) -> anyhow::Result<()> {
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        self.inside(|| {
            std::fs::write(&path, value).with_context(|| format!("cannot write {value} to {path}"))
        })
    }

    /// Runs a program inside to its end and returns what it printed.
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        ip::run_in(&self.name, program, arguments, input)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip::forget(&self.name);
    }
}

/// Removes the namespaces of dead labs.
pub(crate) fn sweep() {
    let Ok(entries) = std::fs::read_dir(NAMES) else {
        return;
    };
    for entry in entries.flatten() {
        if let Some(name) = entry.file_name().to_str().filter(|name| life::is_stale(name)) {
            ip::forget(name);
        }
    }
}
