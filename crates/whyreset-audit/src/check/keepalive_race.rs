//! Two programs of this host that talk to each other, of which the one that sends requests keeps
//! idle connections for longer than the one that answers them.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::{Sock, Space};

use crate::host::name;
use crate::software::Idle;
use crate::{Check, Finding, Host, Severity, words};

/// The declaration.
pub static CHECK: Check = Check {
    id: "keepalive-race",
    causes: &["keepalive-race", "write-after-close"],
    reads: "both ends of connections within this host by sock_diag, and the idle timers in their programs' configuration",
    why: "when the server closes an idle connection just as the other end uses it again, request and FIN \
          cross and the request is answered with a RST; it cannot happen where the client gives up first",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut ends: HashMap<(SocketAddr, SocketAddr), (&Space, &Sock)> = HashMap::new();
    let mut ports: HashSet<(u32, u16)> = HashSet::new();
    for space in &host.spaces {
        for sock in &space.sockets {
            match sock.state {
                TcpState::Listen => _ = ports.insert((space.inode, sock.local.port())),
                TcpState::Established => _ = ends.insert((sock.local, sock.remote), (space, sock)),
                _ => {}
            }
        }
    }
    let mut told: HashSet<(String, String, u16)> = HashSet::new();
    let mut found = Vec::new();
    let mut servers: Vec<_> = ends
        .values()
        .filter(|(space, sock)| ports.contains(&(space.inode, sock.local.port())))
        .collect();
    servers.sort_by_key(|(_, sock)| (sock.local, sock.remote));
    for (space, server) in servers {
        let Some((_, client)) = ends.get(&(server.remote, server.local)) else {
            continue;
        };
        let port = server.local.port();
        let (Some(asks), Some(answers)) = (
            idle(host, client, |timers| timers.client.of(client.remote.port())),
            idle(host, server, |timers| timers.server.of(port)),
        ) else {
            continue;
        };
        let crossed = answers.ms > 0 && asks.ms >= answers.ms;
        if crossed && told.insert((asks.cite.clone(), answers.cite.clone(), port)) {
            found.push(finding(host, space, (client, asks), (server, answers)));
        }
    }
    found
}

fn idle<'a>(
    host: &'a Host,
    sock: &Sock,
    of: impl FnOnce(&'a crate::software::Timers) -> Option<&'a Idle>,
) -> Option<&'a Idle> {
    host.timers
        .get(&host.holder(sock)?.process.pid)
        .and_then(|timers| of(timers))
}

fn finding(
    host: &Host,
    space: &Space,
    (client, asks): (&Sock, &Idle),
    (server, answers): (&Sock, &Idle),
) -> Finding {
    let severity = if asks.assumed || answers.assumed {
        Severity::Possible
    } else {
        Severity::Likely
    };
    let program = |sock: &Sock| host.holder(sock).map_or_else(String::new, name);
    let summary = format!(
        "{} keeps idle connections to {} for {}, which closes them after {}",
        program(client),
        program(server),
        words::span_ms(asks.ms),
        words::span_ms(answers.ms)
    );
    let below = (answers.ms * 4 / 5 / 1_000).max(1).to_string();
    let above = (asks.ms / 1_000 + 5).to_string();
    CHECK
        .finds(severity, summary)
        .within(space)
        .of(host.holder(server))
        .at(server.local.port())
        .read(
            format!("{} -> {} is open", client.local, client.remote),
            "sock_diag, both ends",
        )
        .read(format!("{}: {}", program(client), asks.setting), asks.cite.clone())
        .read(format!("{}: {}", program(server), answers.setting), answers.cite.clone())
        .likely("a request that comes as the server's timer fires is reset; the busier the pair, the more often")
        .fix(format!(
            "let the server wait longer, {}: {}",
            program(server),
            answers.change.replace("{s}", &above)
        ))
        .fix(format!(
            "or let the client give up sooner, {}: {}",
            program(client),
            asks.change.replace("{s}", &below)
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use crate::software::{Ports, Timers};
    use std::sync::Arc;

    fn rule(ms: u64, cite: &str, assumed: bool) -> Ports {
        Ports::all(Idle {
                ms,
                setting: format!("t {ms}"),
                cite: cite.to_owned(),
                assumed,
                change: "set {s}",
            })
    }

    fn pair(asks: u64, answers: u64) -> Host {
        let mut host = made::host();
        made::listener(&mut host, 3_000, 0, 128);
        for port in [9, 10] {
            let client = format!("127.0.0.1:{port}");
            made::sock(&mut host, 8, &client, "127.0.0.1:3000", TcpState::Established);
            made::sock(&mut host, 7, "127.0.0.1:3000", &client, TcpState::Established);
        }
        let client = Timers {
            client: rule(asks, "c:1", false),
            ..Timers::default()
        };
        let server = Timers {
            server: rule(answers, "s:1", false),
            ..Timers::default()
        };
        host.timers = HashMap::from([(8, Arc::new(client)), (7, Arc::new(server))]);
        host
    }

    #[test]
    fn the_wrong_order_is_found_once_and_the_right_one_is_not() {
        assert!(made::found(&CHECK, &pair(4_000, 5_000)).is_empty());
        assert!(made::found(&CHECK, &pair(4_000, 0)).is_empty());
        for asks in [5_000, 60_000] {
            let found = made::found(&CHECK, &pair(asks, 5_000));
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].severity, found[0].place.port), (Severity::Likely, Some(3_000)));
        }
        let found = made::found(&CHECK, &pair(60_000, 5_000));
        assert!(found[0].fix[0].ends_with("set 65"), "{:?}", found[0].fix);
        assert!(found[0].fix[1].ends_with("set 4"), "{:?}", found[0].fix);
    }

    #[test]
    fn without_a_connection_between_them_there_is_none() {
        let mut host = pair(60_000, 5_000);
        host.spaces[0].sockets.retain(|sock| sock.local.port() == 3_000);
        assert!(made::found(&CHECK, &host).is_empty());
    }

    #[test]
    fn a_default_that_code_may_change_is_only_possible() {
        let mut host = pair(60_000, 5_000);
        let server = Timers {
            server: rule(5_000, "default", true),
            ..Timers::default()
        };
        host.timers.insert(7, Arc::new(server));
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
    }
}
