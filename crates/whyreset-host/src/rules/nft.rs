//! nftables: the ruleset as the kernel tells it, or as `nft -j` does where the kernel is not
//! understood. An expression that is not understood is a perhaps, never a yes or a no.

mod ask;
mod attributes;
mod door;
mod elements;
mod expression;
mod json;
mod kernel;
mod program;
mod quote;
mod set;

pub(super) use self::ask::within;
pub(super) use self::quote::Quotes;
use super::{Base, Hook};

/// What stands in a family's table by name: family, table, chain or set.
type Place = (String, String, String);

/// What was read.
#[derive(Default)]
pub(super) struct Nft {
    pub(super) bases: Vec<Base>,
    /// Chains that iptables-nft made are there; they are left out where its own tool tells them better.
    pub(super) has_iptables: bool,
}

/// Those of the calling thread's network namespace.
pub(super) fn read(without_iptables: bool) -> Result<Nft, String> {
    kernel::read(without_iptables).or_else(|why| {
        json::read(without_iptables).map_err(|tool| format!("the kernel tells no rules ({why}); {tool}"))
    })
}

/// How a rule is told until its words are known.
fn told(at: &Place, handle: u64) -> String {
    let (family, table, chain) = at;
    format!("{family} {table} {chain} handle {handle}")
}

/// The hook that a chain says it is called by.
fn hook(family: &str, name: &str) -> Option<Hook> {
    Some(match (family, name) {
        (_, "ingress") => Hook::Device,
        (_, "egress") => Hook::Leaving,
        // A bridge sends on what is for others before IP does.
        ("bridge", "prerouting" | "input" | "forward") => Hook::Bridge,
        (_, "prerouting") => Hook::Early,
        (_, "input") => Hook::Input,
        (_, "forward") => Hook::Forward,
        (_, "output") => Hook::Output,
        (_, "postrouting") => Hook::Late,
        _ => return None,
    })
}

/// Whether a family's chains see IPv6 alone, or IPv4; `None` for both.
fn v6(family: &str) -> Option<bool> {
    match family {
        "ip" => Some(false),
        "ip6" => Some(true),
        _ => None,
    }
}

/// The tables and chains that iptables-nft makes.
fn is_iptables(family: &str, table: &str, chain: &str) -> bool {
    const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];
    matches!(family, "ip" | "ip6") && TABLES.contains(&table) && CHAINS.contains(&chain)
}

/// Whether every segment goes on after this target of iptables.
const fn passes(target: &[u8]) -> bool {
    matches!(
        target,
        b"LOG" | b"NFLOG" | b"MARK" | b"CONNMARK" | b"TCPMSS" | b"CT" | b"SET"
    )
}
