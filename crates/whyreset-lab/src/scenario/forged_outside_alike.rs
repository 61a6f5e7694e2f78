//! A forged reset from the right distance misses the window and is ignored.

use whyreset_evidence::{Certainty, Flags};

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};
use crate::wire::{Craft, Phantom};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "forged-outside-alike",
    cause: "injected-reset",
    summary: "forged RST outside the window, with the TTL of the host: ignored",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        party: "middlebox",
        victim: None,
        from: "between",
        accused: Accused::May(&[]),
        server: View::Silent,
        client: View::Guesses(&[]),
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
    reset.ttl = 64;
    reset.seq = seen.segment.ack.wrapping_sub(100_000);
    forger.say(&reset)?;
    pair.client.expect("pause 200", "ok")?;
    pair.read_all(10)?;
    stage.keep(pair);
    Ok(())
}
