//! An injector sends three resets in one breath, each farther up the numbers, from another distance
//! than the host whose name it uses; the headers are read from the wire.

use whyreset_evidence::{Certainty, Flags};

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};
use crate::wire::{Craft, Phantom};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "forged-thrice-far",
    cause: "injected-reset",
    summary: "three forged RSTs in one breath, from another distance",
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
        client: View::Knows(Certainty::Likely),
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
    reset.ttl = 36;
    for ahead in [0, 1_460, 4_380] {
        reset.seq = seen.segment.ack.wrapping_add(ahead);
        forger.say(&reset)?;
    }
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
