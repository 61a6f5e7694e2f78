//! Tells whether the lab that made a thing is still alive, and sweeps up after dead ones: a lab
//! holds an abstract socket named after its pid, which the kernel frees at its death however it
//! dies. Refuses to trust pids alone (they are reused).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{cgroup, netns, nvme};

static ALIVE: OnceLock<Option<UnixListener>> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

fn sign(pid: u32) -> std::io::Result<UnixListener> {
    let address = SocketAddr::from_abstract_name(format!("whyreset-lab-{pid}"))?;
    UnixListener::bind_addr(&address)
}

/// A name of this process's own, `wr-<pid>-<n>`, and that `n`. The first call announces this lab
/// as alive and sweeps.
pub(crate) fn fresh_name() -> (String, u32) {
    ALIVE.get_or_init(|| {
        let sign = sign(std::process::id()).ok();
        sweep();
        sign
    });
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    (format!("wr-{}-{n}", std::process::id()), n)
}

/// Whether `name` (`wr-<pid>-...`) was made by a lab that is dead.
pub(crate) fn is_stale(name: &str) -> bool {
    let pid = name.strip_prefix("wr-").and_then(|rest| rest.split('-').next());
    match pid.and_then(|pid| pid.parse().ok()) {
        Some(pid) if pid != std::process::id() => is_dead(pid),
        _ => false,
    }
}

/// Abstract sockets are of a network namespace: of a process in another one the sign says
/// nothing, and it is left in peace.
fn is_dead(pid: u32) -> bool {
    let netns = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).ok();
    match netns(&pid.to_string()) {
        None => true,
        theirs => theirs == netns("self") && sign(pid).is_ok(),
    }
}

/// Removes namespaces and control groups of labs that died without doing so themselves.
/// Failures are left for the next sweep.
pub fn sweep() {
    // What the kernel holds in a namespace keeps it.
    nvme::sweep();
    netns::sweep();
    cgroup::sweep();
}
