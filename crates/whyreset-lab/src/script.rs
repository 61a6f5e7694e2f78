//! Scenarios of real software: one file of `scenarios/` each, with the files, the commands and the
//! truth. Refuses words that it does not know.

mod document;
mod explain;
mod play;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::Context;
use flate2::read::ZlibDecoder;

use crate::need::Need;
use crate::scenario::{Scenario, Steps};
use crate::topology::Host;

pub use document::Script;

/// The files of `scenarios/`, as the build script packs them.
static FILES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scenarios.z"));

/// All of them, by name. They live as long as the program.
///
/// # Panics
/// One of the files that came with the program is not a scenario: a test reads each.
pub fn all() -> Vec<&'static Scenario> {
    static ALL: LazyLock<Vec<&'static Scenario>> = LazyLock::new(|| {
        let mut text = String::new();
        let read = ZlibDecoder::new(FILES).read_to_string(&mut text);
        assert!(read.is_ok(), "the scenarios came packed with the program");
        let files = text
            .split_terminator('\0')
            .filter_map(|file| file.split_once('\n'));
        files
            .map(|(name, text)| {
                parse(Path::new(name), text).unwrap_or_else(|error| panic!("{name}: {error:#}"))
            })
            .collect()
    });
    ALL.clone()
}

/// A scenario from a file of the user's own.
///
/// # Errors
/// It cannot be read, or says something that no scenario says.
pub fn open(path: &Path) -> anyhow::Result<&'static Scenario> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(path, &text).with_context(|| format!("{} is not a scenario", path.display()))
}

fn parse(path: &Path, text: &str) -> anyhow::Result<&'static Scenario> {
    let id = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let document: document::Document = toml::from_str(text)?;
    let truth = document.truth.leak();
    let needs: Vec<Need> = document
        .needs
        .iter()
        .map(|name| Need::software(name).with_context(|| format!("need.rs knows no software {name:?}")))
        .collect::<anyhow::Result<_>>()?;
    let script = Script {
        client_needs_root: document.client_needs_root,
        file: document.file,
        step: document.step,
    };
    Ok(Box::leak(Box::new(Scenario {
        id: Box::leak(id.to_owned().into_boxed_str()),
        cause: document.truth.cause.clone().leak(),
        summary: document.summary.clone().leak(),
        needs: [Need::Namespaces, Need::Hosts]
            .into_iter()
            .chain(needs)
            .collect::<Vec<_>>()
            .leak(),
        seconds: document.seconds,
        client: Host::Kernel,
        server: Host::Kernel,
        basic: false,
        ipv4_only: document.ipv4_only.map(|why| &*why.leak()),
        steps: Steps::Script(Box::leak(Box::new(script))),
        truth,
    })))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_is_a_scenario() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"));
        assert_eq!(super::all().len(), files.unwrap().count());
    }
}
