use whyreset_evidence::{Certainty, Dossier, Exit, Finding, Party, signal_name};

use crate::cause::{Accuse, Cause, From, Group, Requirement};
use crate::{ask, reading, words};

pub static PROCESS_KILLED: Cause = Cause {
    id: "process-killed",
    group: Group::Died,
    summary: "the process that held the socket was killed by a signal",
    kernel: &[
        "TCP_ABORT_ON_CLOSE",
        "TCP_STATE",
        "TCP_ABORT_ON_DATA",
        "TCP_TIMEWAIT_SOCKET",
    ],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        Requirement {
            text: "the connection was open",
            if_blind: Certainty::Possible,
            check: ask::was_open,
        },
        Requirement {
            text: "a signal had ended the process",
            if_blind: Certainty::Possible,
            check: died_of_signal,
        },
    ],
    excludes: &[],
    explains: &["unread-data", "write-after-close"],
    sentence: |dossier| {
        let accused = reading::accused(dossier, &PROCESS_KILLED);
        let who = words::who(accused.as_ref(), dossier.from());
        let by = accused
            .as_ref()
            .and_then(|process| dossier.killer_of(process.pid));
        match (accused.as_ref().and_then(|process| process.exit), by) {
            (Some(Exit::Signal(signal)), Some((_, killed))) if killed.by.pid != killed.victim => {
                format!("{who} was killed by {} from {}", signal_name(signal), killed.by)
            }
            (Some(Exit::Signal(signal)), _) => format!("{who} was killed by {}", signal_name(signal)),
            _ => format!("{who} may have been killed"),
        }
    },
    situations: &[],
    text: include_str!("process_killed.md"),
};

fn died_of_signal(dossier: &Dossier) -> Finding {
    match dossier.from() {
        Some(side) if !dossier.watches(side) => return ask::elsewhere(dossier, side),
        _ => {}
    }
    let Some(process) = reading::accused(dossier, &PROCESS_KILLED) else {
        return Finding::absent("no process closed the socket", "kernel:inet_sock_set_state");
    };
    match process.exit {
        Some(Exit::Signal(signal)) => Finding::seen(
            format!("{process} was on its way out, killed by {}", signal_name(signal)),
            format!(
                "kernel:task pid={} PF_EXITING group_exit_code={signal}",
                process.pid
            ),
        ),
        Some(exit) => Finding::absent(
            format!("{process} ended by {exit}"),
            format!("kernel:task pid={}", process.pid),
        ),
        None => Finding::absent(
            format!("{process} was not exiting"),
            format!("kernel:task pid={}", process.pid),
        ),
    }
}
