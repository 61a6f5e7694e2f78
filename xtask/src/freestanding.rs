//! `cargo xtask freestanding`: the pure crates linked into a program that has no operating system's
//! help, neither C nor standard library, and run. It decodes, follows and judges. Refuses to pass
//! where one of them needs more.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::sh;
use crate::steps::Outcome;

const PROGRAM: &str = include_str!("freestanding/main.rs.txt");

/// Builds and runs the program.
pub fn run() -> Result<Outcome> {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        return Ok(Outcome::Skipped(
            "the program that shows it is written for x86-64 Linux".to_owned(),
        ));
    }
    let folder = tempfile::tempdir().context("no place for the program")?;
    let crates = sh::root().join("crates");
    let mut dependencies = String::new();
    for name in ["evidence", "wire", "flow", "causes"] {
        let path = crates.join(format!("whyreset-{name}"));
        let path = path.to_str().context("the workspace's path is no text")?;
        // TOML's strings are written as Rust's are.
        writeln!(dependencies, "whyreset-{name} = {{ path = {path:?} }}")?;
    }
    let manifest = format!(
        "[package]\nname = \"freestanding\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\
         [profile.release]\npanic = \"abort\"\nlto = true\n\n[workspace]\n"
    );
    fs::create_dir(folder.path().join("src"))?;
    fs::write(folder.path().join("Cargo.toml"), manifest)?;
    fs::write(folder.path().join("src/main.rs"), PROGRAM)?;
    let flags = "-Clink-arg=-nostdlib -Clink-arg=-nostartfiles -Clink-arg=-static -Crelocation-model=static";
    sh::run(
        sh::cargo(&["build", "--release", "--offline", "--quiet"])
            .current_dir(folder.path())
            .env("RUSTFLAGS", flags)
            .env("CARGO_TARGET_DIR", folder.path().join("target")),
    )?;
    let program = folder.path().join("target/release/freestanding");
    let status = Command::new(&program)
        .status()
        .context("cannot run the program")?;
    ensure!(
        status.success(),
        "the program without an operating system ended with {status}: it did not decode, follow or judge rightly"
    );
    println!("wire, flow, evidence and causes work without an operating system");
    Ok(Outcome::Passed)
}
