//! The licence of every package in the dependency tree against the list of deny.toml, so that the
//! rule holds on machines without cargo-deny too. Reads the declared expression, not licence texts.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::Metadata;

/// The licences that deny.toml allows.
pub fn allowed(policy: &str) -> Result<BTreeSet<String>> {
    let policy: toml::Table = policy.parse().context("deny.toml is not TOML")?;
    let list = policy
        .get("licenses")
        .and_then(|table| table.get("allow"))
        .and_then(toml::Value::as_array);
    let list = list.context("deny.toml has no licenses.allow")?;
    Ok(list
        .iter()
        .filter_map(toml::Value::as_str)
        .map(str::to_owned)
        .collect())
}

/// Packages whose licence the list does not cover.
pub fn complaints(metadata: &Metadata, allowed: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for package in &metadata.packages {
        match &package.license {
            Some(expression) if granted(expression, allowed) => {}
            Some(other) => found.push(format!(
                "{}: licence {other} is not covered by deny.toml",
                package.name
            )),
            None => found.push(format!("{}: declares no licence", package.name)),
        }
    }
    found
}

/// Whether an SPDX expression can be met from the list: AND binds closer than OR, `/` is an old OR,
/// and an exception (WITH) is a licence of its own. What cannot be read is not granted.
fn granted(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    any(&mut rest, allowed) == Some(true) && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut met = all(rest, allowed)?;
    while let ["OR", more @ ..] = *rest {
        *rest = more;
        met |= all(rest, allowed)?;
    }
    Some(met)
}

fn all(rest: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    let mut met = one(rest, allowed)?;
    while let ["AND", more @ ..] = *rest {
        *rest = more;
        met &= one(rest, allowed)?;
    }
    Some(met)
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> Option<bool> {
    match *rest {
        ["(", more @ ..] => {
            *rest = more;
            let met = any(rest, allowed)?;
            let [")", more @ ..] = *rest else { return None };
            *rest = more;
            Some(met)
        }
        [name, "WITH", exception, more @ ..] => {
            *rest = more;
            Some(allowed.contains(&format!("{name} WITH {exception}")))
        }
        [name, more @ ..] => {
            *rest = more;
            Some(allowed.contains(*name))
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed = allowed("[licenses]\nallow = [\"MIT\", \"Zlib\"]\n").unwrap();
        for (expression, is) in [
            ("MIT", true),
            ("GPL-2.0", false),
            ("MIT/Apache-2.0", true),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true),
            ("MIT WITH LLVM-exception", false),
            ("(MIT OR Apache-2.0) AND Zlib", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
            ("GPL-2.0 OR MIT AND Zlib", true),
            ("GPL-2.0 AND MIT OR Zlib", true),
            ("(MIT", false),
            ("MIT Zlib", false),
            ("", false),
        ] {
            assert_eq!(granted(expression, &allowed), is, "{expression}");
        }
        assert!(super::allowed("[licenses]\n").is_err());
    }
}
