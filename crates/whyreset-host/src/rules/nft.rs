//! nftables: the ruleset as `nft -j` tells it, quoted as `nft -a` prints it. An expression that is not
//! understood is a perhaps, never a yes or a no.

mod ask;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use self::ask::Sets;
pub(super) use self::ask::within;
use super::tri::Tri;
use super::walk::{Chain, Question, Rule, Verdict};
use super::{Base, Hook, tool};

/// Chains within chains while they are put together.
const DEPTH: usize = 16;

/// A chain's place: family, table, name.
type Place = (String, String, String);

/// `without_iptables`: leaves out what iptables-nft made, where its own tool tells it better.
pub(super) fn read(without_iptables: bool) -> Result<Vec<Base>, String> {
    // A large ruleset takes the tool long: as data and as text at the same time.
    let (json, text) = std::thread::scope(|scope| {
        // The elements of named sets are not asked twice; nft before 0.9.2 tells them all the same.
        let text = scope.spawn(|| {
            tool::run("nft", &["-a", "-s", "-t", "list", "ruleset"])
                .or_else(|_| tool::run("nft", &["-a", "-s", "list", "ruleset"]))
        });
        let json = tool::run("nft", &["-j", "-a", "list", "ruleset"]);
        let text = text.join().unwrap_or_else(|_| Err("nft was not read".to_owned()));
        (json, text)
    });
    parse(&json?, &String::from_utf8_lossy(&text?), without_iptables)
}

fn parse(json: &[u8], text: &str, without_iptables: bool) -> Result<Vec<Base>, String> {
    let value: Value = serde_json::from_slice(json).map_err(|error| format!("nft -j: {error}"))?;
    let items = value
        .get("nftables")
        .and_then(Value::as_array)
        .ok_or("nft -j printed no ruleset")?;
    let mut ruleset = Ruleset {
        quotes: quotes(text),
        ..Ruleset::default()
    };
    for item in items {
        if let Some(chain) = item.get("chain") {
            if !(without_iptables && is_iptables(chain)) {
                ruleset.chains.push(chain);
            }
        } else if let Some(rule) = item.get("rule") {
            ruleset.rules.entry(place(rule, "chain")).or_default().push(rule);
        } else if let Some(set) = item.get("set").or_else(|| item.get("map")) {
            ruleset.sets.take(set);
        }
    }
    Ok(ruleset.bases())
}

/// The tables and chains that iptables-nft makes.
fn is_iptables(chain: &Value) -> bool {
    const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];
    matches!(word(chain, "family"), "ip" | "ip6")
        && TABLES.contains(&word(chain, "table"))
        && CHAINS.contains(&word(chain, "name"))
}

#[derive(Default)]
struct Ruleset<'a> {
    chains: Vec<&'a Value>,
    rules: HashMap<Place, Vec<&'a Value>>,
    sets: Sets,
    quotes: HashMap<(Place, u64), String>,
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn place(value: &Value, name: &str) -> Place {
    let part = |key| word(value, key).to_owned();
    (part("family"), part("table"), part(name))
}

impl Ruleset<'_> {
    fn bases(&self) -> Vec<Base> {
        let mut built = HashMap::new();
        let mut bases = Vec::new();
        for chain in &self.chains {
            let hook = match word(chain, "hook") {
                "ingress" | "prerouting" => Hook::Early,
                "input" => Hook::Input,
                "forward" => Hook::Forward,
                "output" => Hook::Output,
                "postrouting" | "egress" => Hook::Late,
                _ => continue,
            };
            let family = word(chain, "family");
            // A bridge sends on what is for others before IP does, and a device's own chains come first.
            let hook = match (family, hook) {
                ("bridge" | "netdev", Hook::Input | Hook::Forward) => Hook::Early,
                (_, hook) => hook,
            };
            let at = place(chain, "name");
            let mut base = self.chain(&at, &mut built, 0);
            if word(chain, "policy") == "drop" {
                base.drops_the_rest = Some(format!("{} {} {}: policy drop", at.0, at.1, at.2));
            }
            bases.push(Base {
                hook,
                v6: match family {
                    "ip" => Some(false),
                    "ip6" => Some(true),
                    _ => None,
                },
                priority: chain.get("prio").and_then(Value::as_i64).unwrap_or(0),
                chain: base,
            });
        }
        bases
    }

    fn chain(&self, at: &Place, built: &mut HashMap<Place, Chain>, depth: usize) -> Chain {
        if let Some(chain) = built.get(at) {
            return chain.clone();
        }
        let rules = self.rules.get(at).map(Vec::as_slice).unwrap_or_default();
        let rules = rules
            .iter()
            .map(|rule| self.rule(at, rule, built, depth))
            .collect();
        let chain = Chain {
            rules: Arc::new(rules),
            drops_the_rest: None,
        };
        built.insert(at.clone(), chain.clone());
        chain
    }

    fn rule(&self, at: &Place, rule: &Value, built: &mut HashMap<Place, Chain>, depth: usize) -> Rule {
        let handle = rule.get("handle").and_then(Value::as_u64).unwrap_or(0);
        let quote = self.quotes.get(&(at.clone(), handle)).map_or("", String::as_str);
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
                "xt" => xt(body, &mut asks, &mut verdict, quote),
                _ => verdict = self.verdict(at, kind, body, built, depth),
            }
        }
        let (family, table, chain) = at;
        Rule {
            text: format!("{family} {table} {chain} handle {handle}: {quote}"),
            asks,
            verdict,
            packets,
        }
    }

    fn verdict(
        &self,
        at: &Place,
        kind: &str,
        body: &Value,
        built: &mut HashMap<Place, Chain>,
        depth: usize,
    ) -> Verdict {
        let target = |built: &mut HashMap<Place, Chain>| {
            let name = body.get("target").and_then(Value::as_str).unwrap_or_default();
            let to = (at.0.clone(), at.1.clone(), name.to_owned());
            (depth < DEPTH).then(|| self.chain(&to, built, depth + 1))
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
            "jump" => target(built).map_or(Verdict::Unknown, Verdict::Jump),
            "goto" => target(built).map_or(Verdict::Unknown, Verdict::Goto),
            "vmap" => self.choose(at, body, built, depth),
            _ => Verdict::Unknown,
        }
    }

    fn choose(&self, at: &Place, body: &Value, built: &mut HashMap<Place, Chain>, depth: usize) -> Verdict {
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
                    self.verdict(at, kind, body, built, depth + 1)
                });
            ways.push((question, verdict));
        }
        Verdict::Choose(ways)
    }
}

/// Extensions of iptables within nftables: what they ask is told elsewhere, by `iptables-save`.
fn xt(body: &Value, asks: &mut Vec<Question>, verdict: &mut Verdict, quote: &str) {
    match (word(body, "type"), word(body, "name")) {
        ("target", "REJECT") if quote.contains("tcp reset") || quote.contains("tcp-reset") => {
            *verdict = Verdict::Reset;
        }
        ("target", "REJECT") => *verdict = Verdict::PerhapsReset,
        ("target", "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CT" | "SET") => {}
        ("target", _) => *verdict = Verdict::Unknown,
        _ => asks.push(Box::new(|_| Tri::Perhaps)),
    }
}

/// The rules as `nft -a` prints them, by place and handle.
fn quotes(text: &str) -> HashMap<(Place, u64), String> {
    let mut out = HashMap::new();
    let (mut table, mut chain) = (None, None);
    for line in text.lines() {
        let (body, handle) = match line.rsplit_once("# handle ") {
            Some((body, handle)) => (body.trim(), handle.trim().parse().ok()),
            None => (line.trim(), None),
        };
        let mut words = body.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("table"), Some(family), Some(name)) if body.ends_with('{') => {
                table = Some((family.to_owned(), name.to_owned()));
            }
            (Some("chain"), Some(name), _) if body.ends_with('{') => chain = Some(name.to_owned()),
            (Some("}"), None, _) if chain.is_some() => chain = None,
            _ => {
                if let (Some(handle), Some((family, table)), Some(chain)) = (handle, &table, &chain) {
                    let place = (family.clone(), table.clone(), chain.clone());
                    out.insert((place, handle), body.to_owned());
                }
            }
        }
    }
    out
}

#[cfg(test)]
#[path = "nft_tests.rs"]
mod tests;
