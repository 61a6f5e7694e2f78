//! Connections that connection tracking on this host has forgotten, or will before they are kept
//! alive.

use whyreset_evidence::TcpState;
use whyreset_host::inspect::{Sock, Space, Timer};

use crate::{Check, Finding, Host, Severity, words};

const COUNT: &str = "net.netfilter.nf_conntrack_count";
const ESTABLISHED: &str = "net.netfilter.nf_conntrack_tcp_timeout_established";
const CLOSE_WAIT: &str = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
const KEEPALIVE: &str = "net.ipv4.tcp_keepalive_time";

/// The declaration.
pub static CHECK: Check = Check {
    id: "conntrack-timeout",
    causes: &["nat-state-lost", "idle-timeout"],
    reads: "conntrack's timeouts against how long each connection has been silent, and against tcp_keepalive_time",
    why: "an entry that is silent for longer is forgotten; where the connection is translated or a rule \
          asks for its state, its next segment is not taken for its own, and is reset",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        if space.number(COUNT).unwrap_or(0) == 0 {
            continue;
        }
        for (state, setting) in [
            (TcpState::Established, ESTABLISHED),
            (TcpState::CloseWait, CLOSE_WAIT),
        ] {
            if let Some(seconds) = space.number(setting) {
                found.extend(forgotten(host, space, state, setting, seconds));
            }
        }
    }
    found
}

fn forgotten(
    host: &Host,
    space: &Space,
    state: TcpState,
    setting: &'static str,
    seconds: u64,
) -> Option<Finding> {
    let ms = seconds.saturating_mul(1_000);
    let live = space
        .sockets
        .iter()
        .filter(|sock| sock.state == state && !sock.remote.ip().is_loopback());
    let silent: Vec<&Sock> = live
        .clone()
        .filter(|sock| sock.quiet_ms.is_some_and(|quiet| quiet > ms))
        .collect();
    let longest = silent.iter().max_by_key(|sock| sock.quiet_ms);
    let finding = if let Some(longest) = longest {
        let quiet = words::span_ms(longest.quiet_ms.unwrap_or(0));
        CHECK
            .finds(
                Severity::Likely,
                format!(
                    "{} silent for up to {quiet}; connection tracking forgets after {}",
                    words::counted(silent.len() as u64, &format!("connection in {state}")),
                    words::span_ms(ms)
                )
                .replace(&format!("connection in {state}s"), &format!("connections in {state}")),
            )
            .of(host.holder(longest))
            .at(longest.remote.port())
            .read(
                format!("{} -> {} silent for {quiet}", longest.local, longest.remote),
                "sock_diag",
            )
            .likely("their entries are gone, where these connections are tracked")
    } else {
        let late = |sock: &&Sock| match sock.timer {
            Timer::None => true,
            Timer::Keepalive(left) => sock.quiet_ms.unwrap_or(0).saturating_add(left) > ms,
            Timer::Other => false,
        };
        let keepalive = space.number(KEEPALIVE)?;
        if state != TcpState::Established || seconds >= keepalive || !live.clone().any(|sock| late(&sock)) {
            return None;
        }
        CHECK
            .finds(
                Severity::Possible,
                format!(
                    "connection tracking forgets after {} of silence, before the first keep-alive probe ({})",
                    words::span_ms(ms),
                    words::span_ms(keepalive.saturating_mul(1_000))
                ),
            )
            .read(format!("{KEEPALIVE} = {keepalive}"), format!("sysctl {KEEPALIVE}"))
            .likely("connections that are silent for so long stand here now and then")
    };
    let finding = finding
        .within(space)
        .read(format!("{setting} = {seconds}"), format!("sysctl {setting}"));
    Some(if state == TcpState::Established {
        finding
            .fix(format!(
                "keep alive sooner: `{}`, and SO_KEEPALIVE in the program",
                host.sysctl(space, KEEPALIVE, (seconds / 2).clamp(1, 300))
            ))
            .fix(format!("or remember longer: `{}`", host.sysctl(space, setting, 432_000)))
    } else {
        finding.fix(format!(
            "close what the other end has closed, or `{}`",
            host.sysctl(space, setting, 3_600)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn silence_is_held_against_the_timeout_of_its_state() {
        let mut host = made::with(COUNT, "1");
        made::set(&mut host, ESTABLISHED, "300");
        made::set(&mut host, CLOSE_WAIT, "60");
        made::set(&mut host, KEEPALIVE, "200");
        let one = made::sock(&mut host, 7, "10.0.0.1:9", "10.0.0.2:80", TcpState::Established);
        host.spaces[0].sockets[one].quiet_ms = Some(200_000);
        assert!(made::found(&CHECK, &host).is_empty());
        made::set(&mut host, KEEPALIVE, "7200");
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
        host.spaces[0].sockets[one].quiet_ms = Some(301_000);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Likely);
        host.spaces[0].sockets[one].state = TcpState::CloseWait;
        let found = made::found(&CHECK, &host);
        assert!(found[0].summary.contains("CLOSE_WAIT"), "{}", found[0].summary);
        made::set(&mut host, COUNT, "0");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
