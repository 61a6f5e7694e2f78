//! Idle connections that a box between has forgotten by now, where it is one of the well-known.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use whyreset_evidence::TcpState;
use whyreset_host::inspect::{Sock, Space, Timer};

use crate::{Check, Finding, Host, Severity, words};

const SETTING: &str = "net.ipv4.tcp_keepalive_time";

/// The declaration.
pub static CHECK: Check = Check {
    id: "idle-forgotten",
    causes: &["idle-timeout", "nat-state-lost"],
    reads: "how long each connection has been silent and which timer runs for it, by sock_diag (ss -tnoi)",
    why: "load balancers and NAT gateways forget a connection that is silent for longer than their timer \
          and tell neither end; the next segment is answered with a RST or with nothing",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let ours = host.addresses();
    let mut found = Vec::new();
    for space in &host.spaces {
        let mut of: BTreeMap<String, Vec<&Sock>> = BTreeMap::new();
        for sock in space.sockets.iter().filter(|sock| is_left_alone(sock, &ours)) {
            let name = host.holder(sock).map_or("", |holder| &holder.process.name);
            of.entry(name.to_owned()).or_default().push(sock);
        }
        found.extend(of.values().filter_map(|those| finding(host, space, those)));
    }
    found
}

/// Silent for longer than a known timer, towards another host, and kept alive too late or never.
fn is_left_alone(sock: &Sock, ours: &HashSet<IpAddr>) -> bool {
    let quiet = sock.quiet_ms.unwrap_or(0);
    let late = match sock.timer {
        Timer::None => true,
        Timer::Keepalive(left) => due(quiet, left),
        Timer::Other => false,
    };
    let remote = sock.remote.ip();
    sock.state == TcpState::Established
        && late
        && whyreset_causes::forgotten(quiet).is_some()
        && !remote.is_loopback()
        && !ours.contains(&remote)
}

/// Whether the first probe comes only after a timer that has passed already.
fn due(quiet_ms: u64, left_ms: u64) -> bool {
    let first = quiet_ms.saturating_add(left_ms);
    whyreset_causes::forgotten(quiet_ms).is_some_and(|(seconds, _)| first > seconds * 1_000)
}

fn finding(host: &Host, space: &Space, those: &[&Sock]) -> Option<Finding> {
    let longest = those.iter().max_by_key(|sock| sock.quiet_ms)?;
    let quiet = longest.quiet_ms?;
    let (seconds, whose) = whyreset_causes::forgotten(quiet)?;
    let without = those.iter().filter(|sock| sock.timer == Timer::None).count();
    let (how, first) = if without == those.len() {
        ("without keep-alive", String::new())
    } else {
        let time = space.number(SETTING).map_or(String::new(), |time| {
            format!(" ({SETTING} is {})", words::span_ms(time * 1_000))
        });
        ("with keep-alive probes that come too late", time)
    };
    let summary = format!(
        "{} of {} silent for up to {} {how}{first}",
        words::counted(those.len() as u64, "connection"),
        host.who(longest),
        words::span_ms(quiet)
    );
    let timer = match longest.timer {
        Timer::Keepalive(left) => format!("keep-alive in {}", words::span_ms(left)),
        _ => "no timer".to_owned(),
    };
    Some(
        CHECK
            .finds(Severity::Possible, summary)
            .within(space)
            .of(host.holder(longest))
            .at(longest.remote.port())
            .read(
                format!(
                    "{} -> {} silent for {}, {timer}",
                    longest.local,
                    longest.remote,
                    words::span_ms(quiet)
                ),
                "sock_diag",
            )
            .likely(format!(
                "they have outlived {whose} ({}); whether such a box is on their path was not seen \
                 (`whyreset probe --idle` tells)",
                words::span_ms(seconds * 1_000)
            ))
            .fix(format!(
                "`{}` and SO_KEEPALIVE in the program (postgres `tcp_keepalives_idle`, ssh \
                 `ServerAliveInterval`, a pool's `keepaliveTime`)",
                host.sysctl(space, SETTING, 120)
            )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn silence_towards_another_host_is_found_and_probes_in_time_are_not() {
        let mut host = made::host();
        let one = made::sock(&mut host, 7, "10.0.0.1:9", "10.0.0.2:5432", TcpState::Established);
        for (quiet, timer, expected) in [
            (100_000, Timer::None, 0),
            (400_000, Timer::None, 1),
            (400_000, Timer::Other, 0),
            (400_000, Timer::Keepalive(6_800_000), 1),
        ] {
            let sock = &mut host.spaces[0].sockets[one];
            (sock.quiet_ms, sock.timer) = (Some(quiet), timer);
            let found = made::found(&CHECK, &host);
            assert_eq!(found.len(), expected, "{quiet} {timer:?}");
        }
        assert!(made::found(&CHECK, &host)[0].likely.contains("NAT gateway"));
        made::sock(&mut host, 7, "10.0.0.2:1", "10.0.0.3:1", TcpState::Close);
        assert!(made::found(&CHECK, &host).is_empty(), "both ends are this host's");
    }
}
