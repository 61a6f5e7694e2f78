//! The kernel's own NVMe host gets nonsense in answer to its first message, and aborts.

use std::net::SocketAddr;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::nvme;
use crate::stage::{SERVER, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "nvme-host-refused",
    cause: "linger-abort",
    summary: "the kernel's NVMe host gets a wrong answer and lets go",
    needs: &[Need::Namespaces, Need::NvmeTcp],
    seconds: 2,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        situation: Some("kernel-socket"),
        party: "kernel",
        from: "client",
        accused: Accused::May(&[]),
        victim: Some(SERVER),
        cites: &[
            "SO_LINGER",
            "the kernel itself uses",
            "asked for it",
            "NVMe over TCP",
        ],
        server: View::Guesses(&[]),
        client: Truth::BY_SERVER.server,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let address = SocketAddr::new(stage.address(End::Server), nvme::PORT);
    let mut server = stage.actor(End::Server, SERVER)?;
    server.expect(&format!("listen {address}"), "listening")?;
    stage.is_about(address);
    let place = stage.at(End::Client)?;
    std::thread::scope(|scope| {
        let connecting = scope.spawn(|| nvme::connect(place, address));
        server.expect("accept", "accepted")?;
        server.expect("await 128", "queued")?;
        server.expect("recv 128", "received")?;
        server.expect("send 128", "sent")?;
        match connecting.join() {
            Ok(Err(_)) => Ok(()),
            Ok(Ok(())) => anyhow::bail!("the kernel took nonsense for an answer"),
            Err(_) => anyhow::bail!("the thread that connects panicked"),
        }
    })?;
    stage.keep(server);
    Ok(())
}
