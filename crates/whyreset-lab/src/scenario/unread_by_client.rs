//! The client closes a socket with an answer it never read.

use whyreset_evidence::Certainty;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, SERVER, Stage};
use crate::topology::Host;
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "unread-by-client",
    cause: "unread-data",
    summary: "the client closes with unread data",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        from: "client",
        accused: Accused::Must(CLIENT),
        victim: Some(SERVER),
        cites: &["never read"],
        server: View::Guesses(&[]),
        client: View::Knows(Certainty::Certain),
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.client.expect("send 10", "sent")?;
    pair.server.expect("recv 10", "received")?;
    pair.server.expect("send 3000", "sent")?;
    pair.client.expect("await 3000", "queued")?;
    pair.client.expect("close", "ok")?;
    pair.server.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
