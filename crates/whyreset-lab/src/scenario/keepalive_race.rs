//! A request crosses the server's close of an idle connection on the wire.

use whyreset_evidence::Certainty;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "keepalive-race",
    cause: "keepalive-race",
    summary: "a request crosses the server's close of an idle connection",
    needs: NAMESPACES,
    seconds: 2,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        mechanism: Some("write-after-close"),
        cites: &["5 bytes", "before the client had heard of the FIN"],
        reply: true,
        server: View::Knows(Certainty::Certain),
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("send 20", "sent")?;
    pair.client.expect("recv 20", "received 20")?;
    pair.server.expect("pause 900", "ok")?;
    // The FIN is still on its way, as over a long cable: its retransmission comes after 200 ms.
    let topology = stage.topology()?;
    topology.cut(End::Server)?;
    pair.server.expect("close", "ok")?;
    topology.heal(End::Server)?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
