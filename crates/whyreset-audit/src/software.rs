//! How long programs keep idle connections, as far as their configuration tells: one file a
//! program, each declared in [`PROGRAMS`]. Refuses to guess: where neither a setting nor a
//! documented default is known there is none.

mod flags;
mod haproxy;
mod nginx;
mod node;
mod time;

use std::collections::HashMap;
use std::sync::Arc;

use whyreset_host::inspect::{Census, Files, Holder, Unread};

/// Bytes of one configuration file.
pub(crate) const FILE: u64 = 1 << 20;
/// Programs whose configuration is read.
const PROGRAMS_READ: usize = 64;

/// How long idle connections are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Idle {
    /// Milliseconds; 0 where none is kept.
    pub ms: u64,
    /// The setting with its value: `keepalive_timeout 75s`.
    pub setting: String,
    /// Where it was read.
    pub cite: String,
    /// It is a default that the program's own code may have changed.
    pub assumed: bool,
    /// How to change it; `{s}` stands for the seconds.
    pub change: &'static str,
}

/// Timers by port; the one without a port is of all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ports(HashMap<Option<u16>, Idle>);

impl Ports {
    /// The same timer for all.
    pub fn all(idle: Idle) -> Self {
        Self(HashMap::from([(None, idle)]))
    }

    /// Where several hold for a port, the shortest bites.
    pub fn shortest(&mut self, port: Option<u16>, idle: Idle) {
        self.keep(port, idle, |new, old| new < old);
    }

    /// Where several hold for a port, the longest bites.
    pub fn longest(&mut self, port: Option<u16>, idle: Idle) {
        self.keep(port, idle, |new, old| new > old);
    }

    fn keep(&mut self, port: Option<u16>, idle: Idle, rather: fn(u64, u64) -> bool) {
        if self.0.get(&port).is_none_or(|old| rather(idle.ms, old.ms)) {
            self.0.insert(port, idle);
        }
    }

    /// The timer of this port.
    pub fn of(&self, port: u16) -> Option<&Idle> {
        self.0.get(&Some(port)).or_else(|| self.0.get(&None))
    }
}

/// What one process does with idle connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timers {
    /// With those that it accepted, by its own port.
    pub server: Ports,
    /// With those that it made, by the other end's port.
    pub client: Ports,
}

/// A program whose configuration is known.
pub(crate) struct Program {
    /// Whether this process is one.
    pub fits: fn(&Holder) -> bool,
    /// Reads its configuration; of several processes the first one's.
    pub read: fn(&Holder, &Files) -> Result<Timers, Unread>,
}

static PROGRAMS: &[&Program] = &[
    &nginx::PROGRAM,
    &haproxy::PROGRAM,
    &flags::GUNICORN,
    &flags::UVICORN,
    &node::PROGRAM,
];

/// The timers of all processes that are known programs.
pub(crate) fn timers(census: &Census, unread: &mut Vec<Unread>) -> HashMap<u32, Arc<Timers>> {
    let mut first: HashMap<u32, Arc<Timers>> = HashMap::new();
    let mut all = HashMap::new();
    let mut cut = false;
    let mut pids: Vec<&u32> = census.holders.keys().collect();
    pids.sort_unstable();
    for &pid in pids {
        let Some(holder) = census.first(pid) else { continue };
        let Some(program) = PROGRAMS.iter().find(|program| (program.fits)(holder)) else {
            continue;
        };
        if first.len() >= PROGRAMS_READ && !first.contains_key(&holder.process.pid) {
            cut = true;
            continue;
        }
        let timers = first.entry(holder.process.pid).or_insert_with(|| {
            let read = (program.read)(holder, &Files::of(&holder.folder));
            Arc::new(read.unwrap_or_else(|why| {
                unread.push(why);
                Timers::default()
            }))
        });
        all.insert(pid, Arc::clone(timers));
    }
    if cut {
        unread.push(Unread {
            what: format!("the idle timers of programs beyond the first {PROGRAMS_READ}"),
            cure: "look at one namespace with --netns".to_owned(),
        });
    }
    all
}

/// The last part of the executable's path.
pub(crate) fn executable(holder: &Holder) -> &str {
    let exe = holder.process.exe.as_deref().unwrap_or_default();
    exe.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use whyreset_evidence::Process;

    /// A process with this executable and command line, and a root with these files.
    pub(crate) fn process(
        exe: &str,
        command: &[&str],
        files: &[(&str, &str)],
    ) -> (tempfile::TempDir, Holder) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("files");
        fs::create_dir_all(&root).expect("a root");
        symlink(&root, folder.path().join("root")).expect("a link");
        symlink("/app", folder.path().join("cwd")).expect("a link");
        for (path, text) in files {
            let path = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let mut process = Process::new(7, "x".to_owned());
        process.exe = Some(exe.to_owned());
        let holder = Holder {
            process,
            command: command.iter().map(|&word| word.to_owned()).collect(),
            folder: folder.path().to_owned(),
            ..Holder::default()
        };
        (folder, holder)
    }

    /// What this program reads of such a process.
    pub(crate) fn read(
        program: &Program,
        exe: &str,
        command: &[&str],
        files: &[(&str, &str)],
    ) -> Result<Timers, Unread> {
        let (_folder, holder) = process(exe, command, files);
        assert!((program.fits)(&holder));
        (program.read)(&holder, &Files::of(&holder.folder))
    }

    #[test]
    fn another_program_is_none_of_them() {
        let (_folder, holder) = process("/usr/bin/sleep", &["sleep", "nginx"], &[]);
        assert!(PROGRAMS.iter().all(|program| !(program.fits)(&holder)));
    }
}
