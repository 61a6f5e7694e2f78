//! The processes that hold sockets, and what they hold. Bounded: a host with more than that is told
//! to be one. Refuses to read what a process keeps to itself: of its environment nothing.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use whyreset_evidence::Process;

use crate::cgroup;
use crate::names::Names;
use crate::procs::{Procs, number_in};

/// Sockets that are remembered.
const MOST: usize = 1_000_000;
/// The longest it may take.
const LONGEST: Duration = Duration::from_secs(5);
/// Bytes of a command line that are read.
const COMMAND: u64 = 16 << 10;

/// A process that holds sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Id, name, executable, control group, unit and container.
    pub process: Process,
    /// The process that started it; 0 where that is not told.
    pub parent: u32,
    /// Its command line, as it stands now: programs write over it.
    pub command: Vec<String>,
    /// File descriptors that are open, and how many may be (soft limit).
    pub descriptors: Option<(u64, u64)>,
    /// Inode of the network namespace that it is in.
    pub netns: u32,
    /// Its folder in /proc, whose `root` leads to the files that it sees.
    pub folder: PathBuf,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// By process id.
    pub holders: HashMap<u32, Holder>,
    /// Who holds a socket, by its inode: process and descriptor. Of several the first.
    pub places: HashMap<u64, (u32, i32)>,
    /// Processes whose descriptors may not be looked at.
    pub closed: usize,
    /// Whether all processes were looked at.
    pub whole: bool,
}

impl Census {
    /// Looks at every process once.
    pub fn take() -> Self {
        Self::below(Path::new("/"))
    }

    /// The same over a tree that has `proc`.
    pub fn below(root: &Path) -> Self {
        let procs = Procs::new(root);
        let begin = Instant::now();
        let mut census = Self {
            whole: true,
            ..Self::default()
        };
        for pid in procs.pids() {
            if census.places.len() >= MOST || begin.elapsed() > LONGEST {
                census.whole = false;
                break;
            }
            census.look(&procs, root, pid);
        }
        census
    }

    /// The holder of a socket.
    pub fn holder(&self, inode: u64) -> Option<&Holder> {
        let (pid, _) = self.places.get(&inode)?;
        self.holders.get(pid)
    }

    /// The holder with this id, or the nearest of its parents that runs the same executable and
    /// holds sockets too: where a program has workers, the first of them.
    pub fn first(&self, pid: u32) -> Option<&Holder> {
        let mut one = self.holders.get(&pid)?;
        let mut seen = HashSet::from([pid]);
        while let Some(parent) = self.holders.get(&one.parent)
            && parent.process.exe == one.process.exe
            && seen.insert(parent.process.pid)
        {
            one = parent;
        }
        Some(one)
    }

    fn look(&mut self, procs: &Procs, root: &Path, pid: u32) {
        let mut any = false;
        let places = &mut self.places;
        let looked = procs.sockets(pid, &mut |fd, inode| {
            any = true;
            if let Ok(fd) = i32::try_from(fd)
                && places.len() < MOST
            {
                places.entry(inode).or_insert((pid, fd));
            }
            ControlFlow::Continue(())
        });
        match looked {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => self.closed += 1,
            _ if any => self.learn(procs, root, pid),
            _ => {}
        }
    }

    fn learn(&mut self, procs: &Procs, root: &Path, pid: u32) {
        let Some(name) = procs.name(pid) else { return };
        let folder = root.join("proc").join(pid.to_string());
        let path = cgroup::path_in(&procs.membership(pid).unwrap_or_default());
        let names = path.as_deref().map(Names::of).unwrap_or_default();
        let link = fs::read_link(folder.join("ns/net")).unwrap_or_default();
        let netns = number_in(link.as_os_str().as_encoded_bytes(), b"net:[");
        let holder = Holder {
            process: Process {
                exe: procs.exe(pid),
                cgroup: path,
                unit: names.unit,
                container: names.container,
                pod: names.pod,
                ..Process::new(pid, name)
            },
            parent: parent(&folder).unwrap_or(0),
            command: command(&folder),
            descriptors: procs.descriptors(pid),
            netns: netns.and_then(|inode| inode.try_into().ok()).unwrap_or(0),
            folder,
        };
        self.holders.insert(pid, holder);
    }
}

fn parent(folder: &Path) -> Option<u32> {
    let text = fs::read(folder.join("stat")).ok()?;
    let end = text.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn command(folder: &Path) -> Vec<String> {
    let mut bytes = Vec::new();
    let read =
        fs::File::open(folder.join("cmdline")).and_then(|file| file.take(COMMAND).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    bytes
        .split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn holders_are_described_and_others_are_not() {
        let fake = Fake::new();
        for (pid, parent) in [(7, 1), (8, 7)] {
            fake.process(pid, "nginx", 1, 'S');
            fake.write(
                &format!("proc/{pid}/stat"),
                &format!("{pid} (a) b) S {parent} 0 0"),
            );
            fake.exe(pid, "/usr/sbin/nginx");
        }
        fake.process(9, "idle", 1, 'S');
        fake.socket(7, 3, 100);
        fake.socket(8, 3, 100);
        fake.socket(8, 4, 200);
        fake.write("proc/8/cmdline", "nginx\0-c\0/x\u{1b}\0");
        fake.write("proc/8/cgroup", "0::/system.slice/nginx.service\n");
        fake.write("proc/8/limits", "Max open files  1024  4096  files\n");
        fake.link("proc/8/ns/net", "net:[4026531840]");
        let census = Census::below(fake.root());
        assert!(census.whole);
        assert_eq!(census.holders.len(), 2);
        assert_eq!(census.places.get(&100), Some(&(7, 3)));
        let worker = census.holder(200).unwrap();
        assert_eq!(worker.process.pid, 8);
        assert_eq!(worker.process.unit.as_deref(), Some("nginx.service"));
        assert_eq!(worker.command, ["nginx", "-c", "/x\u{1b}"]);
        assert_eq!(worker.descriptors.map(|(_, most)| most), Some(1024));
        assert_eq!((worker.netns, worker.parent), (4_026_531_840, 7));
        assert_eq!(census.first(8).unwrap().process.pid, 7);
        assert_eq!(census.first(9), None);
    }

    #[test]
    fn parents_that_go_round_in_a_circle_end() {
        let mut census = Census::default();
        for (pid, parent) in [(1, 2), (2, 1)] {
            let holder = Holder {
                process: Process::new(pid, "a".to_owned()),
                parent,
                ..Holder::default()
            };
            census.holders.insert(pid, holder);
        }
        assert!(census.first(1).is_some());
    }
}
