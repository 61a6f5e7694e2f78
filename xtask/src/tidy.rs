//! `cargo xtask tidy`: the rules of the tree that the compiler does not know. Each rule gives
//! complaints that name the place and what to do; all are told at once. Changes nothing.

mod licences;
mod map;
mod sources;
mod texts;
mod tree;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::sh;

/// Holds every rule against the tree.
pub fn run() -> Result<()> {
    let root = sh::root();
    let files = tree::read(root)?;
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(root)
        .other_options(["--locked".to_owned()])
        .exec()
        .context("cargo metadata")?;
    let policy = read(root, "deny.toml")?;
    let architecture = read(root, "ARCHITECTURE.md")?;
    let map = map::Map::parse(&architecture)?;

    let mut complaints = texts::missing(root);
    complaints.extend(files.iter().flat_map(texts::complaints));
    complaints.extend(
        files
            .iter()
            .flat_map(|file| sources::complaints(file, map.pure())),
    );
    complaints.extend(sources::stale(&files));
    complaints.extend(map.complaints(&map::imports(&metadata)));
    complaints.extend(licences::complaints(&metadata, &licences::allowed(&policy)?));
    if complaints.is_empty() {
        println!(
            "tidy: {} files, {} packages",
            files.len(),
            metadata.packages.len()
        );
        return Ok(());
    }
    bail!("{} complaints\n{}", complaints.len(), complaints.join("\n"))
}

fn read(root: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        if let Err(error) = super::run() {
            panic!("{error:#}");
        }
    }
}
