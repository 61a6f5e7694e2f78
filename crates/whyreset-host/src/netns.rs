//! Names of network namespaces to inodes, the number by which the kernel's events tell them apart.
//! Refuses anything that is not a network namespace.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::net::netdevice::index_to_name;
use rustix::net::{AddressFamily, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::HostError;
use crate::procs::number_in;

/// Where `ip netns` keeps its names.
const NAMED: &str = "/run/netns";
/// The file system of namespaces (include/uapi/linux/magic.h).
const NSFS_MAGIC: u64 = 0x6e73_6673;
/// Names listed in an error.
const MOST_LISTED: usize = 12;

/// The inode of the namespace meant by a path (`/run/netns/x`, `/proc/PID/ns/net`), a name made by
/// `ip netns add`, or the inode itself.
///
/// # Errors
/// Nothing is there, it may not be read, or it is no network namespace.
pub fn inode_of(text: &str) -> Result<u32, HostError> {
    inode_below(Path::new(NAMED), text)
}

fn inode_below(named: &Path, text: &str) -> Result<u32, HostError> {
    let what = || format!("cannot use {text:?} as a network namespace");
    if text.is_empty() {
        let why = "it is empty";
        return Err(HostError::new(
            what(),
            why,
            "give a path, a name from `ip netns list`, or an inode",
        ));
    }
    let path: PathBuf = if text.contains('/') {
        text.into()
    } else if let Ok(number) = text.parse::<u64>()
        && !named.join(text).exists()
    {
        return u32::try_from(number)
            .ok()
            .filter(|&inode| inode != 0)
            .ok_or_else(|| {
                HostError::new(
                    what(),
                    "no namespace has this inode",
                    "see `lsns -t net` for the inodes in use",
                )
            });
    } else {
        named.join(text)
    };
    let file = File::open(&path).map_err(|error| {
        let next = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "run as root (CAP_SYS_PTRACE)".to_owned(),
            _ => listed(named),
        };
        HostError::new(what(), format!("{}: {error}", path.display()), next)
    })?;
    inode_of_file(&file).ok_or_else(|| {
        let next = "give a file of the kind of /run/netns/NAME or /proc/PID/ns/net";
        HostError::new(
            what(),
            format!("{} is no network namespace", path.display()),
            next,
        )
    })
}

/// The inode of the namespace that this program runs in; 0 where /proc does not tell.
pub fn current() -> u32 {
    inode_behind("/proc/thread-self/ns/net").unwrap_or(0)
}

/// The name of the device with this index in the calling thread's namespace.
pub fn device(index: u32) -> Option<String> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).ok()?;
    index_to_name(&socket, index).ok()
}

/// Does something in the namespace with this inode, or in this program's own.
///
/// # Errors
/// The namespace is gone, or may not be entered (CAP_SYS_ADMIN).
pub fn inside<T: Send + 'static>(
    netns: Option<u32>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HostError> {
    let Some(inode) = netns.filter(|&inode| inode != current()) else {
        return Ok(work());
    };
    let what = || format!("cannot enter the network namespace with inode {inode}");
    let (_, file) = others(Some(inode), 1).pop().ok_or_else(|| {
        HostError::new(
            what(),
            "nobody is in it any more",
            "start what should be watched first",
        )
    })?;
    // setns() is a thread's own affair; the thread ends with the work.
    let thread = std::thread::spawn(move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map(|()| work())
    });
    match thread.join() {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(HostError::new(what(), error, "run as root (CAP_SYS_ADMIN)")),
        Err(_) => Err(HostError::new(
            what(),
            "what was to be done there failed",
            "report this",
        )),
    }
}

/// Namespaces other than this program's own, each once with an open file that leads into it: the one
/// with this inode, or as many as `most`. Those of processes that may not be looked at are left out.
pub(crate) fn others(only: Option<u32>, most: usize) -> Vec<(u32, File)> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let of_processes = processes
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .first()
                .is_some_and(u8::is_ascii_digit)
        })
        .map(|entry| entry.path().join("ns/net"));
    let named = fs::read_dir(NAMED)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut seen = HashSet::from([current()]);
    let open = |path: PathBuf| {
        let file = File::open(path).ok()?;
        let inode = inode_of_file(&file)?;
        (only.is_none_or(|only| only == inode) && seen.insert(inode)).then_some((inode, file))
    };
    of_processes.chain(named).filter_map(open).take(most).collect()
}

/// Where the way leads through /proc the kernel names the kind of namespace (`net:[INODE]`); where
/// a name is mounted on it (`ip netns add`) only the file system tells that it is one.
fn inode_of_file(file: &File) -> Option<u32> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    if let Some(inode) = inode_behind(&link) {
        return Some(inode);
    }
    let another_kind =
        fs::read_link(&link).is_ok_and(|target| target.as_os_str().as_encoded_bytes().ends_with(b"]"));
    let is_namespace =
        rustix::fs::fstatfs(file).is_ok_and(|system| u64::try_from(system.f_type) == Ok(NSFS_MAGIC));
    if another_kind || !is_namespace {
        return None;
    }
    file.metadata().ok()?.ino().try_into().ok()
}

fn inode_behind(link: &str) -> Option<u32> {
    let target = fs::read_link(link).ok()?;
    number_in(target.as_os_str().as_encoded_bytes(), b"net:[")?
        .try_into()
        .ok()
}

fn listed(named: &Path) -> String {
    let mut found: Vec<String> = fs::read_dir(named)
        .map(|entries| {
            let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
            entries.filter_map(name).collect()
        })
        .unwrap_or_default();
    found.sort();
    found.truncate(MOST_LISTED);
    if found.is_empty() {
        return "there is no named one; give the path /proc/PID/ns/net of a process inside".to_owned();
    }
    format!("named ones are: {}", found.join(", "))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn paths_names_and_numbers_lead_to_the_same() {
        let expected = u32::try_from(fs::metadata("/proc/self/ns/net").unwrap().ino()).unwrap();
        assert_eq!(current(), expected);
        assert_eq!(inode_of("/proc/self/ns/net"), Ok(expected));
        assert_eq!(
            inode_of(&format!("/proc/{}/ns/net", std::process::id())),
            Ok(expected)
        );
        assert_eq!(inode_of(&expected.to_string()), Ok(expected));
        let named = tempfile::tempdir().unwrap();
        for name in ["blue", "12"] {
            symlink("/proc/self/ns/net", named.path().join(name)).unwrap();
            assert_eq!(inode_below(named.path(), name), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_namespace_is_refused_with_the_reason() {
        let named = tempfile::tempdir().unwrap();
        fs::write(named.path().join("stale"), "").unwrap();
        for (text, part) in [
            ("", "empty"),
            ("0", "no namespace has this inode"),
            ("99999999999", "no namespace has this inode"),
            ("missing", "named ones are: stale"),
            ("stale", "is no network namespace"),
            ("/proc/self/ns/mnt", "is no network namespace"),
            ("/etc/passwd", "is no network namespace"),
            ("/proc/0/ns/net", "No such file"),
        ] {
            let error = inode_below(named.path(), text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
