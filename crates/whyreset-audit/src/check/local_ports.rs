//! Local ports towards one destination against how many there are.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::Sock;

use crate::{Check, Finding, Host, Severity, words};

const SETTING: &str = "net.ipv4.ip_local_port_range";
/// Percent.
const NEAR: u64 = 70;

/// The declaration.
pub static CHECK: Check = Check {
    id: "local-ports",
    causes: &["stray-syn", "connect-abandoned"],
    reads: "local ports in use towards each destination by sock_diag, the sysctls ip_local_port_range and tcp_tw_reuse",
    why: "where few ports are left they are soon used again, and the other end, or a NAT between, still \
          remembers the old connection: it answers the new SYN with the old one's numbers, which this host \
          resets",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let Some([low, high]) = space
            .numbers(SETTING)
            .and_then(|range| <[u64; 2]>::try_from(range).ok())
        else {
            continue;
        };
        let there = high.saturating_sub(low) + 1;
        let mut to: HashMap<SocketAddr, (HashSet<u16>, usize, Option<&Sock>)> = HashMap::new();
        for sock in &space.sockets {
            let port = u64::from(sock.local.port());
            if sock.state == TcpState::Listen || !(low..=high).contains(&port) {
                continue;
            }
            let (ports, waiting, one) = to.entry(sock.remote).or_default();
            ports.insert(sock.local.port());
            *waiting += usize::from(sock.state == TcpState::TimeWait);
            if sock.inode != 0 {
                one.get_or_insert(sock);
            }
        }
        let mut near: Vec<_> = to
            .into_iter()
            .map(|(remote, (ports, waiting, one))| (ports.len() as u64, remote, waiting, one))
            .filter(|(ports, ..)| words::percent(*ports, there) >= NEAR)
            .collect();
        near.sort_by_key(|(ports, remote, ..)| (core::cmp::Reverse(*ports), *remote));
        for (ports, remote, waiting, one) in near {
            let reuse = space.number("net.ipv4.tcp_tw_reuse");
            let summary = format!(
                "{} of {} local ports are in use towards {remote}, {} of them in TIME_WAIT",
                words::count(ports),
                words::count(there),
                words::count(waiting as u64)
            );
            found.push(
                CHECK
                    .finds(Severity::Likely, summary)
                    .within(space)
                    .of(one.and_then(|sock| host.holder(sock)))
                    .at(remote.port())
                    .read(format!("{ports} local ports towards {remote}"), "sock_diag")
                    .read(format!("{low} to {high}"), format!("sysctl {SETTING}"))
                    .likely(match reuse {
                        Some(1) => "net.ipv4.tcp_tw_reuse=1 uses ports again after one second",
                        _ => "when they are used up, connect() fails with EADDRNOTAVAIL; before, ports come again soon",
                    })
                    .fix("keep connections open and share them (a pool, HTTP keep-alive), or use several source addresses")
                    .fix(format!("`{}`", host.sysctl(space, SETTING, "\"1024 65535\""))),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn ports_are_counted_for_each_destination() {
        let mut host = made::with(SETTING, "40000\t40009");
        for port in 40_000..40_006 {
            for remote in ["10.0.0.2:80", "10.0.0.3:80"] {
                let local = format!("10.0.0.1:{port}");
                made::sock(&mut host, 7, &local, remote, TcpState::TimeWait);
            }
        }
        assert!(made::found(&CHECK, &host).is_empty());
        made::sock(&mut host, 7, "10.0.0.1:40006", "10.0.0.2:80", TcpState::Established);
        let found = made::found(&CHECK, &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].summary.contains("7 of 10"), "{}", found[0].summary);
        made::set(&mut host, SETTING, "32768\t60999");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
