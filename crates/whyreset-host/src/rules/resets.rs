//! The rules that answer with a reset, of all that hooks lead to. Refuses to say which segments they
//! meet.

use std::collections::HashSet;

use super::walk::{Chain, Rule, Verdict};
use super::{Rules, is_still};

/// Rules that are told.
const MOST: usize = 1_000;
/// Chains within chains that are looked into; a ruleset made to be slow is cut.
const DEPTH: usize = 16;
const STEPS: usize = 200_000;

/// A rule that answers with a reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetRule {
    /// As its own tool prints it, with table, chain and handle or number.
    pub text: String,
    /// The command that deletes it; `None` where a name in it is not plain.
    pub delete: Option<String>,
    /// Packets that it met, where it counts.
    pub packets: Option<u64>,
}

impl Rules {
    /// The rules that answer with a reset, each once, in the words of their own tool; run it in the
    /// namespace that they are of.
    pub fn resetting(&mut self) -> Vec<ResetRule> {
        let mut look = Look::default();
        for base in &self.bases {
            look.chain(&base.chain, 0);
        }
        let generation = self.generation;
        let told = look.found.iter_mut().map(|rule| &mut rule.text);
        self.quotes.add(told, || is_still(generation));
        look.found
    }

    /// Whether all rules were read.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }
}

#[derive(Default)]
struct Look {
    found: Vec<ResetRule>,
    told: HashSet<String>,
    steps: usize,
}

impl Look {
    fn chain(&mut self, chain: &Chain, depth: usize) {
        for rule in chain.rules.iter() {
            self.steps += 1;
            if self.steps > STEPS || depth > DEPTH {
                return;
            }
            self.verdict(rule, &rule.verdict, depth);
        }
    }

    fn verdict(&mut self, rule: &Rule, verdict: &Verdict, depth: usize) {
        match verdict {
            Verdict::Reset if self.found.len() < MOST && self.told.insert(rule.text.clone()) => {
                self.found.push(ResetRule {
                    delete: delete(&rule.text),
                    text: rule.text.clone(),
                    packets: rule.packets,
                });
            }
            Verdict::Jump(chain) | Verdict::Goto(chain) => self.chain(chain, depth + 1),
            Verdict::Choose(ways) => {
                for (_, verdict) in ways {
                    self.verdict(rule, verdict, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// From `inet t input handle 4: ...` or `iptables-nft filter INPUT rule 2: ...`.
fn delete(text: &str) -> Option<String> {
    let place = text.split(": ").next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
    if !place.chars().all(plain) {
        return None;
    }
    let words: Vec<&str> = place.split(' ').collect();
    match words[..] {
        [family, table, chain, "handle", handle] => Some(format!(
            "nft delete rule {family} {table} {chain} handle {handle}"
        )),
        [tool, table, chain, "rule", number] => Some(format!("{tool} -t {table} -D {chain} {number}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Base, Hook};
    use super::*;

    fn rule(text: &str, verdict: Verdict) -> Rule {
        Rule {
            text: text.to_owned(),
            asks: Vec::new(),
            verdict,
            packets: Some(7),
        }
    }

    fn chain(rules: Vec<Rule>) -> Chain {
        Chain {
            rules: Arc::new(rules),
            drops_the_rest: None,
        }
    }

    #[test]
    fn rules_in_other_chains_are_found_once_and_others_not() {
        let inner = chain(vec![rule(
            "inet t c handle 4: reject with tcp reset",
            Verdict::Reset,
        )]);
        let base = |inner: &Chain| Base {
            hook: Hook::Input,
            v6: None,
            priority: 0,
            devices: Vec::new(),
            chain: chain(vec![
                rule("a", Verdict::Refuse),
                rule("b", Verdict::PerhapsReset),
                rule("c", Verdict::Jump(inner.clone())),
            ]),
        };
        let mut rules = Rules::of(vec![base(&inner), base(&inner)]);
        let found = rules.resetting();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].delete.as_deref(),
            Some("nft delete rule inet t c handle 4")
        );
        assert_eq!(found[0].packets, Some(7));
    }

    #[test]
    fn only_plain_names_make_a_command() {
        for (text, expected) in [
            (
                "iptables-legacy filter INPUT rule 2: -A INPUT -j REJECT",
                Some("iptables-legacy -t filter -D INPUT 2"),
            ),
            ("inet t $(x) handle 4: reject", None),
            ("inet t; c handle 4: reject", None),
            ("", None),
            ("a: b", None),
        ] {
            assert_eq!(delete(text).as_deref(), expected, "{text}");
        }
    }
}
