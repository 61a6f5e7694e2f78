//! Connections that the other end has closed and the program here has forgotten.

use std::collections::HashMap;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::Sock;

use crate::{Check, Finding, Host, Severity, words};

/// So many of one process are no accident.
const MANY: usize = 10;
/// A program that is only slow closes earlier, ms.
const QUIET_MS: u64 = 5_000;

/// The declaration.
pub static CHECK: Check = Check {
    id: "close-wait",
    causes: &["write-after-close", "unread-data", "fd-limit"],
    reads: "sockets in CLOSE_WAIT by sock_diag, and who holds them",
    why: "the other end has closed and the program here has not noticed: what it still writes is answered \
          with a RST, unread bytes make its own close() one, and each of them keeps a file descriptor",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let mut of: HashMap<u32, Vec<&Sock>> = HashMap::new();
        let quiet = space.sockets.iter().filter(|sock| {
            sock.state == TcpState::CloseWait && sock.quiet_ms.is_some_and(|ms| ms >= QUIET_MS)
        });
        for sock in quiet {
            let pid = host.holder(sock).map_or(0, |holder| holder.process.pid);
            of.entry(pid).or_default().push(sock);
        }
        let mut piles: Vec<Vec<&Sock>> = of.into_values().filter(|pile| pile.len() >= MANY).collect();
        piles.sort_by_key(|pile| core::cmp::Reverse(pile.len()));
        found.extend(piles.iter().map(|pile| {
            let first = pile[0];
            let unread = pile.iter().filter(|sock| sock.receive_queue > 1).count();
            let longest = pile.iter().filter_map(|sock| sock.quiet_ms).max().unwrap_or(0);
            let pid = host.holder(first).map_or(0, |holder| holder.process.pid);
            CHECK
                .finds(
                    Severity::Likely,
                    format!(
                        "{} has not closed {} whose other end closed up to {} ago",
                        host.who(first),
                        words::counted(pile.len() as u64, "connection"),
                        words::span_ms(longest)
                    ),
                )
                .within(space)
                .of(host.holder(first))
                .at(first.local.port())
                .read(
                    format!("{} in CLOSE_WAIT, {unread} with unread bytes", pile.len()),
                    "sock_diag",
                )
                .likely("when it writes to one, or ends, the answer is a RST")
                .fix("close the socket when read() gives 0; in a pool, test connections before they are lent")
                .fix(format!(
                    "see which: `{}ss -tnpo state close-wait`; where they come from: `ls -l /proc/{pid}/fd`",
                    host.inside(space)
                ))
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn many_that_are_old_are_a_pile() {
        let mut host = made::host();
        for port in 1..=10 {
            let remote = format!("10.0.0.2:{port}");
            made::sock(&mut host, 7, "10.0.0.1:80", &remote, TcpState::CloseWait);
        }
        assert!(made::found(&CHECK, &host).is_empty());
        for sock in &mut host.spaces[0].sockets {
            sock.quiet_ms = Some(60_000);
        }
        let found = made::found(&CHECK, &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].summary.contains("10 connections"), "{}", found[0].summary);
        host.spaces[0].sockets.pop();
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
