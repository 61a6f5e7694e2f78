//! The ruleset as the kernel tells it over netlink (NFT_MSG_GETCHAIN, GETRULE, GETSET), in
//! a fraction of the time that its tool takes. Refuses to say whether it changed meanwhile: the number
//! of its generation tells that.

use std::collections::HashMap;
use std::io::{Error, Result};
use std::ops::Range;

use super::attributes::{Attributes, text};
use super::door::{Door, FAMILY, Message};
use super::elements::{Elements, Shape};
use super::expression::{self, Decoded, Named, Names};
use super::{Nft, Place, hook, is_iptables, told, v6};
use crate::rules::Base;
use crate::rules::link::Linker;
use crate::rules::walk::{Chain, Rule};

/// `NFNL_SUBSYS_NFTABLES << 8` and `enum nf_tables_msg_types`.
const NFT_MSG_GETTABLE: u16 = 0x0a01;
const NFT_MSG_GETCHAIN: u16 = 0x0a04;
const NFT_MSG_GETRULE: u16 = 0x0a07;
const NFT_MSG_GETSET: u16 = 0x0a0a;
/// `NFTA_RULE_EXPRESSIONS` and `NFTA_RULE_HANDLE`.
const RULE_EXPRESSIONS: u16 = 4;
const RULE_HANDLE: u16 = 3;
/// Bytes of rules.
const MOST: usize = 256 << 20;

/// Those of the calling thread's network namespace.
pub(super) fn read(without_iptables: bool) -> std::result::Result<Nft, String> {
    Ruleset::read()
        .map(|ruleset| ruleset.nft(without_iptables))
        .map_err(|error| error.to_string())
}

/// A chain that a hook calls, by the number of the hook in its family.
struct Called {
    place: Place,
    number: u32,
    priority: i32,
    drops: bool,
    /// Devices whose segments it is called for; all where there are none.
    devices: Vec<String>,
}

#[derive(Default)]
struct Ruleset {
    called: Vec<Called>,
    /// Messages that hold rules, one after the other, and where those of each chain are.
    messages: Vec<u8>,
    rules: HashMap<Place, Vec<Range<usize>>>,
    sets: HashMap<Place, Named>,
}

impl Ruleset {
    fn read() -> Result<Self> {
        let mut door = Door::open()?;
        let mut ruleset = Self::default();
        let mut sets = Vec::new();
        door.dump(NFT_MSG_GETSET, &[0; FAMILY], |message| {
            // `NFTA_SET_TABLE` and `NFTA_SET_NAME`.
            if let Some(place) = message.place(1, 2) {
                sets.push((message.set(), place, Shape::new(message.attributes)));
            }
        })?;
        // The kernel's own part is the greater one, and done for each who asks.
        let elements = Elements::of(sets);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..elements.readers())
                .map(|_| scope.spawn(|| elements.read()))
                .collect();
            let told = ruleset.read_rules(&mut door);
            for reader in readers {
                let sets = reader
                    .join()
                    .map_err(|_| Error::other("a reader of sets broke off"))??;
                ruleset.sets.extend(sets);
            }
            told
        })?;
        Ok(ruleset)
    }

    /// Chains that are called, and the rules of all.
    fn read_rules(&mut self, door: &mut Door) -> Result<()> {
        let mut asleep = Vec::new();
        door.dump(NFT_MSG_GETTABLE, &[0; FAMILY], |message| {
            const NFTA_TABLE_NAME: u16 = 1;
            const NFTA_TABLE_FLAGS: u16 = 2;
            const NFT_TABLE_F_DORMANT: u32 = 1;
            let flags = message.attributes.number(NFTA_TABLE_FLAGS).unwrap_or(0);
            if flags & NFT_TABLE_F_DORMANT != 0
                && let Some((family, table, _)) = message.place(NFTA_TABLE_NAME, NFTA_TABLE_NAME)
            {
                asleep.push((family, table));
            }
        })?;
        door.dump(NFT_MSG_GETCHAIN, &[0; FAMILY], |message| {
            let awake = |one: &Called| {
                let (family, table, _) = &one.place;
                !asleep.iter().any(|(of, name)| (of, name) == (family, table))
            };
            self.called.extend(called(message).filter(awake));
        })?;
        let mut too_much = false;
        door.dump(NFT_MSG_GETRULE, &[0; FAMILY], |message| {
            // `NFTA_RULE_TABLE` and `NFTA_RULE_CHAIN`.
            if self.messages.len() > MOST {
                too_much = true;
            } else if let Some(place) = message.place(1, 2) {
                let begin = self.messages.len();
                self.messages.extend(message.attributes.0);
                let rules = self.rules.entry(place).or_default();
                rules.push(begin..self.messages.len());
            }
        })?;
        if too_much {
            return Err(Error::other(format!(
                "its rules take more than {} MiB",
                MOST >> 20
            )));
        }
        Ok(())
    }

    fn nft(&self, without_iptables: bool) -> Nft {
        let mut linker = Linker::new();
        let mut nft = Nft::default();
        for called in &self.called {
            let (family, table, chain) = &called.place;
            if is_iptables(family, table, chain) {
                nft.has_iptables = true;
                if without_iptables {
                    continue;
                }
            }
            let Some(hook) = hook(family, hook_name(family, called.number)) else {
                continue;
            };
            let mut chain = self.chain(&called.place, &mut linker).unwrap_or_default();
            if called.drops {
                let (family, table, name) = &called.place;
                chain.drops_the_rest = Some(format!("{family} {table} {name}: policy drop"));
            }
            nft.bases.push(Base {
                hook,
                v6: v6(family),
                priority: called.priority.into(),
                devices: called.devices.clone(),
                chain,
            });
        }
        nft
    }

    fn chain(&self, at: &Place, linker: &mut Linker<Place>) -> Option<Chain> {
        linker.chain(at, |linker| {
            let messages = self.rules.get(at).map(Vec::as_slice).unwrap_or_default();
            messages
                .iter()
                .filter_map(|range| self.messages.get(range.clone()))
                .map(|message| self.rule(at, message, linker))
                .collect()
        })
    }

    fn rule(&self, at: &Place, message: &[u8], linker: &mut Linker<Place>) -> Rule {
        let rule = Attributes(message);
        let mut names = Within {
            ruleset: self,
            at,
            linker,
        };
        // A rule may be empty: then it meets all and does nothing.
        let decoded = rule
            .nested(RULE_EXPRESSIONS)
            .map_or_else(Decoded::default, |expressions| {
                expression::decode(expressions, &mut names)
            });
        Rule {
            text: told(at, rule.long(RULE_HANDLE).unwrap_or(0)),
            asks: decoded.asks,
            verdict: decoded.verdict,
            packets: decoded.packets,
        }
    }
}

/// Names as they are meant in one table.
struct Within<'a> {
    ruleset: &'a Ruleset,
    at: &'a Place,
    linker: &'a mut Linker<Place>,
}

impl Within<'_> {
    fn place(&self, name: &str) -> Place {
        (self.at.0.clone(), self.at.1.clone(), name.to_owned())
    }
}

impl Names for Within<'_> {
    fn set(&self, name: &str) -> Option<Named> {
        self.ruleset.sets.get(&self.place(name)).cloned()
    }

    fn chain(&mut self, name: &str) -> Option<Chain> {
        let place = self.place(name);
        self.ruleset.chain(&place, self.linker)
    }

    fn v6(&self) -> bool {
        v6(&self.at.0) == Some(true)
    }
}

fn called(message: Message<'_>) -> Option<Called> {
    const NFTA_CHAIN_TABLE: u16 = 1;
    const NFTA_CHAIN_NAME: u16 = 3;
    const NFTA_CHAIN_HOOK: u16 = 4;
    const NFTA_CHAIN_POLICY: u16 = 5;
    const NFTA_HOOK_HOOKNUM: u16 = 1;
    const NFTA_HOOK_PRIORITY: u16 = 2;
    const NFTA_HOOK_DEV: u16 = 3;
    const NFTA_HOOK_DEVS: u16 = 4;
    const NF_DROP: u32 = 0;
    let hook = message.attributes.nested(NFTA_CHAIN_HOOK)?;
    Some(Called {
        place: message.place(NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME)?,
        number: hook.number(NFTA_HOOK_HOOKNUM)?,
        priority: hook.number(NFTA_HOOK_PRIORITY).unwrap_or(0).cast_signed(),
        drops: message.attributes.number(NFTA_CHAIN_POLICY) == Some(NF_DROP),
        devices: match hook.nested(NFTA_HOOK_DEVS) {
            Some(devices) => devices.all().map(|(_, name)| text(name)).collect(),
            None => hook.text(NFTA_HOOK_DEV).into_iter().collect(),
        },
    })
}

/// `NF_INET_*` and `NF_NETDEV_*` as nft names them.
fn hook_name(family: &str, number: u32) -> &'static str {
    match (family, number) {
        ("netdev", 0) | (_, 5) => "ingress",
        ("netdev", 1) => "egress",
        (_, 0) => "prerouting",
        (_, 1) => "input",
        (_, 2) => "forward",
        (_, 3) => "output",
        (_, 4) => "postrouting",
        _ => "",
    }
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
