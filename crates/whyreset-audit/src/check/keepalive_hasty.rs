//! Keep-alive that gives a connection up after a short pause of its path.

use whyreset_evidence::TcpState;
use whyreset_host::inspect::Timer;

use crate::{Check, Finding, Host, Severity, words};

/// A failover or a move of a virtual machine takes less, seconds.
const HASTY: u64 = 45;
const SETTINGS: [&str; 3] = [
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];

/// The declaration.
pub static CHECK: Check = Check {
    id: "keepalive-hasty",
    causes: &["keepalive-timeout"],
    reads: "the sysctls tcp_keepalive_time, tcp_keepalive_intvl, tcp_keepalive_probes; connections with a keep-alive timer",
    why: "when all probes stay unanswered the kernel resets the connection; with few and fast probes a \
          short pause of the path ends connections that would have gone on",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let [Some(time), Some(between), Some(probes)] = SETTINGS.map(|name| space.number(name)) else {
            continue;
        };
        // What passes between the last sign of life and the end, at least.
        let patience = between.saturating_mul(probes).saturating_add(time);
        let kept = space
            .sockets
            .iter()
            .filter(|sock| {
                sock.state == TcpState::Established && matches!(sock.timer, Timer::Keepalive(_))
            })
            .count();
        if kept == 0 || patience >= HASTY {
            continue;
        }
        let summary = format!(
            "{} may be given up after {} without an answer",
            words::counted(kept as u64, "connection"),
            words::span_ms(patience * 1_000)
        );
        found.push(
            CHECK
                .finds(Severity::Possible, summary)
                .within(space)
                .read(
                    format!("{time} s, then {probes} probes every {between} s"),
                    SETTINGS.map(|name| format!("sysctl {name}")).join(", "),
                )
                .likely("it needs a path that is silent for so long; programs may have set their own times")
                .fix(format!(
                    "`{}`, `{}`",
                    host.sysctl(space, SETTINGS[1], 15),
                    host.sysctl(space, SETTINGS[2], 5)
                )),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn haste_matters_where_connections_are_kept_alive() {
        let mut host = made::with(SETTINGS[0], "10");
        made::set(&mut host, SETTINGS[1], "2");
        made::set(&mut host, SETTINGS[2], "3");
        let one = made::sock(&mut host, 7, "10.0.0.1:9", "10.0.0.2:80", TcpState::Established);
        assert!(made::found(&CHECK, &host).is_empty());
        host.spaces[0].sockets[one].timer = Timer::Keepalive(1);
        assert!(made::found(&CHECK, &host)[0].summary.contains("16 s"));
        made::set(&mut host, SETTINGS[0], "7200");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
