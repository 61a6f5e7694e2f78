//! Listeners whose queue of connections that wait for accept() is full, and namespaces in which one
//! was.

use std::collections::BTreeMap;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::{Sock, Space};

use super::counting::{self, Count};
use crate::{Check, Finding, Host, Severity, words};

const COUNTER: &str = "TcpExtListenOverflows";

/// The declaration.
pub static CHECK: Check = Check {
    id: "accept-queue-full",
    causes: &["accept-queue-overflow", "fd-limit"],
    reads: "listeners' queues by sock_diag (Recv-Q and Send-Q of ss -ltn), ListenOverflows, ListenDrops",
    why: "a handshake that completes while the listener's queue is full is dropped (with \
          tcp_abort_on_overflow=1: reset); the client believes in the connection, and is reset when what \
          it sends meets the listener",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    let counted: BTreeMap<u32, Count<'_>> = counting::counts(host, COUNTER)
        .into_iter()
        .map(|count| (count.space.inode, count))
        .collect();
    for space in &host.spaces {
        let full: Vec<&Sock> = space.sockets.iter().filter(|sock| is_full(sock)).collect();
        let count = counted.get(&space.inode);
        found.extend(full.iter().map(|sock| of_listener(host, space, sock, count)));
        if full.is_empty()
            && let Some(count) = count
        {
            found.push(of_counter(host, count));
        }
    }
    found
}

/// The kernel takes one more than was asked for (`sk_acceptq_is_full`), and refuses the next.
fn is_full(sock: &Sock) -> bool {
    sock.state == TcpState::Listen && sock.receive_queue > sock.send_queue
}

fn of_listener(host: &Host, space: &Space, sock: &Sock, count: Option<&Count<'_>>) -> Finding {
    let port = sock.local.port();
    let summary = format!(
        "the accept queue of {} on port {port} is full: {} wait, {} may",
        host.who(sock),
        sock.receive_queue,
        sock.send_queue
    );
    let finding = CHECK
        .finds(Severity::Happening, summary)
        .within(space)
        .of(host.holder(sock))
        .at(port)
        .read(
            format!("Recv-Q {}, Send-Q {}", sock.receive_queue, sock.send_queue),
            format!("sock_diag, listener {}", sock.local),
        );
    let finding = match count {
        Some(count) => counting::told(host, finding, COUNTER, count.total, count.lately),
        None => finding,
    };
    fixes(host, space, finding).likely("the next handshake that completes is dropped or reset")
}

fn of_counter(host: &Host, count: &Count<'_>) -> Finding {
    let summary = format!(
        "{} met a full accept queue",
        words::counted(count.total, "handshake")
    );
    let finding = CHECK.finds(count.severity(), summary).within(count.space);
    let finding = counting::told(host, finding, COUNTER, count.total, count.lately);
    fixes(host, count.space, finding)
}

fn fixes(host: &Host, space: &Space, finding: Finding) -> Finding {
    let drops = space.counters.get("TcpExtListenDrops").unwrap_or(0);
    finding
        .read(
            format!("{drops} SYNs and handshakes dropped at listeners, for this and other reasons"),
            "counter TcpExtListenDrops",
        )
        .fix("let the program accept faster (more workers, no blocked event loop); `ss -ltn` shows its queue")
        .fix(raise(host, space))
}

/// The smaller of both limits counts.
fn raise(host: &Host, space: &Space) -> String {
    const SETTING: &str = "net.core.somaxconn";
    const ENOUGH: u64 = 4_096;
    let own = "the program's own backlog (nginx `listen 80 backlog=4096`, gunicorn `--backlog`, \
               `listen(fd, 4096)`)";
    match space.number(SETTING) {
        Some(most) if most >= ENOUGH => format!("raise {own}"),
        _ => format!(
            "raise both limits, the smaller counts: `{}`, and {own}",
            host.sysctl(space, SETTING, ENOUGH)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn a_full_queue_is_found_and_one_with_room_is_not() {
        let mut host = made::host();
        made::listener(&mut host, 80, 128, 128);
        made::sock(&mut host, 7, "10.0.0.1:80", "10.0.0.2:9", TcpState::Established);
        assert!(made::found(&CHECK, &host).is_empty());
        made::listener(&mut host, 81, 3, 2);
        let found = made::found(&CHECK, &host);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].severity, found[0].place.port), (Severity::Happening, Some(81)));
        assert!(found[0].summary.contains("app[7]"), "{}", found[0].summary);
    }

    #[test]
    fn it_follows_its_counter() {
        counting::tests::holds(&CHECK, COUNTER);
    }
}
