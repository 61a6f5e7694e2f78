//! Reads single things of single processes from /proc. Refuses to remember anything: a process
//! that is gone between two reads is a `None`, never an error.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat_raw};

/// The inode of the first pid namespace (include/linux/proc_ns.h, PROC_PID_INIT_INO).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// Names of threads looked at in one process.
const MOST_THREADS: usize = 256;
/// Bytes of a link's text that are looked at; that of a socket is shorter.
const LINK: usize = 64;

/// A mounted /proc, below any root.
#[derive(Debug)]
pub(crate) struct Procs {
    root: PathBuf,
}

/// What tells one life of a pid from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Start since boot, in clock ticks (field 22 of /proc/PID/stat).
    pub start: u64,
    /// Dead and not yet waited for.
    pub zombie: bool,
}

impl Procs {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.join("proc"),
        }
    }

    fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    /// All processes, in order of their ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.root) else {
            return Vec::new();
        };
        let mut pids: Vec<u32> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        pids
    }

    /// `comm` of the process, or rather of its first thread.
    pub(crate) fn name(&self, pid: u32) -> Option<String> {
        name_in(&self.path(pid, "comm"))
    }

    /// Whether one of the threads bears this name: the kernel's events tell the thread's.
    pub(crate) fn has_thread_named(&self, pid: u32, name: &str) -> bool {
        fs::read_dir(self.path(pid, "task")).is_ok_and(|threads| {
            threads
                .take(MOST_THREADS)
                .filter_map(Result::ok)
                .any(|thread| name_in(&thread.path().join("comm")).as_deref() == Some(name))
        })
    }

    pub(crate) fn life(&self, pid: u32) -> Option<Life> {
        let text = fs::read(self.path(pid, "stat")).ok()?;
        // The name before may hold anything, parentheses and blanks too.
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        Some(Life {
            start: fields.nth(18)?.parse().ok()?,
            zombie: matches!(state, "Z" | "X"),
        })
    }

    /// Path of the executable. One that was replaced on disk keeps the path it was started from.
    pub(crate) fn exe(&self, pid: u32) -> Option<String> {
        let link = fs::read_link(self.path(pid, "exe")).ok()?;
        let link = link.to_string_lossy();
        Some(link.strip_suffix(" (deleted)").unwrap_or(&link).to_owned())
    }

    /// How many file descriptors are open, and how many may be (soft limit).
    pub(crate) fn descriptors(&self, pid: u32) -> Option<(u64, u64)> {
        let limits = fs::read_to_string(self.path(pid, "limits")).ok()?;
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        let limit = line.split_ascii_whitespace().next()?;
        let limit = limit.parse().unwrap_or(u64::MAX);
        // Since Linux 6.2 the directory's size is the count.
        let folder = self.path(pid, "fd");
        let size = fs::metadata(&folder).ok()?.len();
        let open = if size > 0 {
            size
        } else {
            u64::try_from(fs::read_dir(&folder).ok()?.count()).ok()?
        };
        Some((open, limit))
    }

    /// Milliseconds since boot, as process start times are counted.
    pub(crate) fn uptime_ms(&self) -> Option<u64> {
        let text = fs::read_to_string(self.root.join("uptime")).ok()?;
        let (seconds, rest) = text.split_ascii_whitespace().next()?.split_once('.')?;
        Some(seconds.parse::<u64>().ok()? * 1_000 + rest.parse::<u64>().ok()? * 10)
    }

    /// The text of /proc/PID/cgroup.
    pub(crate) fn membership(&self, pid: u32) -> Option<String> {
        let text = fs::read(self.path(pid, "cgroup")).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// The text of the list of mounts.
    pub(crate) fn mounts(&self) -> String {
        fs::read(self.root.join("self/mounts"))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// Whether ids in kernel events are those of this /proc: so in the first pid namespace only.
    pub(crate) fn shows_kernel_ids(&self) -> bool {
        fs::read_link(self.root.join("self/ns/pid")).map_or(true, |link| {
            number_in(link.as_os_str().as_encoded_bytes(), b"pid:[")
                .is_none_or(|inode| inode == INITIAL_PID_NAMESPACE)
        })
    }

    /// Whether processes of others are hidden (`hidepid=`): absence then proves nothing.
    pub(crate) fn hides_others(&self) -> bool {
        fs::read(self.root.join("1/stat")).is_err()
    }

    /// The socket behind one file descriptor.
    pub(crate) fn socket_at(&self, pid: u32, fd: u32) -> Option<u64> {
        let mut text = [0; LINK];
        let path = self.path(pid, "fd").join(fd.to_string());
        let length = readlinkat_raw(CWD, path, &mut text).ok()?;
        number_in(&text[..length], b"socket:[")
    }

    /// Walks the sockets of a process by file descriptor, until told to stop.
    pub(crate) fn sockets(
        &self,
        pid: u32,
        each: &mut dyn FnMut(u32, u64) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut dir = Dir::new(openat(CWD, self.path(pid, "fd"), flags, Mode::empty())?)?;
        let mut text = [0; LINK];
        while let Some(entry) = dir.next() {
            let entry = entry?;
            let Some(fd) = number(entry.file_name()) else {
                continue;
            };
            // Closed in the meantime, or not ours to read.
            let Ok(length) = readlinkat_raw(dir.fd()?, entry.file_name(), &mut text) else {
                continue;
            };
            let Some(inode) = number_in(&text[..length], b"socket:[") else {
                continue;
            };
            if each(fd, inode).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn name_in(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    Some(String::from_utf8_lossy(text).into_owned())
}

fn number(name: &CStr) -> Option<u32> {
    name.to_str().ok()?.parse().ok()
}

/// The number in `socket:[12345]`, where the prefix is `socket:[`.
pub(crate) fn number_in(text: &[u8], prefix: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_name_may_hold_anything() {
        let fake = Fake::new();
        fake.process(7, ") S 1 (", 4242, 'S');
        let procs = Procs::new(fake.root());
        assert_eq!(
            procs.life(7),
            Some(Life {
                start: 4242,
                zombie: false
            })
        );
        assert_eq!(procs.name(7).as_deref(), Some(") S 1 ("));
    }

    #[test]
    fn a_replaced_executable_keeps_its_path() {
        let fake = Fake::new();
        fake.process(7, "nginx", 1, 'S');
        fake.link("proc/7/exe", "/usr/sbin/nginx (deleted)");
        assert_eq!(Procs::new(fake.root()).exe(7).as_deref(), Some("/usr/sbin/nginx"));
    }

    #[test]
    fn links_are_read_strictly() {
        for (text, expected) in [
            (&b"socket:[12345]"[..], Some(12345)),
            (b"socket:[12345", None),
            (b"socket:[]", None),
            (b"pipe:[12345]", None),
            (b"socket:[99999999999999999999999]", None),
        ] {
            assert_eq!(number_in(text, b"socket:["), expected);
        }
    }
}
