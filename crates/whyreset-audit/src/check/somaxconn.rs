//! Listeners whose backlog the system cuts.

use whyreset_evidence::TcpState;

use crate::{Check, Finding, Host, Severity};

const SETTING: &str = "net.core.somaxconn";
/// The kernel's default since Linux 5.4.
const DEFAULT: u64 = 4_096;

/// The declaration.
pub static CHECK: Check = Check {
    id: "somaxconn",
    causes: &["accept-queue-overflow"],
    reads: "the sysctl net.core.somaxconn against listeners' backlogs by sock_diag",
    why: "whatever a program asks for, its accept queue is no longer than net.core.somaxconn; connections \
          beyond it are dropped or reset",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let Some(most) = space.number(SETTING).filter(|most| *most < DEFAULT) else {
            continue;
        };
        let cut: Vec<_> = space
            .sockets
            .iter()
            .filter(|sock| sock.state == TcpState::Listen && u64::from(sock.send_queue) == most)
            .collect();
        let Some(first) = cut.first() else { continue };
        let fullest = cut.iter().map(|sock| u64::from(sock.receive_queue)).max();
        let filling = fullest.is_some_and(|waiting| waiting > most / 2);
        let summary = format!(
            "{SETTING} cuts the accept queues of {} listeners to {most}, {} on port {} among them",
            cut.len(),
            host.who(first),
            first.local.port()
        );
        let severity = if filling { Severity::Likely } else { Severity::Possible };
        found.push(
            CHECK
                .finds(severity, summary)
                .within(space)
                .read(format!("{SETTING} = {most}"), format!("sysctl {SETTING}"))
                .read(
                    format!("Send-Q {most} at {}", first.local),
                    "sock_diag, listeners".to_owned(),
                )
                .likely(format!(
                    "the fullest of them holds {} now",
                    fullest.unwrap_or(0)
                ))
                .fix(format!(
                    "`{}`, then restart the programs: listen() reads it once",
                    host.sysctl(space, SETTING, DEFAULT)
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
    fn a_listener_that_is_cut_is_found_and_a_shorter_one_is_not() {
        let mut host = made::with(SETTING, "128");
        made::listener(&mut host, 80, 0, 64);
        assert!(made::found(&CHECK, &host).is_empty());
        made::listener(&mut host, 81, 0, 128);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
        host.spaces[0].sockets[1].receive_queue = 100;
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Likely);
        made::set(&mut host, SETTING, "4096");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
