//! The TLS goodbye comes after the other end had gone: harmless.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "late-close-notify",
    cause: "write-after-close",
    summary: "a TLS close_notify after close()",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        situation: Some("late-close-notify"),
        benign: true,
        cites: &["TLS"],
        reply: true,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "eof")?;
    let alert = format!("150303001a{}", "5a".repeat(26));
    pair.client
        .expect(&format!("send-hex {alert}; await-end"), "ok")?;
    pair.client.expect("close", "ok")?;
    stage.keep(pair);
    Ok(())
}
