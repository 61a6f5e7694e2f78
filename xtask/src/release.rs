//! `cargo xtask release`: the static binary that runs on a machine with nothing installed, and the
//! proof that it is static and small. Signs and uploads nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{elf, sh};

/// A named target is a must: without it the flags would reach procedural macros, which must be shared.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Static; and small: the pointers that the loader moves packed to a bit each, equal code once, and no
/// index of unwind tables, which a program that aborts on panic never asks.
const FLAGS: &str = "-Ctarget-feature=+crt-static \
    -Clink-arg=-Wl,-z,pack-relative-relocs,--icf=all,-O2,--no-eh-frame-hdr";
/// Bytes.
const LIMIT: u64 = 8_000_000;

/// Builds it, checks it, gives its path.
pub fn build() -> Result<PathBuf> {
    let mut command = sh::cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "whyreset",
        "--target",
        TARGET,
    ]);
    sh::run(command.env("RUSTFLAGS", FLAGS))?;
    let binary = target_folder()?.join(TARGET).join("release/whyreset");
    let bytes = std::fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let size = bytes.len() as u64;
    println!("{}: {size} bytes of at most {LIMIT}", binary.display());
    ensure!(size <= LIMIT, "the binary has {size} bytes, more than {LIMIT}");
    if elf::interpreter(&bytes)? {
        bail!(
            "{} asks for a dynamic loader; it must be static",
            binary.display()
        );
    }
    println!("static: no PT_INTERP");
    says_what_is_wrong(&binary)?;
    Ok(binary)
}

/// Whether it tells an error although backtraces are asked for, for which it has no tables.
fn says_what_is_wrong(binary: &Path) -> Result<()> {
    let output = Command::new(binary)
        .args(["read", "no-such-capture"])
        .env("RUST_BACKTRACE", "1")
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(2) && said.contains("no-such-capture"),
        "with RUST_BACKTRACE=1 it ended with {} and said {said:?}",
        output.status
    );
    Ok(())
}

fn target_folder() -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(sh::root())
        .no_deps()
        .exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}
