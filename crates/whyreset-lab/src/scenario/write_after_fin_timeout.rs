//! The client writes after the server forgot the half-closed connection.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "write-after-fin-timeout",
    cause: "write-after-close",
    summary: "data after tcp_fin_timeout of the closer",
    needs: NAMESPACES,
    seconds: 4,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        client: View::Guesses(&["write-after-close"]),
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    stage.at(End::Server)?.sysctl("net.ipv4.tcp_fin_timeout", "1")?;
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "eof")?;
    pair.client.expect("pause 2500", "ok")?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("await-end", "ok")?;
    pair.client.expect("send 5", "error EPIPE")?;
    stage.keep(pair);
    Ok(())
}
