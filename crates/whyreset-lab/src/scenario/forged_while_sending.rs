//! A forged reset ends the client's socket; the server, who sent none, goes on sending.

use whyreset_evidence::{Certainty, Flags};

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};
use crate::wire::{Craft, Phantom};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "forged-while-sending",
    cause: "injected-reset",
    summary: "forged RST with the exact number, and the server sends on",
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
        // Its data meets no connection any more: the client's kernel resets it in turn.
        server: View::Guesses(&[]),
        client: View::Knows(Certainty::Likely),
        cites: &["went on after it with"],
        machine: View::Knows(Certainty::Likely),
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    let mut forger = Phantom::new(stage.tap(End::Server)?, End::Server);
    pair.read_all(10)?;
    let seen = forger.hear(Flags::PSH, 0)?;
    let mut reset = Craft::new(seen.destination, seen.source, Flags::RST);
    reset.ttl = 36;
    reset.seq = seen.segment.ack;
    forger.say(&reset)?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    pair.server.expect("send 40", "sent")?;
    stage.keep(pair);
    Ok(())
}
