//! Which rules of this network namespace's packet filters can have met a segment: read from the
//! kernel or with their own tools, and held against it in three answers, for much of what a rule asks
//! cannot be known afterwards. Refuses to change a rule, to add one, and to take a perhaps for a yes.

mod changes;
mod generation;
mod iptables;
mod link;
mod nft;
mod resets;
mod settled;
mod tool;
mod tri;
mod walk;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;

use whyreset_evidence::{Flags, Rule, Ruled};

pub use self::changes::Changes;
use self::nft::Quotes;
pub use self::resets::ResetRule;
use self::settled::Settled;
use self::tri::Tri;
use self::walk::{Chain, Found};

/// A segment that netfilter dropped.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// From whom.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// TCP flags.
    pub flags: Flags,
    /// The device that it came in by, or was to leave by; `None` where it had none yet, which is so on
    /// its way out.
    pub device: Option<Device>,
}

/// A network device of the namespace that a segment was dropped in.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// 0 where it is not known.
    pub index: u32,
    /// Empty where it is not known.
    pub name: String,
}

/// The chains that netfilter calls by itself, of every family, with all that they lead to.
pub struct Rules {
    bases: Vec<Base>,
    /// Everything was read: no tool failed, and nothing was left out.
    whole: bool,
    /// Some are of the older iptables, whose changes nobody counts.
    has_legacy: bool,
    /// What nftables counted when they were read; `None` where that does not tell of every change.
    generation: Option<u32>,
    quotes: Quotes,
}

/// A chain that a hook calls.
struct Base {
    hook: Hook,
    /// `None` for both.
    v6: Option<bool>,
    /// Lower ones are asked first.
    priority: i64,
    /// Devices whose segments it is called for; all where there are none.
    devices: Vec<String>,
    chain: Chain,
}

impl Base {
    /// Whether a segment came by a device that it is called for.
    fn sees(&self, dropped: &Dropped) -> Tri {
        let name = dropped.device.as_ref().map_or("", |device| &device.name);
        match name {
            _ if self.devices.is_empty() => Tri::Yes,
            "" => Tri::Perhaps,
            name => Tri::known(self.devices.iter().any(|one| one == name)),
        }
    }

    /// Whether what ends in `end` cannot come here any more. Of equal priority the older is called first,
    /// which is not told; and whether a packet is for this host or for another is not known here.
    fn is_called_after(&self, end: &Self) -> bool {
        match end.hook {
            Hook::Bridge => false,
            hook if hook == self.hook => self.priority > end.priority,
            Hook::Device => true,
            Hook::Early => self.hook > Hook::Early,
            Hook::Output => self.hook > Hook::Output,
            Hook::Late => self.hook == Hook::Leaving,
            Hook::Input | Hook::Forward | Hook::Leaving => false,
        }
    }
}

/// Where in a packet's way a chain is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hook {
    /// As it comes from a device: ingress.
    Device,
    /// On a bridge, whatever the hook's name there.
    Bridge,
    /// Before it is known whether a packet is for this host: prerouting.
    Early,
    /// For this host.
    Input,
    /// For another.
    Forward,
    /// Of this host's own.
    Output,
    /// After all: postrouting.
    Late,
    /// As it goes to a device: egress.
    Leaving,
}

/// Why rules could not be read.
#[derive(Debug)]
pub struct RulesError(String);

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RulesError {}

impl Rules {
    #[cfg(test)]
    fn of(bases: Vec<Base>) -> Self {
        Self {
            bases,
            whole: true,
            has_legacy: false,
            generation: None,
            quotes: Quotes::default(),
        }
    }

    /// Reads those of the calling thread's network namespace; needs CAP_NET_ADMIN, and `iptables-save`
    /// for rules of the legacy tables.
    ///
    /// # Errors
    /// Neither the kernel nor one of the tools could tell anything.
    pub fn read() -> Result<Self, RulesError> {
        let (mut rules, generation) = settled::read(generation::current, Self::read_once)?;
        match generation {
            Settled::At(generation) => rules.generation = generation.filter(|_| !rules.has_legacy),
            Settled::Never => rules.whole = false,
        }
        Ok(rules)
    }

    /// Whether their changes are counted, so that [`Self::are_current`] tells.
    pub const fn count_changes(&self) -> bool {
        self.generation.is_some()
    }

    /// Whether these are still the rules of the calling thread's namespace, as far as that is told.
    pub fn are_current(&self) -> bool {
        self.generation.is_some() && !self.have_changed() && !iptables::is_legacy_in_use()
    }

    /// Whether nftables has counted a change since; the older iptables counts none.
    pub fn have_changed(&self) -> bool {
        !is_still(self.generation)
    }

    fn read_once() -> Result<Self, RulesError> {
        let mut bases = Vec::new();
        let mut troubles = Vec::new();
        let mut read = 0;
        let mut legacy = false;
        let mut take = |part: Result<Vec<Base>, String>| match part {
            Ok(part) => {
                read += 1;
                bases.extend(part);
            }
            Err(why) => troubles.push(why),
        };
        let nft = nft::read(tool::exists("iptables-nft-save"));
        // Their tools are run only where they would tell something.
        let newer = nft.as_ref().map_or(true, |nft| nft.has_iptables);
        let older = iptables::is_legacy_in_use();
        take(nft.map(|nft| nft.bases));
        let iptables = std::thread::scope(|scope| {
            // They wait for the kernel and for each other's processor most of the time.
            [
                ("iptables-legacy-save", false, older),
                ("ip6tables-legacy-save", true, older),
                ("iptables-nft-save", false, newer),
                ("ip6tables-nft-save", true, newer),
            ]
            .into_iter()
            .filter(|(program, _, wanted)| *wanted && tool::exists(program))
            .map(|(program, v6, _)| (program, scope.spawn(move || iptables::read(program, v6))))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|(program, part)| {
                let failed = |_| Err(format!("{program} was not read"));
                (program, part.join().unwrap_or_else(failed))
            })
            .collect::<Vec<_>>()
        });
        for (program, part) in iptables {
            legacy |= program.contains("legacy") && part.as_ref().is_ok_and(|part| !part.is_empty());
            take(part);
        }
        if read == 0 {
            return Err(RulesError(format!(
                "the rules of packet filters cannot be read ({}); install nftables and run as root",
                troubles.join("; ")
            )));
        }
        Ok(Self {
            bases,
            whole: troubles.is_empty(),
            has_legacy: legacy,
            generation: None,
            quotes: Quotes::default(),
        })
    }

    /// How many packets each rule that counts has met, by its text.
    pub fn counters(&self) -> HashMap<String, u64> {
        let mut counters = HashMap::new();
        let mut seen = HashSet::new();
        for base in &self.bases {
            base.chain.count(&mut counters, &mut seen);
        }
        counters
    }

    /// The rules that can have met this segment and dropped it, with or without an answer. Of several
    /// that may have answered it is the one whose counter alone has moved since `before`.
    pub fn about(&self, dropped: &Dropped, before: &HashMap<String, u64>) -> Ruled {
        let mut found = Found::new(self.whole);
        let v6 = dropped.from.is_ipv6();
        let on_its_way_out = dropped.device.is_none();
        let mut bases: Vec<&Base> = self
            .bases
            .iter()
            .filter(|base| base.v6.is_none_or(|of| of == v6))
            .filter(|base| match base.hook {
                Hook::Output => on_its_way_out,
                Hook::Device | Hook::Bridge | Hook::Early | Hook::Input | Hook::Forward => !on_its_way_out,
                Hook::Late | Hook::Leaving => true,
            })
            .collect();
        bases.sort_by_key(|base| (base.hook, base.priority));
        let mut ends: Vec<&Base> = Vec::new();
        for base in bases {
            if ends.iter().any(|end| base.is_called_after(end)) {
                continue;
            }
            if base.chain.walk(dropped, base.sees(dropped), &mut found) {
                ends.push(base);
            }
        }
        let mut ruled = found.ruled();
        let moved = |rule: &Rule| Some(rule.packets? > *before.get(&rule.text)?);
        let counted: Option<Vec<bool>> = ruled.resets.iter().map(moved).collect();
        if let Some(counted) = counted.filter(|all| all.iter().filter(|one| **one).count() == 1) {
            let mut counted = counted.into_iter();
            ruled.resets.retain(|_| counted.next().unwrap_or(false));
            for rule in &mut ruled.resets {
                rule.surely = true;
            }
        }
        ruled
    }

    /// Adds the words of their own tool to rules that are told; run it in the namespace that they are of.
    pub fn quote(&mut self, ruled: &mut Ruled) {
        let told = ruled.resets.iter_mut().chain(&mut ruled.drops);
        let generation = self.generation;
        self.quotes
            .add(told.map(|rule| &mut rule.text), || is_still(generation));
    }
}

/// Whether nftables of the calling thread's namespace counts this still, as far as that is told.
fn is_still(generation: Option<u32>) -> bool {
    generation.is_none() || generation == generation::current()
}
