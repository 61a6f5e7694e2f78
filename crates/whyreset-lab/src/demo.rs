//! The tour's stage: five classic acts on loopback of a network namespace of its own, and what
//! was really on the wire. Refuses to print: its face is the binary's.

mod acts;
mod words;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;

use crate::stage::Stage;
use crate::topology::Family;
use crate::wire::{Frame, Recorder};
use crate::{loopback, sys};

pub use acts::ACTS;
pub use words::plain;

/// Who speaks a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The server's program.
    Server,
    /// The client's program.
    Client,
    /// The client, explaining what it got.
    Plain,
}

impl Speaker {
    /// For the margin.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Plain => "",
        }
    }
}

/// Takes the lines of an act as they are spoken.
pub type Listener<'a> = &'a mut dyn FnMut(Speaker, &str);

/// One of the acts.
pub struct Act {
    /// What goes wrong, in a few words.
    pub title: &'static str,
    /// Where the wire is worth showing: what to say beside the reset.
    pub ladder: Option<&'static str>,
    play: fn(&mut Stage, Listener<'_>) -> anyhow::Result<()>,
}

/// Where the acts are played.
pub struct Theatre {
    stage: Stage,
    /// Why it is not a namespace of its own, where it is not.
    pub shared: Option<String>,
    /// Inode of the network namespace.
    pub netns: u64,
}

/// What was on the wire during an act.
pub struct Wire {
    /// The server's address.
    pub server: SocketAddr,
    /// Its segments, in order.
    pub frames: Vec<Frame>,
}

impl Theatre {
    /// Moves the calling thread into a new network namespace where that is permitted; call it
    /// before other threads are started. Falls back to the loopback that is there.
    ///
    /// # Errors
    /// The namespace's loopback could not be brought up.
    pub fn open(program: &Path) -> anyhow::Result<Self> {
        let shared = sys::unshare_network().err().map(|error| error.to_string());
        if shared.is_none() {
            loopback::raise().context("cannot bring loopback up in the new namespace")?;
        }
        let netns =
            fs::metadata("/proc/thread-self/ns/net").context("cannot look at /proc/thread-self/ns/net")?;
        Ok(Self {
            stage: Stage::on_loopback(program, Family::V4),
            shared,
            netns: netns.ino(),
        })
    }

    /// Plays one act. The wire is `Err` where it could not be watched.
    ///
    /// # Errors
    /// An actor failed.
    pub fn perform(&mut self, act: &Act, tell: Listener<'_>) -> anyhow::Result<anyhow::Result<Wire>> {
        let tap = Recorder::arriving("lo");
        (act.play)(&mut self.stage, tell)?;
        let frames = tap.and_then(Recorder::stop);
        let server = self.stage.server_address().context("the act had no server")?;
        Ok(frames.map(|mut frames| {
            frames.retain(|frame| frame.source == server || frame.destination == server);
            Wire { server, frames }
        }))
    }
}
