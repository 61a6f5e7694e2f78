//! A listener gets an ACK of a connection that its kernel never knew.

use std::net::SocketAddr;

use whyreset_evidence::{Certainty, Flags};

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Truth, View};
use crate::wire::{Craft, Phantom};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "connection-forgotten",
    cause: "connection-forgotten",
    summary: "ACK for an unknown connection",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Phantom,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        victim: None,
        server: View::Knows(Certainty::Possible),
        client: View::Silent,
        machine: View::Knows(Certainty::Possible),
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let (server, address) = stage.listening("")?;
    let mut phantom = Phantom::new(stage.tap(End::Client)?, End::Client);
    let mut stray = Craft::new(
        SocketAddr::new(stage.address(End::Client), 40_404),
        address,
        Flags::ACK,
    );
    (stray.seq, stray.ack) = (1_000_000, 2_000_000);
    phantom.say(&stray)?;
    phantom.hear(Flags::RST, 0)?;
    stage.keep(server);
    Ok(())
}
