//! How the process ended that let go of the connection. Refuses to know a cause.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Dossier, Exit, Finding, Process, signal_name};

use crate::{Accuse, ask, reading, words};

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
            let killer = dossier.killer_of(process.pid);
            let by = killer.map_or(String::new(), |(_, killed)| {
                format!(", after {} from {}", signal_name(killed.signal), killed.by)
            });
            let seen = killer.map_or(String::new(), |(fact, _)| format!(", {}", fact.cite));
            Finding::when(
                is(exit),
                format!("{process} was on its way out, {how}{by}"),
                format!("{cite} PF_EXITING{seen}"),
            )
        }
        None => Finding::absent(format!("{process} was not exiting"), cite),
    }
}

/// What the process left behind: ` with 100 bytes unread`; empty where nothing was.
pub fn left(dossier: &Dossier) -> String {
    match dossier.sent().and_then(|(_, sent)| sent.socket.as_ref()) {
        Some(socket) if socket.unread > 0 => {
            format!(" with {} unread", words::counted(socket.unread.into(), "byte"))
        }
        _ => String::new(),
    }
}
