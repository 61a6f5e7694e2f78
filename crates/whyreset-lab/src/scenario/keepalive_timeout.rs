//! The path dies; the server's keepalive probes stay unanswered.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "keepalive-timeout",
    cause: "keepalive-timeout",
    summary: "keepalive probes unanswered",
    needs: NAMESPACES,
    seconds: 5,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        // The owner gets ETIMEDOUT; the reset itself is for a peer that may never see it.
        outcome: &["timeout", "reset"],
        reply: false,
        victim: None,
        client: View::Silent,
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("set keepalive=1", "ok")?;
    stage.topology()?.cut(End::Server)?;
    pair.server.expect("recv 1", "error ETIMEDOUT")?;
    stage.keep(pair);
    Ok(())
}
