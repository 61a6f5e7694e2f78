//! TCP_USER_TIMEOUT ends the connection silently; a late packet is then reset.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "user-timeout",
    cause: "user-timeout",
    summary: "TCP_USER_TIMEOUT, then a late packet",
    needs: NAMESPACES,
    seconds: 6,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        client: View::Guesses(&["connection-forgotten"]),
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("set user-timeout=1000", "ok")?;
    stage.topology()?.cut(End::Server)?;
    pair.server.expect("send 10", "sent")?;
    pair.server.expect("recv 1", "error ETIMEDOUT")?;
    // Long enough that the end and the late packet are two events for any watcher.
    pair.client.expect("pause 1500", "ok")?;
    stage.topology()?.heal(End::Server)?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
