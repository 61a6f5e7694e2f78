//! Drops privileges for real and looks what is left. A program of one thread, so no test harness.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use whyreset_host::{ProcessTable, privileges};

const NOBODY: u32 = 65534;

fn status(name: &str) -> String {
    let text = fs::read_to_string("/proc/self/status").expect("own status");
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .expect("the line");
    line.rsplit('\t').next().expect("a value").to_owned()
}

fn main() {
    if status("CapEff:") == "0000000000000000" {
        println!("skipped: nothing to drop without capabilities; run as root");
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let own = format!("/proc/self/fd/{}", listener.as_raw_fd());
    let inode = fs::metadata(own).expect("its inode").ino();
    // A socket of another user's process, the kind that needs the privileges that stay. It ends
    // with its input: to kill it takes a privilege that does not stay.
    let mut other = Command::new("cat")
        .uid(NOBODY)
        .stdin(Stdio::piped())
        .stdout(Stdio::from(OwnedFd::from(listener)))
        .spawn()
        .expect("a child");

    privileges::drop_all_but_lookup().expect("dropped");

    let mut table = ProcessTable::new();
    table.scan();
    let mut holder = table.holder_of(inode, None);
    if let Some(holder) = &mut holder {
        table.describe(holder, None);
    }
    let missing = privileges::missing_for_live();
    let look_up_lacks = privileges::missing_for_lookup();
    let kept = u64::from_str_radix(&status("CapPrm:"), 16).expect("hex");
    drop(other.stdin.take());
    other.wait().expect("waited for");

    let holder = holder.expect("the other user's process is found");
    assert_eq!((holder.pid, holder.name.as_str()), (other.id(), "cat"));
    assert!(holder.exe.is_some(), "{holder:?}");
    let look_up = 1 << 19 | 1 << 2;
    let bpf = 1 << 39;
    assert_eq!(kept & !bpf, look_up, "{kept:x}");
    assert!(missing.contains(&"CAP_PERFMON"));
    assert_eq!(look_up_lacks, [""; 0]);
    for empty in ["CapInh:", "CapBnd:", "CapAmb:"] {
        assert_eq!(status(empty), "0000000000000000", "{empty}");
    }
    assert_eq!(status("NoNewPrivs:"), "1");
    println!("ok: capabilities left {kept:#x}, another user's socket still found");
}
