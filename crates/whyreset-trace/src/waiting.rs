//! Waits for the next stop: awake while they come thick and fast, for to be woken takes longer than all
//! that is done at a stop. Refuses to stay awake for a command that is silent, or beside it on an only
//! processor.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys;

/// Stops that come sooner than this after the last one are waited for awake.
const SOON: Duration = Duration::from_micros(120);

/// Whether the next stop is waited for awake.
pub(crate) struct Waiting {
    may: bool,
    awake: bool,
}

impl Waiting {
    /// Where there is a processor for each of the two.
    pub fn new() -> Self {
        let may = thread::available_parallelism().is_ok_and(|count| count.get() > 1);
        Self { may, awake: false }
    }

    /// The next thread that stopped or ended, and its status; errors are those of waitpid(2).
    pub fn next(&mut self) -> io::Result<(i32, i32)> {
        let begun = Instant::now();
        while self.awake && begun.elapsed() < SOON {
            if let Some(found) = sys::poll()? {
                return Ok(found);
            }
            thread::yield_now();
        }
        let found = sys::wait();
        self.awake = self.may && begun.elapsed() < SOON;
        found
    }
}
