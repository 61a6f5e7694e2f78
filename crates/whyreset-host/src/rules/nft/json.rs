//! The ruleset as `nft -j` prints it.

use std::collections::HashMap;

use serde_json::Value;

use super::ask::{self, Sets};
use super::{Nft, Place, hook, is_iptables, passes, told, v6};
use crate::rules::link::Linker;
use crate::rules::tri::Tri;
use crate::rules::walk::{Chain, Question, Rule, Verdict};
use crate::rules::{Base, tool};

/// `without_iptables`: leaves out what iptables-nft made, where its own tool tells it better.
pub(super) fn read(without_iptables: bool) -> Result<Nft, String> {
    parse(
        &tool::run("nft", &["-j", "-a", "list", "ruleset"])?,
        without_iptables,
    )
}

fn parse(json: &[u8], without_iptables: bool) -> Result<Nft, String> {
    let value: Value = serde_json::from_slice(json).map_err(|error| format!("nft -j: {error}"))?;
    let items = value
        .get("nftables")
        .and_then(Value::as_array)
        .ok_or("nft -j printed no ruleset")?;
    let mut ruleset = Ruleset::default();
    let mut has_iptables = false;
    let mut asleep = Vec::new();
    for item in items {
        if let Some(table) = item.get("table") {
            if table
                .get("flags")
                .is_some_and(|flags| words(flags).iter().any(|flag| flag == "dormant"))
            {
                asleep.push((word(table, "family"), word(table, "name")));
            }
        } else if let Some(chain) = item.get("chain") {
            if asleep.contains(&(word(chain, "family"), word(chain, "table"))) {
                continue;
            }
            let (family, table, name) = &place(chain, "name");
            let iptables = is_iptables(family, table, name);
            has_iptables |= iptables;
            if !(without_iptables && iptables) {
                ruleset.chains.push(chain);
            }
        } else if let Some(rule) = item.get("rule") {
            ruleset.rules.entry(place(rule, "chain")).or_default().push(rule);
        } else if let Some(set) = item.get("set").or_else(|| item.get("map")) {
            ruleset.sets.take(set);
        }
    }
    Ok(Nft {
        bases: ruleset.bases(),
        has_iptables,
    })
}

#[derive(Default)]
struct Ruleset<'a> {
    chains: Vec<&'a Value>,
    rules: HashMap<Place, Vec<&'a Value>>,
    sets: Sets,
}

pub(super) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// One word, or a list of them.
fn words(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    match value.as_array() {
        Some(all) => all.iter().filter_map(one).collect(),
        None => one(value).into_iter().collect(),
    }
}

pub(super) fn place(value: &Value, name: &str) -> Place {
    let part = |key| word(value, key).to_owned();
    (part("family"), part("table"), part(name))
}

impl Ruleset<'_> {
    fn bases(&self) -> Vec<Base> {
        let mut linker = Linker::new();
        let mut bases = Vec::new();
        for chain in &self.chains {
            let family = word(chain, "family");
            let Some(hook) = hook(family, word(chain, "hook")) else {
                continue;
            };
            let at = place(chain, "name");
            let mut base = self.chain(&at, &mut linker).unwrap_or_default();
            if word(chain, "policy") == "drop" {
                base.drops_the_rest = Some(format!("{} {} {}: policy drop", at.0, at.1, at.2));
            }
            bases.push(Base {
                hook,
                v6: v6(family),
                priority: chain.get("prio").and_then(Value::as_i64).unwrap_or(0),
                devices: chain.get("dev").map(words).unwrap_or_default(),
                chain: base,
            });
        }
        bases
    }

    fn chain(&self, at: &Place, linker: &mut Linker<Place>) -> Option<Chain> {
        linker.chain(at, |linker| {
            let rules = self.rules.get(at).map(Vec::as_slice).unwrap_or_default();
            rules.iter().map(|rule| self.rule(at, rule, linker)).collect()
        })
    }

    fn rule(&self, at: &Place, rule: &Value, linker: &mut Linker<Place>) -> Rule {
        let handle = rule.get("handle").and_then(Value::as_u64).unwrap_or(0);
        let mut asks = Vec::new();
        let mut verdict = Verdict::Continue;
        let mut packets = None;
        let expressions = rule.get("expr").and_then(Value::as_array);
        for expression in expressions.map(Vec::as_slice).unwrap_or_default() {
            let Some((kind, body)) = expression.as_object().and_then(|object| object.iter().next()) else {
                verdict = Verdict::Unknown;
                continue;
            };
            match kind.as_str() {
                "match" => asks.push(ask::holds(body, &self.sets, at)),
                "counter" => packets = body.get("packets").and_then(Value::as_u64),
                "log" | "comment" | "mangle" | "notrack" | "ct helper" | "flow" | "set" | "map" | "meta"
                | "last" => {}
                "limit" | "quota" | "ct count" | "connlimit" | "tproxy" | "synproxy" => {
                    asks.push(Box::new(|_| Tri::Perhaps));
                }
                "xt" => xt(body, &mut asks, &mut verdict),
                _ => verdict = self.verdict(at, kind, body, linker),
            }
        }
        Rule {
            text: told(at, handle),
            asks,
            verdict,
            packets,
        }
    }

    fn verdict(&self, at: &Place, kind: &str, body: &Value, linker: &mut Linker<Place>) -> Verdict {
        let target = |linker: &mut Linker<Place>| {
            let to = (at.0.clone(), at.1.clone(), word(body, "target").to_owned());
            self.chain(&to, linker)
        };
        match kind {
            "accept" | "queue" | "dup" | "fwd" | "dnat" | "snat" | "masquerade" | "redirect" => {
                Verdict::Accept
            }
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "return" => Verdict::Return,
            "reject" if word(body, "type") == "tcp reset" => Verdict::Reset,
            "reject" => Verdict::Refuse,
            "jump" => target(linker).map_or(Verdict::Unknown, Verdict::Jump),
            "goto" => target(linker).map_or(Verdict::Unknown, Verdict::Goto),
            "vmap" => self.choose(at, body, linker),
            _ => Verdict::Unknown,
        }
    }

    fn choose(&self, at: &Place, body: &Value, linker: &mut Linker<Place>) -> Verdict {
        let (Some(key), Some(data)) = (body.get("key"), body.get("data")) else {
            return Verdict::Unknown;
        };
        let Some(elements) = self.sets.elements(data, at) else {
            return Verdict::Unknown;
        };
        let mut ways = Vec::new();
        for element in elements.iter() {
            let Some([wanted, verdict]) = element.as_array().map(Vec::as_slice) else {
                return Verdict::Unknown;
            };
            let question: Question = ask::equals(key, wanted, &self.sets, at);
            let verdict = verdict
                .as_object()
                .and_then(|object| object.iter().next())
                .map_or(Verdict::Unknown, |(kind, body)| {
                    self.verdict(at, kind, body, linker)
                });
            ways.push((question, verdict));
        }
        Verdict::Choose(ways)
    }
}

/// Extensions of iptables within nftables: what they ask is told elsewhere, by `iptables-save`.
fn xt(body: &Value, asks: &mut Vec<Question>, verdict: &mut Verdict) {
    match (word(body, "type"), word(body, "name")) {
        ("target", "REJECT") => *verdict = Verdict::PerhapsReset,
        ("target", name) if passes(name.as_bytes()) => {}
        ("target", _) => *verdict = Verdict::Unknown,
        _ => asks.push(Box::new(|_| Tri::Perhaps)),
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
