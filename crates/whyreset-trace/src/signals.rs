//! Signals that reach this program and are meant for the command. One that a terminal or another
//! process sent to both is not sent a second time. Refuses to act on any itself, but to stand still
//! with the command.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::{self, Signal};

/// Those that are passed on.
pub(crate) const PASSED: [i32; 9] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGCONT,
];

/// A sender that reaches the whole group reaches its members within this.
const TOGETHER: Duration = Duration::from_millis(25);
/// Signals that the command got lately.
const LATELY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Seen {
    /// What the command was given: signal, sender, when.
    delivered: Vec<(i32, i32, Instant)>,
    /// We were told to stand still ourselves.
    told: Option<Instant>,
    /// The command stood still.
    stood: Option<Instant>,
}

/// What is known of signals, by those who see them.
#[derive(Clone, Default)]
pub(crate) struct Passed(Arc<Mutex<Seen>>);

impl Passed {
    /// Passes signals on to the command from now on, in a thread of its own. They must be blocked.
    pub fn start(&self, command: i32) {
        let seen = self.clone();
        thread::spawn(move || {
            while let Ok(signal) = sys::next_signal(&PASSED) {
                seen.pass(signal, command);
            }
        });
    }

    fn pass(&self, signal: Signal, command: i32) {
        if signal.number == libc::SIGTSTP {
            self.stand_still(|seen| seen.told = Some(Instant::now()));
        }
        // A terminal's keys reach the command as they reach us.
        if !signal.by_process || signal.sender == command {
            return;
        }
        thread::sleep(TOGETHER);
        if !self.has_got(signal) {
            sys::kill(command, signal.number);
        }
    }

    fn has_got(&self, signal: Signal) -> bool {
        let own = std::process::id();
        self.0.lock().is_ok_and(|mut seen| {
            seen.delivered.retain(|(.., when)| when.elapsed() < LATELY);
            let at = seen.delivered.iter().position(|&(number, sender, _)| {
                number == signal.number && sender == signal.sender && sender.unsigned_abs() != own
            });
            at.map(|at| seen.delivered.remove(at)).is_some()
        })
    }

    /// The command is about to get a signal.
    pub fn delivered(&self, signal: i32, sender: i32) {
        if let Ok(mut seen) = self.0.lock() {
            seen.delivered.retain(|(.., when)| when.elapsed() < LATELY);
            seen.delivered.push((signal, sender, Instant::now()));
        }
    }

    /// The command stands still. Where that was meant for the job, we do too, so that its shell sees
    /// it; SIGCONT for the job lets both go on.
    pub fn group_stopped(&self, signal: i32) {
        match signal {
            libc::SIGTTIN | libc::SIGTTOU => stop(),
            libc::SIGTSTP => self.stand_still(|seen| seen.stood = Some(Instant::now())),
            _ => {}
        }
    }

    /// Stands still once both have happened, whichever is seen first: we were told to, and the command
    /// has stopped. A command that catches the signal goes on, and so do we.
    fn stand_still(&self, note: impl FnOnce(&mut Seen)) {
        let both = self.0.lock().is_ok_and(|mut seen| {
            note(&mut seen);
            let lately = |when: Option<Instant>| when.is_some_and(|when| when.elapsed() < LATELY);
            let both = lately(seen.told) && lately(seen.stood);
            if both {
                (seen.told, seen.stood) = (None, None);
            }
            both
        });
        if both {
            stop();
        }
    }
}

fn stop() {
    sys::kill(std::process::id().cast_signed(), libc::SIGSTOP);
}
