//! The server sets SO_LINGER to 0 s on the accepted socket and closes it.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "linger-abort",
    cause: "linger-abort",
    summary: "SO_LINGER 0 set on the socket",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: true,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        cites: &["SO_LINGER"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("set linger=0", "ok")?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
