//! Resets sent for want of memory.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPAbortOnMemory";

/// The declaration.
pub static CHECK: Check = Check {
    id: "aborts-for-memory",
    causes: &["orphan-limit", "tcp-memory"],
    reads: "the counter TCPAbortOnMemory",
    why: "the kernel resets connections that their programs have closed when there are too many of these orphans, or TCP holds too much memory",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "connections were reset because there were too many orphans or too little memory for TCP", |_, _, finding| {
        finding
            .fix("read which it was: `journalctl -k --grep 'too many orphaned|out of memory -- consider'`")
            .fix("then raise `net.ipv4.tcp_max_orphans` or `net.ipv4.tcp_mem` with sysctl -w, or end orphans sooner: `sysctl -w net.ipv4.tcp_orphan_retries=3`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_its_counter() {
        counting::tests::holds(&CHECK, COUNTER);
    }
}
