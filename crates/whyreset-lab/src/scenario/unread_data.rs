//! The server closes a socket with received bytes it never read.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "unread-data",
    cause: "unread-data",
    summary: "close() with unread data",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: true,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        cites: &["100 bytes received and never read"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.leave_unread(100)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
