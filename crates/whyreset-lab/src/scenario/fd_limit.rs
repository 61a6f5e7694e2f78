//! The listening process has no file descriptor left: accept() fails, and the queue runs over.

use whyreset_evidence::Certainty;

use super::{NAMESPACES, Scenario, Steps, accept_queue_overflow};
use crate::stage::{SERVER, Stage};
use crate::topology::Host;
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "fd-limit",
    cause: "fd-limit",
    summary: "no descriptor left to accept with, and tcp_abort_on_overflow=1",
    needs: NAMESPACES,
    seconds: 3,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        mechanism: Some("accept-queue-overflow"),
        cites: &["of at most 64 file descriptors"],
        // The watch is young: that no earlier connection had these addresses cannot be seen.
        server: View::Knows(Certainty::Likely),
        machine: View::Knows(Certainty::Likely),
        accused: Accused::May(&[SERVER]),
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    accept_queue_overflow::overflow(stage, |server| {
        server.expect("hoard 64", "hoarded")?;
        Ok(())
    })
}
