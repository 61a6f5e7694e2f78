//! The server closes in good order; the client writes once more.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "write-after-close",
    cause: "write-after-close",
    summary: "data after the server closed",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: true,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        cites: &["5 bytes"],
        client: View::Guesses(&[]),
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "eof")?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("await-end", "ok")?;
    pair.client.expect("send 5", "error EPIPE")?;
    stage.keep(pair);
    Ok(())
}
