//! Puts chains together, each once, however many rules lead to it. Refuses to follow chains without
//! end.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::walk::{Chain, DEPTH, Rule};

/// Chains that are put together, by what they are known by.
pub(super) struct Linker<K> {
    built: HashMap<K, Chain>,
    depth: usize,
}

impl<K: Hash + Eq + Clone> Linker<K> {
    pub(super) fn new() -> Self {
        Self {
            built: HashMap::new(),
            depth: 0,
        }
    }

    /// The chain, made of what `rules` gives unless it was before; `None` where it lies too deep.
    pub(super) fn chain(&mut self, key: &K, rules: impl FnOnce(&mut Self) -> Vec<Rule>) -> Option<Chain> {
        if let Some(chain) = self.built.get(key) {
            return Some(chain.clone());
        }
        if self.depth > DEPTH {
            return None;
        }
        self.depth += 1;
        let rules = rules(self);
        self.depth -= 1;
        let chain = Chain {
            rules: Arc::new(rules),
            drops_the_rest: None,
        };
        self.built.insert(key.clone(), chain.clone());
        Some(chain)
    }
}
