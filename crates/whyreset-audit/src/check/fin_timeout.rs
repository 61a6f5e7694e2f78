//! A short `tcp_fin_timeout`, where connections wait for the other end's FIN.

use whyreset_evidence::TcpState;

use crate::{Check, Finding, Host, Severity, words};

const SETTING: &str = "net.ipv4.tcp_fin_timeout";
/// The kernel's default, seconds.
const DEFAULT: u64 = 60;

/// The declaration.
pub static CHECK: Check = Check {
    id: "fin-timeout",
    causes: &["fin-wait-expired"],
    reads: "the sysctl net.ipv4.tcp_fin_timeout, connections in FIN_WAIT2 by sock_diag",
    why: "a closed connection waits so long for the other end's FIN; what comes later belongs to no \
          connection any more and is answered with a RST",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let Some(seconds) = space.number(SETTING).filter(|seconds| *seconds < DEFAULT / 2) else {
            continue;
        };
        let waiting = space
            .sockets
            .iter()
            .filter(|sock| sock.state == TcpState::FinWait2)
            .count();
        if waiting == 0 {
            continue;
        }
        let summary = format!(
            "{} only {seconds} s for the other end's FIN",
            match waiting {
                1 => "1 closed connection waits".to_owned(),
                more => format!("{} closed connections wait", words::count(more as u64)),
            }
        );
        found.push(
            CHECK
                .finds(Severity::Likely, summary)
                .within(space)
                .read(format!("{SETTING} = {seconds}"), format!("sysctl {SETTING}"))
                .read(format!("{waiting} in FIN_WAIT2"), "sock_diag")
                .likely("an answer that takes longer than that is reset")
                .fix(format!("`{}`", host.sysctl(space, SETTING, DEFAULT))),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn a_short_wait_matters_where_somebody_waits() {
        let mut host = made::with(SETTING, "5");
        assert!(made::found(&CHECK, &host).is_empty());
        made::sock(&mut host, 7, "10.0.0.1:80", "10.0.0.2:9", TcpState::FinWait2);
        assert_eq!(made::found(&CHECK, &host).len(), 1);
        made::set(&mut host, SETTING, "60");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
