//! The real /proc: sockets of this process and of a child that inherited one.

use std::fs;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use whyreset_host::ProcessTable;

fn socket() -> (TcpListener, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
    let inode = fs::metadata(path).expect("its inode").ino();
    (listener, inode)
}

#[test]
fn own_socket_is_found_and_described() {
    let (listener, inode) = socket();
    let mut table = ProcessTable::new();
    table.scan();
    let mut holder = table.holder_of(inode, None).expect("found");
    assert_eq!(holder.pid, std::process::id());
    table.describe(&mut holder, None);
    let exe = std::env::current_exe().expect("own path");
    assert_eq!(holder.exe.as_deref(), exe.to_str());
    assert_eq!(holder.alive, Some(true));
    assert!(holder.cgroup.is_some_and(|path| path.starts_with('/')));
    drop(listener);
    assert_eq!(table.holder_of(inode, Some(std::process::id())), None);
}

#[test]
fn an_inherited_socket_is_the_childs_and_a_dead_child_is_known() {
    let mut table = ProcessTable::new();
    table.scan();
    let (listener, inode) = socket();
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .spawn()
        .expect("a child");
    // Not in the map and not in the likely process: only a new scan finds it.
    let holder = table.holder_of(inode, Some(std::process::id()));
    let mut living = holder.clone();
    if let Some(living) = &mut living {
        table.describe(living, None);
    }
    child.kill().expect("killed");
    child.wait().expect("waited for");
    let mut dead = holder.expect("found");
    assert_eq!((dead.pid, dead.name.as_str()), (child.id(), "sleep"));
    table.describe(&mut dead, None);
    assert_eq!(dead.alive, Some(false));
    assert!(dead.exe.is_some());
    assert_eq!(dead.exe, living.expect("described").exe);
    assert_eq!(table.holder_of(inode, Some(dead.pid)), None);
}

/// 50 ms for 300 processes is what a start may cost; the bound here allows for a debug build on a
/// busy machine and still refuses anything that is not linear.
#[test]
fn a_scan_is_one_quick_pass() {
    let processes = fs::read_dir("/proc").expect("/proc").count();
    let begin = Instant::now();
    ProcessTable::new().scan();
    let took = begin.elapsed();
    println!("{processes} entries of /proc in {took:?}");
    assert!(took.as_millis() < 300, "{took:?} for {processes} entries");
}

/// A namespace under a name, removed when dropped.
struct Named(String);

impl Named {
    fn new() -> Option<Self> {
        let name = format!("whyreset-host-{}", std::process::id());
        let made = Command::new("ip")
            .args(["netns", "add", &name])
            .stderr(Stdio::null())
            .status();
        made.is_ok_and(|status| status.success()).then_some(Self(name))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[test]
fn a_name_that_ip_netns_made_leads_to_its_inode() {
    let Some(named) = Named::new() else {
        println!("skipped: `ip netns add` needs root and iproute2");
        return;
    };
    let path = format!("/run/netns/{}", named.0);
    let expected = u32::try_from(fs::metadata(&path).expect("it is there").ino()).expect("32 bits");
    assert_eq!(whyreset_host::netns::inode_of(&path), Ok(expected));
    assert_eq!(whyreset_host::netns::inode_of(&named.0), Ok(expected));
    assert_ne!(expected, whyreset_host::netns::current());
}
