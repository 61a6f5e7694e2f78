//! The capabilities that live mode needs, and giving up all others once it is attached. Refuses to
//! call itself done where a thread would keep more: capabilities belong to threads.

use std::fs;

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::HostError;

/// What looking up the owners of sockets needs: other users' /proc/PID/fd and /proc/PID/exe.
const LOOK_UP: CapabilitySet = CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH);
/// CAP_BPF and CAP_PERFMON are this old.
const SPLIT_FROM_ADMIN: (u32, u32) = (5, 8);
/// Since then open maps may be read without CAP_BPF whatever kernel.unprivileged_bpf_disabled says.
const MAPS_ARE_FREE: (u32, u32) = (5, 19);
/// The inode of the first user namespace (include/linux/proc_ns.h, PROC_USER_INIT_INO).
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";

/// Names of the capabilities that attaching needs and this process lacks; empty where it may.
/// Those of another user namespace than the first count for nothing.
pub fn missing_for_live() -> Vec<&'static str> {
    let own = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let counts =
        fs::read_link("/proc/self/ns/user").map_or(true, |link| link.as_os_str() == INITIAL_USER_NAMESPACE);
    let own = if counts { own } else { CapabilitySet::empty() };
    missing_of(own, kernel_version())
}

/// Names of the capabilities that looking up other users' processes needs and this process lacks:
/// without them a verdict names their pid and `comm` at most, and not those of idle sockets.
pub fn missing_for_lookup() -> Vec<&'static str> {
    let own = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    lacking(
        own,
        &[
            (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"),
            (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
        ],
    )
}

fn missing_of(own: CapabilitySet, kernel: (u32, u32)) -> Vec<&'static str> {
    if own.contains(CapabilitySet::SYS_ADMIN) {
        return Vec::new();
    }
    if kernel < SPLIT_FROM_ADMIN {
        return vec!["CAP_SYS_ADMIN"];
    }
    lacking(
        own,
        &[
            (CapabilitySet::BPF, "CAP_BPF"),
            (CapabilitySet::PERFMON, "CAP_PERFMON"),
        ],
    )
}

fn lacking(own: CapabilitySet, needed: &[(CapabilitySet, &'static str)]) -> Vec<&'static str> {
    needed
        .iter()
        .filter(|(capability, _)| !own.contains(*capability))
        .map(|(_, name)| *name)
        .collect()
}

/// Gives up every capability but what looking up the owners of sockets needs, for good: the
/// bounding, inheritable and ambient sets are emptied and no program started later gains any.
/// On kernels older than 5.19 CAP_BPF stays too, for without it open maps cannot be read.
///
/// Call it after attaching, while the program has one thread: the kernel keeps capabilities for
/// each thread, and threads started later inherit those of the one that starts them.
///
/// # Errors
/// There are other threads, or the kernel refused a step; then more is held than was wanted.
pub fn drop_all_but_lookup() -> Result<(), HostError> {
    let mut wanted = LOOK_UP;
    if kernel_version() < MAPS_ARE_FREE {
        wanted |= CapabilitySet::BPF;
    }
    drop_all_but(wanted, CapabilitySet::empty())
}

/// Gives up every capability but what reading the rules of packet filters needs, for this program and
/// for those that it starts (`nft`, `iptables-save`).
///
/// # Errors
/// As [`drop_all_but_lookup`].
pub fn drop_all_but_rules() -> Result<(), HostError> {
    // iptables of the older kind asks through a raw socket.
    let wanted = CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW | CapabilitySet::SYS_ADMIN;
    drop_all_but(wanted, wanted)
}

/// `started` is what programs may gain that are started later.
fn drop_all_but(wanted: CapabilitySet, started: CapabilitySet) -> Result<(), HostError> {
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        let why = format!("{threads} threads run already and each has its own");
        return Err(HostError::new(
            WHAT,
            why,
            "drop them before the first thread is started",
        ));
    }
    let held = capabilities(None).map_err(refused)?;
    // Clearing what is not there may be refused on old kernels; the check below settles it.
    _ = clear_ambient_capability_set();
    if held.effective.contains(CapabilitySet::SETPCAP) {
        narrow_bounding_set(started)?;
    }
    let kept = held.permitted & wanted;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(refused)?;
    set_no_new_privs(true).map_err(refused)?;
    let now = capabilities(None).map_err(refused)?;
    if now != sets {
        let why = format!("the kernel still holds {:#x}", now.permitted.bits());
        return Err(HostError::new(WHAT, why, NEXT));
    }
    Ok(())
}

const WHAT: &str = "cannot drop privileges";
const NEXT: &str = "report this with the kernel's version (uname -a)";

fn refused(error: Errno) -> HostError {
    HostError::new(WHAT, error, NEXT)
}

fn narrow_bounding_set(left: CapabilitySet) -> Result<(), HostError> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if left.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // One past the last that this kernel has.
            Err(Errno::INVAL) => break,
            result => result.map_err(refused)?,
        }
    }
    Ok(())
}

fn kernel_version() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_ones_are_named() {
        let none = CapabilitySet::empty();
        for (own, kernel, expected) in [
            (none, (6, 1), &["CAP_BPF", "CAP_PERFMON"][..]),
            (CapabilitySet::BPF, (5, 10), &["CAP_PERFMON"]),
            (CapabilitySet::PERFMON, (5, 10), &["CAP_BPF"]),
            (CapabilitySet::BPF | CapabilitySet::PERFMON, (5, 8), &[]),
            (
                CapabilitySet::BPF | CapabilitySet::PERFMON,
                (5, 4),
                &["CAP_SYS_ADMIN"],
            ),
            (CapabilitySet::SYS_ADMIN, (5, 4), &[]),
            (CapabilitySet::SYS_ADMIN, (6, 1), &[]),
        ] {
            assert_eq!(missing_of(own, kernel), expected, "{own:?} on {kernel:?}");
        }
    }

    #[test]
    fn the_kernel_has_a_version() {
        assert!(kernel_version() > (3, 0));
    }
}
