//! SIGKILL takes a server that had read everything; the client writes on.

use rustix::process::Signal;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "killed-then-written",
    cause: "process-killed",
    summary: "killed with everything read, then written to",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        mechanism: Some("write-after-close"),
        cites: &["SIGKILL"],
        client: View::Guesses(&["write-after-close"]),
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.kill(Signal::KILL)?;
    pair.client.expect("recv 1", "eof")?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("await-end", "ok")?;
    pair.client.expect("send 5", "error EPIPE")?;
    stage.keep(pair);
    Ok(())
}
