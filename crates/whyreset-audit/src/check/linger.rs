//! Sockets whose program asked for SO_LINGER 0.

use std::time::Duration;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::{Sock, Space};

use crate::{Check, Finding, Host, Severity, words};

/// The declaration.
pub static CHECK: Check = Check {
    id: "linger",
    causes: &["linger-abort"],
    reads: "SO_LINGER of listeners and connections, by a duplicate of their descriptor (pidfd_getfd)",
    why: "close() with SO_LINGER 0 sends a RST instead of a FIN and throws away what was not delivered; \
          connections inherit it from their listener",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let (listeners, others): (Vec<&Sock>, Vec<&Sock>) = space
            .sockets
            .iter()
            .filter(|sock| zero(host, sock))
            .partition(|sock| sock.state == TcpState::Listen);
        found.extend(listeners.iter().map(|sock| of_listener(host, space, sock)));
        let mut told: Vec<String> = Vec::new();
        for sock in others {
            let who = host.who(sock);
            let inherited = listeners.iter().any(|one| one.local.port() == sock.local.port());
            if !inherited && !told.contains(&who) {
                found.push(of_connection(host, space, sock, &who));
                told.push(who);
            }
        }
    }
    found
}

fn zero(host: &Host, sock: &Sock) -> bool {
    let options = host.options.get(&sock.inode);
    options.is_some_and(|options| options.linger == Some(Duration::ZERO))
}

fn of_listener(host: &Host, space: &Space, sock: &Sock) -> Finding {
    let port = sock.local.port();
    let served = space
        .sockets
        .iter()
        .filter(|one| one.local.port() == port && one.state == TcpState::Established)
        .count();
    let severity = if served > 0 { Severity::Likely } else { Severity::Possible };
    let summary = format!(
        "{} listens on port {port} with SO_LINGER 0: each connection that it closes is reset",
        host.who(sock)
    );
    about(host, space, sock, severity, summary)
        .at(port)
        .likely(format!("{served} connections have inherited it"))
}

fn of_connection(host: &Host, space: &Space, sock: &Sock, who: &str) -> Finding {
    let same = space
        .sockets
        .iter()
        .filter(|one| zero(host, one) && host.who(one) == who)
        .count();
    let same = u64::try_from(same).unwrap_or(u64::MAX);
    let summary = format!(
        "{who} holds {} with SO_LINGER 0",
        words::counted(same, "connection")
    );
    about(host, space, sock, Severity::Likely, summary)
        .at(sock.remote.port())
        .likely("each of them is reset when it is closed")
}

fn about(host: &Host, space: &Space, sock: &Sock, severity: Severity, summary: String) -> Finding {
    CHECK
        .finds(severity, summary)
        .within(space)
        .of(host.holder(sock))
        .read(
            "SO_LINGER on, 0 s",
            format!("getsockopt, {} -> {}", sock.local, sock.remote),
        )
        .fix(
            "remove setsockopt(SO_LINGER, {1, 0}) (Java `setSoLinger(true, 0)`, haproxy `option nolinger`, \
             Go `SetLinger(0)`), unless the reset is meant",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_host::inspect::Options;

    fn linger(host: &mut Host, index: usize, seconds: u64) {
        let inode = host.spaces[0].sockets[index].inode;
        let options = Options {
            linger: Some(Duration::from_secs(seconds)),
            ..Options::default()
        };
        host.options.insert(inode, options);
    }

    #[test]
    fn zero_is_found_once_for_a_listener_and_what_it_accepted() {
        let mut host = made::host();
        made::listener(&mut host, 80, 0, 128);
        made::sock(&mut host, 7, "10.0.0.1:80", "10.0.0.2:9", TcpState::Established);
        linger(&mut host, 0, 5);
        assert!(made::found(&CHECK, &host).is_empty());
        linger(&mut host, 0, 0);
        linger(&mut host, 1, 0);
        let found = made::found(&CHECK, &host);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].severity, found[0].place.port), (Severity::Likely, Some(80)));
    }

    #[test]
    fn a_clients_connections_are_one_finding() {
        let mut host = made::host();
        for port in [9, 10] {
            let local = format!("10.0.0.1:{port}");
            let one = made::sock(&mut host, 8, &local, "10.0.0.2:6379", TcpState::Established);
            linger(&mut host, one, 0);
        }
        let found = made::found(&CHECK, &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].summary.contains("2 connections"), "{}", found[0].summary);
    }
}
