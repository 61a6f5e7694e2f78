//! TCP_LINGER2 is negative: the orphan is reset as soon as its FIN is acknowledged.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "linger2-abort",
    cause: "linger2-abort",
    summary: "TCP_LINGER2 below zero, then close()",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        cites: &["LINGER2"],
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("set linger2=-1", "ok")?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("await-end", "ok")?;
    pair.client.expect("status", "error EPIPE")?;
    stage.keep(pair);
    Ok(())
}
