//! Drops privileges for real and looks what is left. A program of one thread, so no test harness.

use std::fs;
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
    let link = fs::read_link(format!("/proc/self/fd/{}", {
        use std::os::fd::AsRawFd;
        listener.as_raw_fd()
    }));
    let link = link.expect("its link").to_string_lossy().into_owned();
    let inode: u64 = link
        .trim_start_matches("socket:[")
        .trim_end_matches(']')
        .parse()
        .expect("its inode");
    // A socket of another user's process, the kind that needs the privileges that stay.
    let mut other = Command::new("sleep")
        .arg("60")
        .uid(NOBODY)
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
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
    let kept = u64::from_str_radix(&status("CapPrm:"), 16).expect("hex");
    other.kill().expect("killed");
    other.wait().expect("waited for");

    let holder = holder.expect("the other user's process is found");
    assert_eq!((holder.pid, holder.name.as_str()), (other.id(), "sleep"));
    assert!(holder.exe.is_some(), "{holder:?}");
    let look_up = 1 << 19 | 1 << 2;
    let bpf = 1 << 39;
    assert_eq!(kept & !bpf, look_up, "{kept:x}");
    assert!(missing.contains(&"CAP_PERFMON"));
    for empty in ["CapInh:", "CapBnd:", "CapAmb:"] {
        assert_eq!(status(empty), "0000000000000000", "{empty}");
    }
    assert_eq!(status("NoNewPrivs:"), "1");
    println!("ok: capabilities left {kept:#x}, another user's socket still found");
}
