//! What every actor does first: tie its life to the lab's, enter its network namespace, take its
//! name. Refuses to go on where one of these fails.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;

use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, Signal};
use rustix::thread::LinkNameSpaceType;

/// The `k=v` words of the command line.
pub(super) struct Settings(Vec<(String, String)>);

impl Settings {
    pub(super) fn new(words: Vec<(String, String)>) -> Self {
        Self(words)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Milliseconds under `key`.
    pub(super) fn millis(&self, key: &str) -> anyhow::Result<u64> {
        let text = self.get(key).with_context(|| format!("{key}= is missing"))?;
        text.parse()
            .with_context(|| format!("{key}={text} is not a number of milliseconds"))
    }

    pub(super) fn apply(&self) -> anyhow::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        if let Some(parent) = self.get("parent") {
            let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
            if now.as_deref() != Some(parent) {
                bail!("the lab (pid {parent}) is gone");
            }
        }
        // A provoked crash leaves no core file behind.
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        rustix::process::setrlimit(Resource::Core, none).context("cannot forbid core files")?;
        if let Some(path) = self.get("netns") {
            let file = File::open(path).with_context(|| format!("cannot open {path}"))?;
            rustix::thread::move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .with_context(|| format!("cannot enter {path} (CAP_SYS_ADMIN needed)"))?;
        }
        if let Some(name) = self.get("name") {
            rustix::thread::set_name(&CString::new(name)?)?;
        }
        Ok(())
    }
}
