//! The server shuts down both ways and keeps the descriptor; the client writes.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "shutdown-then-data",
    cause: "write-after-close",
    summary: "data after shutdown(SHUT_RDWR)",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        cites: &["both ways"],
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("shutdown both", "ok")?;
    pair.client.expect("recv 1", "eof")?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("await-end", "ok")?;
    pair.client.expect("send 5", "error EPIPE")?;
    stage.keep(pair);
    Ok(())
}
