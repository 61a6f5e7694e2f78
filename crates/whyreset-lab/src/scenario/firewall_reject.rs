//! A rule on the server rejects an open connection with a TCP reset.

use whyreset_evidence::Certainty;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "firewall-reject",
    cause: "firewall-reject",
    summary: "nft `reject with tcp reset` on the server",
    needs: &[Need::Namespaces, Need::Program("nft", "nftables")],
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        party: "firewall",
        from: "between",
        accused: Accused::May(&[]),
        server: View::May(&[]),
        machine: View::Knows(Certainty::Likely),
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    let rules = format!(
        "table inet lab {{ chain input {{ type filter hook input priority 0; tcp dport {} reject with tcp reset; }}; }}\n",
        pair.address.port()
    );
    stage.at(End::Server)?.run("nft", &["-f", "-"], &rules)?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}
