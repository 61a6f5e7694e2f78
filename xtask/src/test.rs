//! `cargo xtask test`: the project's whole test command, the one that people and `.ci/run` call. The
//! order is from the cheap to the dear; one failure does not hide the next.

use anyhow::Result;

use crate::packages::Readiness;
use crate::steps::{Outcome, Steps};
use crate::{freestanding, fuzz, kernels, object, packages, release, sh, tidy};

/// Every step; whether none failed.
pub fn run() -> bool {
    let mut steps = Steps::default();
    steps.step("packages", || {
        Ok(match packages::ensure()? {
            Readiness::Ready => Outcome::Passed,
            Readiness::Missing(why) => Outcome::Skipped(why),
        })
    });
    steps.step("fmt", || cargo(&["fmt", "--all", "--check"]));
    steps.step("clippy", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])
    });
    steps.step("tidy", || {
        tidy::run()?;
        Ok(Outcome::Passed)
    });
    steps.step("deny", deny);
    steps.step("test", || {
        cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
    });
    steps.step("fuzz", || fuzz::run(fuzz::SECONDS));
    steps.step("freestanding", freestanding::run);
    steps.step("bpf --check", object::check);
    let mut binary = None;
    steps.step("release", || {
        binary = Some(release::build()?);
        Ok(Outcome::Passed)
    });
    steps.step("kernels", || match &binary {
        Some(binary) => kernels::run(&[], binary),
        None => Ok(Outcome::Skipped("no release binary to boot".to_owned())),
    });
    steps.finish()
}

fn cargo(args: &[&str]) -> Result<Outcome> {
    sh::run(&mut sh::cargo(args))?;
    Ok(Outcome::Passed)
}

fn deny() -> Result<Outcome> {
    if sh::find("cargo-deny").is_none() {
        let why =
            "no cargo-deny here (`cargo install cargo-deny`); licences are held by tidy, advisories are not";
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    cargo(&["deny", "check"])
}
