//! The map of ARCHITECTURE.md against what the crates really import. The page is read, not copied,
//! so that neither can drift from the other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{DependencyKind, Metadata};

/// The product's name, and the first part of its crates' names.
const PRODUCT: &str = "whyreset";

/// What the page says.
pub struct Map {
    /// Crate, and the crates of the workspace that it may use.
    may: BTreeMap<String, BTreeSet<String>>,
    pure: Vec<String>,
}

/// What a crate imports, in builds for use.
#[derive(Default)]
pub struct Imports {
    ours: BTreeSet<String>,
    external: BTreeSet<String>,
}

impl Map {
    pub fn parse(page: &str) -> Result<Self> {
        let table = page
            .split_once("\n## The map\n")
            .context("ARCHITECTURE.md has no section `The map`")?
            .1;
        let rows = table.lines().take_while(|line| !line.starts_with("## "));
        let rows: Vec<Vec<&str>> = rows
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.split('|').map(str::trim).collect())
            .collect();
        let names: Vec<&str> = rows.iter().map(|row| row[1].trim_matches('`')).collect();
        ensure!(!names.is_empty(), "the map of ARCHITECTURE.md has no rows");
        let mut may = BTreeMap::new();
        for (row, name) in rows.iter().zip(&names) {
            let words = row
                .get(3)
                .with_context(|| format!("{name} has no column `may use`"))?;
            may.insert((*name).to_owned(), allowed(name, words, &names)?);
        }
        Ok(Self {
            may,
            pure: pure(page)?,
        })
    }

    /// The crates without any dependency from outside, clock, file or thread.
    pub fn pure(&self) -> &[String] {
        &self.pure
    }

    /// Where crates and page differ.
    pub fn complaints(&self, crates: &BTreeMap<String, Imports>) -> Vec<String> {
        let mut found = Vec::new();
        for (name, imports) in crates {
            let Some(may) = self.may.get(name) else {
                found.push(format!("{name}: not on the map of ARCHITECTURE.md"));
                continue;
            };
            for other in imports.ours.difference(may) {
                found.push(format!(
                    "{name}: uses {other}, which the map of ARCHITECTURE.md does not grant"
                ));
            }
            if self.pure.contains(name) {
                let outside = imports.external.iter();
                found.extend(outside.map(|other| format!("{name}: is pure and yet depends on {other}")));
            }
        }
        let gone = self.may.keys().filter(|name| !crates.contains_key(*name));
        found.extend(
            gone.map(|name| format!("{name}: on the map of ARCHITECTURE.md, but there is no such crate")),
        );
        found
    }
}

/// `–` is none, `all` is every crate of the product, else short names.
fn allowed(name: &str, words: &str, names: &[&str]) -> Result<BTreeSet<String>> {
    let product = |other: &&&str| other.starts_with(PRODUCT) && **other != name;
    match words {
        "–" => Ok(BTreeSet::new()),
        "all" => Ok(names
            .iter()
            .filter(product)
            .map(|&other| other.to_owned())
            .collect()),
        list => list.split(", ").map(|word| full(word, names)).collect(),
    }
}

fn full(word: &str, names: &[&str]) -> Result<String> {
    let full = format!("{PRODUCT}-{word}");
    if names.contains(&full.as_str()) {
        return Ok(full);
    }
    bail!("the map of ARCHITECTURE.md grants {word:?}, and has no row for {full}")
}

fn pure(page: &str) -> Result<Vec<String>> {
    let rest = page
        .split_once("| pure crates (")
        .context("ARCHITECTURE.md names no `pure crates (...)`")?
        .1;
    let list = rest
        .split_once(')')
        .context("the list of pure crates does not end")?
        .0;
    Ok(list.split(", ").map(|word| format!("{PRODUCT}-{word}")).collect())
}

/// What every crate of the workspace imports; tests may use more.
pub fn imports(metadata: &Metadata) -> BTreeMap<String, Imports> {
    let ours: BTreeSet<String> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let mut crates = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let mut imports = Imports::default();
        let used = package
            .dependencies
            .iter()
            .filter(|one| one.kind != DependencyKind::Development);
        for name in used.map(|one| one.name.clone()) {
            let side = if ours.contains(&name) {
                &mut imports.ours
            } else {
                &mut imports.external
            };
            side.insert(name);
        }
        crates.insert(package.name.to_string(), imports);
    }
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A\n\n## The map\n\n| crate | its room | may use | must never |\n|---|---|---|---|\n\
        | `whyreset-evidence` | r | – | n |\n| `whyreset-causes` | r | evidence | n |\n\
        | `whyreset` | r | all | n |\n| `xtask` | r | – | n |\n\n## Invariants\n\n\
        | pure crates (evidence, causes) have none | g |\n";

    fn crates(list: &[(&str, &[&str], &[&str])]) -> BTreeMap<String, Imports> {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let one = |(name, ours, external): &(&str, &[&str], &[&str])| {
            (
                (*name).to_owned(),
                Imports {
                    ours: set(ours),
                    external: set(external),
                },
            )
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn the_map_holds() {
        let good = crates(&[
            ("whyreset-evidence", &[], &[]),
            ("whyreset-causes", &["whyreset-evidence"], &[]),
            ("whyreset", &["whyreset-evidence", "whyreset-causes"], &["clap"]),
            ("xtask", &[], &["anyhow"]),
        ]);
        assert_eq!(Map::parse(PAGE).unwrap().complaints(&good), [""; 0]);
    }

    #[test]
    fn each_breach_is_told() {
        let bad = crates(&[
            ("whyreset-evidence", &["whyreset-causes"], &["serde"]),
            ("whyreset-causes", &["whyreset-evidence"], &[]),
            ("whyreset-new", &[], &[]),
            ("whyreset", &[], &[]),
        ]);
        let found = Map::parse(PAGE).unwrap().complaints(&bad);
        assert_eq!(found.len(), 4, "{found:#?}");
    }

    #[test]
    fn a_page_without_its_tables_is_an_error() {
        assert!(Map::parse("# A\n").is_err());
        assert!(Map::parse(&PAGE.replace("pure crates", "crates")).is_err());
        assert!(Map::parse(&PAGE.replace("| evidence |", "| evidnce |")).is_err());
    }
}
