//! `cargo xtask kernels`: real kernels, right verdicts. Boots Debian's kernels under qemu with the
//! static binary alone and has its lab make the basic resets inside, then, with the tools for that, those
//! that a bridge and a balancer between two hosts make, which few machines' own kernels can.

mod guest;
mod image;
mod told;

use std::path::Path;

use anyhow::{Result, bail};

use crate::packages;
use crate::steps::Outcome;

const TOOLS: [&str; 9] = [
    "qemu-system-x86_64",
    "busybox",
    "cpio",
    "ip",
    "ipvsadm",
    "nft",
    "apt-get",
    "dpkg-deb",
    "tar",
];

/// Boots the kernels asked for, or all of them.
pub fn run(asked: &[&str], binary: &Path) -> Result<Outcome> {
    let all = image::KERNELS.map(|(version, _)| version);
    if let Some(other) = asked.iter().find(|version| !all.contains(version)) {
        bail!("no kernel {other}; there are {}", all.join(", "));
    }
    if let Some(why) = packages::lacking(&TOOLS) {
        return Ok(Outcome::Skipped(why));
    }
    let (mut wrong, mut skipped) = (Vec::new(), Vec::new());
    for (version, meta) in image::KERNELS {
        if !asked.is_empty() && !asked.contains(&version) {
            continue;
        }
        match one(meta, binary) {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Skipped(why)) => {
                println!("{version} skipped: {why}");
                skipped.push(format!("{version}: {why}"));
            }
            Err(error) => {
                println!("{version} FAILED: {error:#}");
                wrong.push(version);
            }
        }
    }
    if !wrong.is_empty() {
        bail!("wrong on {}; see above", wrong.join(", "));
    }
    if !skipped.is_empty() {
        return Ok(Outcome::Skipped(skipped.join("; ")));
    }
    Ok(Outcome::Passed)
}

fn one(meta: &str, binary: &Path) -> Result<Outcome> {
    let temp = tempfile::tempdir()?;
    let (name, package) = match image::download(meta, temp.path()) {
        Ok(found) => found,
        Err(error) => return Ok(Outcome::Skipped(format!("cannot be had: {error:#}"))),
    };
    println!("booting {name}");
    let kernel = image::extract(&package, temp.path())?;
    let initramfs = guest::pack(binary, &temp.path().join("lib/modules"), temp.path())?;
    println!("{}", told::hold(&guest::boot(&kernel, &initramfs)?)?);
    Ok(Outcome::Passed)
}
