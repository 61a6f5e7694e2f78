//! A second process that holds a socket it was born with (as its stderr), lets go of it after a
//! while and stays alive. Refuses to read or write it.

use std::fs::File;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context;

use super::enter::Settings;

/// Holds the socket for `ms=` milliseconds.
pub(super) fn main(settings: &Settings) -> anyhow::Result<()> {
    sleep(Duration::from_millis(settings.millis("ms")?));
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .context("cannot open /dev/null")?;
    // Replacing the descriptor is the close() of the socket.
    rustix::stdio::dup2_stderr(&null)?;
    loop {
        sleep(Duration::from_mins(1));
    }
}
