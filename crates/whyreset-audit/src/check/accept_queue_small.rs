//! Listeners that serve more connections at once than their queue holds.

use std::collections::HashMap;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::Sock;

use crate::{Check, Finding, Host, Severity};

/// Backlogs from here on are nobody's oversight.
const SMALL: u32 = 128;

/// The declaration.
pub static CHECK: Check = Check {
    id: "accept-queue-small",
    causes: &["accept-queue-overflow"],
    reads: "listeners' backlogs and their established connections by sock_diag",
    why: "clients that connect all at once (after a restart, or when a balancer switches over) fill a short \
          queue before the program accepts once; those beyond it are dropped or reset",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let mut served: HashMap<u16, u64> = HashMap::new();
        for sock in &space.sockets {
            if sock.state == TcpState::Established {
                *served.entry(sock.local.port()).or_default() += 1;
            }
        }
        let small = space.sockets.iter().filter(|sock| is_small(sock));
        for sock in small {
            let port = sock.local.port();
            let connections = served.get(&port).copied().unwrap_or(0);
            let half = sock.send_queue / 2;
            let filling = sock.receive_queue > half.max(1);
            if connections <= u64::from(sock.send_queue) + 1 && !filling {
                continue;
            }
            let summary = format!(
                "{} on port {port} has room for {} waiting connections and serves {connections}",
                host.who(sock),
                sock.send_queue
            );
            let severity = if filling { Severity::Likely } else { Severity::Possible };
            found.push(
                CHECK
                    .finds(severity, summary)
                    .within(space)
                    .of(host.holder(sock))
                    .at(port)
                    .read(
                        format!(
                            "backlog {}, {} waiting, {connections} established",
                            sock.send_queue, sock.receive_queue
                        ),
                        format!("sock_diag, listener {}", sock.local),
                    )
                    .likely("when all its clients connect again at once, the queue runs over")
                    .fix(
                        "raise the program's backlog: nginx `listen 80 backlog=4096`, gunicorn `--backlog \
                         2048`, Node `server.listen(port, host, 4096)`, `listen(fd, 4096)`",
                    ),
            );
        }
    }
    found
}

/// Full ones are told by another check.
fn is_small(sock: &Sock) -> bool {
    sock.state == TcpState::Listen && sock.send_queue < SMALL && sock.receive_queue <= sock.send_queue
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn a_short_queue_matters_where_many_are_served() {
        let mut host = made::host();
        made::listener(&mut host, 80, 0, 5);
        assert!(made::found(&CHECK, &host).is_empty());
        for port in 1..=7 {
            let remote = format!("10.0.0.2:{port}");
            made::sock(&mut host, 7, "10.0.0.1:80", &remote, TcpState::Established);
        }
        let found = made::found(&CHECK, &host);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Possible);
        host.spaces[0].sockets[0].receive_queue = 4;
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Likely);
        host.spaces[0].sockets[0].send_queue = 4_096;
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
