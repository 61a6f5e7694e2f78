//! Rules in the words of their own tool: `nft -a` is asked for the chains of those that are to be told,
//! and of no others, for it takes a long time over a large ruleset.

use std::collections::{HashMap, HashSet};

use super::Place;
use crate::rules::tool;

/// More chains than these are listed with all the others at once.
const CHAINS: usize = 4;

/// What was listed.
#[derive(Default)]
pub(in crate::rules) struct Quotes {
    words: HashMap<(Place, u64), String>,
    listed: HashSet<Place>,
    all: bool,
}

impl Quotes {
    /// Adds its words to each rule that has none; needs the network namespace that they are of. What the
    /// tool does not tell stays without, and so does all where the rules are no longer `the_same` as those
    /// that were read: another may have the handle then.
    pub(in crate::rules) fn add<'a>(
        &mut self,
        rules: impl Iterator<Item = &'a mut String>,
        the_same: impl Fn() -> bool,
    ) {
        let mut missing: Vec<(&mut String, Place, u64)> = rules
            .filter_map(|rule| place(rule).map(|(at, handle)| (rule, at, handle)))
            .collect();
        let chains: HashSet<&Place> = missing.iter().map(|(_, at, _)| at).collect();
        let new: Vec<&Place> = chains
            .difference(&self.listed.iter().collect())
            .copied()
            .collect();
        if !self.all && new.len() > CHAINS {
            self.all = self.list(&["ruleset"], &the_same);
        } else if !self.all {
            let new: Vec<Place> = new.into_iter().cloned().collect();
            for at in new {
                if self.list(&["chain", &at.0, &at.1, &at.2], &the_same) {
                    self.listed.insert(at);
                }
            }
        }
        for (rule, at, handle) in &mut missing {
            if let Some(words) = self.words.get(&(at.clone(), *handle)) {
                **rule = format!("{rule}: {words}");
            }
        }
    }

    /// Whether it was listed as it was when the rules were read.
    fn list(&mut self, what: &[&str], the_same: &impl Fn() -> bool) -> bool {
        if !the_same() {
            return false;
        }
        // The elements of sets are not asked for; nft before 0.9.2 tells them all the same.
        let text = tool::run("nft", &[&["-a", "-s", "-t", "list"], what].concat())
            .or_else(|_| tool::run("nft", &[&["-a", "-s", "list"], what].concat()));
        if !the_same() {
            return false;
        }
        if let Ok(text) = text {
            self.read(&String::from_utf8_lossy(&text));
        }
        true
    }

    /// The rules as `nft -a` prints them.
    pub(super) fn read(&mut self, text: &str) {
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
                        self.words.insert((place, handle), body.to_owned());
                    }
                }
            }
        }
    }
}

/// Where a rule is that is told without its words, and its handle.
fn place(rule: &str) -> Option<(Place, u64)> {
    let words: Vec<&str> = rule.split(' ').collect();
    let [family, table, chain, "handle", handle] = words[..] else {
        return None;
    };
    if ![family, table, chain].into_iter().all(is_plain) {
        return None;
    }
    let place = (family.to_owned(), table.to_owned(), chain.to_owned());
    Some((place, handle.parse().ok()?))
}

/// `nft` joins its arguments and reads them as one script, and over netlink a name may hold anything: a
/// name that is more than a word of that language would be a command.
fn is_plain(name: &str) -> bool {
    let mark = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    name.bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && name.bytes().all(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_command_is_never_given_to_the_tool() {
        for rule in [
            "inet t c;flush\truleset handle 4",
            "inet t {add handle 4",
            "inet t \"c\" handle 4",
            "inet t $c handle 4",
            "inet t c\nflush handle 4",
            "inet t -f handle 4",
            "inet t  handle 4",
        ] {
            assert_eq!(place(rule), None, "{rule}");
        }
        let names = ["inet", "my-table.v4", "KUBE_FORWARD/1"].map(str::to_owned);
        assert_eq!(
            place("inet my-table.v4 KUBE_FORWARD/1 handle 4"),
            Some((names.into(), 4))
        );
    }

    #[test]
    fn a_rule_gets_its_words_and_others_stay_as_they_are() {
        let mut quotes = Quotes {
            all: true,
            ..Quotes::default()
        };
        quotes.read("table ip t {\n\tchain c {\n\t\ttcp dport 1 reject with tcp reset # handle 4\n\t}\n}\n");
        let mut rules = [
            "ip t c handle 4",
            "ip t c handle 5",
            "ip t c: policy drop",
            "iptables-legacy filter INPUT rule 2: -A INPUT",
            "ip t c handle x",
        ]
        .map(str::to_owned);
        quotes.add(rules.iter_mut(), || true);
        assert_eq!(rules[0], "ip t c handle 4: tcp dport 1 reject with tcp reset");
        assert_eq!(rules[1], "ip t c handle 5");
        assert_eq!(rules[2], "ip t c: policy drop");
    }
}
