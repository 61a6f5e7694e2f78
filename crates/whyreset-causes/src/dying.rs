//! How the process ended that let go of the connection. Refuses to know a cause.

use whyreset_evidence::{Dossier, Exit, Finding, Process};

use crate::{Accuse, ask, reading};

/// The process that closed the connection, by the reset's actor or the tombstone.
pub fn closer(dossier: &Dossier) -> Option<Process> {
    reading::accused_as(dossier, Accuse::Closer)
}

/// The closing process was on its way out, in the way that `is` asks for.
pub fn had_ended(dossier: &Dossier, is: fn(Exit) -> bool) -> Finding {
    match dossier.from() {
        Some(side) if !dossier.watches(side) => return ask::elsewhere(dossier, side),
        _ => {}
    }
    let Some(process) = closer(dossier) else {
        return Finding::absent(
            "no process was seen to close the socket",
            "kernel:inet_sock_set_state",
        );
    };
    let cite = format!("kernel:task pid={}", process.pid);
    match process.exit {
        Some(exit) => {
            let how = match exit {
                Exit::OutOfMemory => "killed for want of memory".to_owned(),
                exit => format!("ended by {exit}"),
            };
            Finding::when(
                is(exit),
                format!("{process} was on its way out, {how}"),
                format!("{cite} PF_EXITING"),
            )
        }
        None => Finding::absent(format!("{process} was not exiting"), cite),
    }
}
