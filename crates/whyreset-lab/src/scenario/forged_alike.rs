//! Somebody on the path forges a reset that nothing tells from the host's own: exact number, the
//! host's TTL. Only who watches that host too knows that it sent none.

use whyreset_evidence::{Certainty, Flags};

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};
use crate::wire::{Craft, Phantom};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "forged-alike",
    cause: "injected-reset",
    summary: "forged RST, exact sequence number, with the TTL of the host",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        party: "middlebox",
        from: "between",
        accused: Accused::May(&[]),
        server: View::Silent,
        // The server's end stands as if nothing had happened.
        machine: View::Knows(Certainty::Likely),
        watch: &["--wire"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    let mut forger = Phantom::new(stage.tap(End::Server)?, End::Server);
    pair.read_all(10)?;
    let seen = forger.hear(Flags::PSH, 0)?;
    let mut reset = Craft::new(seen.destination, seen.source, Flags::RST);
    reset.ttl = 64;
    reset.seq = seen.segment.ack;
    forger.say(&reset)?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
