//! Connections whose program set a short TCP_USER_TIMEOUT.

use std::time::Duration;

use crate::{Check, Finding, Host, Severity, words};

/// A path that fails over is silent for so long.
const SHORT: Duration = Duration::from_secs(5);

/// The declaration.
pub static CHECK: Check = Check {
    id: "user-timeout",
    causes: &["user-timeout"],
    reads: "TCP_USER_TIMEOUT of connections, by a duplicate of their descriptor (pidfd_getfd)",
    why: "data that is not acknowledged within TCP_USER_TIMEOUT ends the connection; a short pause of the \
          path (a failover, a stopped machine) is enough, and the other end's next segment is reset",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for space in &host.spaces {
        for sock in &space.sockets {
            let asked = host.options.get(&sock.inode);
            let short = asked
                .and_then(|options| options.user_timeout)
                .filter(|timeout| !timeout.is_zero() && *timeout < SHORT);
            let Some(timeout) = short else { continue };
            let pid = host.holder(sock).map(|holder| holder.process.pid);
            let told = |one: &Finding| one.place.process.as_ref().map(|process| process.pid) == pid;
            if found.iter().any(told) {
                continue;
            }
            let span = words::span_ms(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
            found.push(
                CHECK
                    .finds(
                        Severity::Possible,
                        format!("{} gives connections up after {span}", host.who(sock)),
                    )
                    .within(space)
                    .of(host.holder(sock))
                    .at(sock.remote.port())
                    .read(
                        format!("TCP_USER_TIMEOUT {span}"),
                        format!("getsockopt, {} -> {}", sock.local, sock.remote),
                    )
                    .likely("it needs a path that is silent for longer")
                    .fix("raise the program's TCP_USER_TIMEOUT above the longest failover of the path (20 s or more)"),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_evidence::TcpState;
    use whyreset_host::inspect::Options;

    #[test]
    fn a_short_one_is_found_and_a_long_one_is_not() {
        let mut host = made::host();
        let one = made::sock(&mut host, 7, "10.0.0.1:9", "10.0.0.2:80", TcpState::Established);
        let inode = host.spaces[0].sockets[one].inode;
        for (seconds, expected) in [(0, 0), (30, 0), (2, 1)] {
            let options = Options {
                user_timeout: Some(Duration::from_secs(seconds)),
                ..Options::default()
            };
            host.options.insert(inode, options);
            assert_eq!(made::found(&CHECK, &host).len(), expected, "{seconds}");
        }
    }
}
