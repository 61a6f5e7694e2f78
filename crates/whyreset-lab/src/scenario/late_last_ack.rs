//! Both ends close in good order, and the last acknowledgment comes twice: harmless.

use whyreset_evidence::Flags;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{SERVER, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};
use crate::wire::{Phantom, reply};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "late-last-ack",
    cause: "write-after-close",
    summary: "the last ACK comes again when both ends have closed",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        situation: Some("after-goodbye"),
        benign: true,
        accused: Accused::May(&[SERVER]),
        victim: None,
        client: View::Silent,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    let mut echo = Phantom::new(stage.tap(End::Client)?, End::Client);
    pair.read_all(10)?;
    pair.client.expect("close", "ok")?;
    pair.server.expect("recv 1", "eof")?;
    pair.server.expect("close", "ok")?;
    let fin = echo.hear(Flags::FIN, 0)?;
    pair.server.expect("pause 100", "ok")?;
    // As its kernel does where this FIN comes again.
    echo.say(&reply(&fin, Flags::ACK, fin.segment.ack))?;
    pair.server.expect("pause 100", "ok")?;
    stage.keep(pair);
    Ok(())
}
