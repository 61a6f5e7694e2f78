//! `cargo xtask fuzz`: builds the targets of `fuzz/` with the compiler that builds everything else, and
//! runs each for a while on a copy of its corpus. A crash fails, and its input is kept. Refuses to
//! change the committed corpus.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::steps::Outcome;
use crate::{packages, sh};

/// What packets go through.
const TARGETS: [&str; 3] = ["wire", "flow", "joined"];
/// All of them together, seconds.
pub const SECONDS: u64 = 60;
const MANIFEST: &str = "fuzz/Cargo.toml";
/// A named target is a must: without it the flags would reach build scripts, which lack the runtime.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// What libFuzzer needs to see of a program: counters of its edges, and what it compares.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";
/// Megabytes.
const MEMORY: u32 = 1_024;
/// Bytes of one input: the longest script.
const LONGEST: u32 = 16_384;
/// Seconds that one input may take.
const PATIENCE: u32 = 20;
/// Lines of the log that are shown of a crash.
const SHOWN: usize = 40;

/// Builds the targets and runs each for its share of the time.
pub fn run(seconds: u64) -> Result<Outcome> {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        return Ok(Outcome::Skipped("the flags are held on x86-64 Linux".to_owned()));
    }
    if let Some(why) = packages::lacking(&["c++"]) {
        return Ok(Outcome::Skipped(why));
    }
    sh::run(&mut sh::cargo(&["fmt", "--manifest-path", MANIFEST, "--check"]))?;
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(sh::root())
        .no_deps()
        .exec()?;
    let folder = metadata.target_directory.into_std_path_buf().join("fuzz");
    let mut build = sh::cargo(&["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    build.args(["--target", PLATFORM]);
    build.args(TARGETS.iter().flat_map(|target| ["--bin", target]));
    build.env_remove("CARGO_ENCODED_RUSTFLAGS");
    sh::run(build.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &folder))?;
    // One that crashes must not hide another.
    let share = (seconds / TARGETS.len() as u64).max(1);
    let crashed: Vec<String> = TARGETS
        .iter()
        .filter_map(|target| Some(format!("{:#}", fuzz(&folder, target, share).err()?)))
        .collect();
    if crashed.is_empty() {
        return Ok(Outcome::Passed);
    }
    bail!("{}", crashed.join("\n"));
}

fn fuzz(folder: &Path, target: &str, seconds: u64) -> Result<()> {
    let binary = folder.join(PLATFORM).join("release").join(target);
    let (corpus, crashes) = (folder.join("corpus").join(target), folder.join("crashes"));
    for made in [&corpus, &crashes] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let log = folder.join(format!("{target}.log"));
    let written = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = Command::new(&binary)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-timeout={PATIENCE}"))
        .arg(format!("-artifact_prefix={}/{target}-", crashes.display()))
        // What is found goes into the first folder.
        .args([&corpus, &sh::root().join("fuzz/corpus").join(target)])
        .stderr(written)
        .status()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let bytes = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    println!("{target:<8} {}", summary(&text).unwrap_or("no run was counted"));
    if status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(SHOWN)..] {
        println!("  {line}");
    }
    let input = lines
        .iter()
        .rev()
        .find_map(|line| Some(line.split_once("Test unit written to ")?.1))
        .unwrap_or("none was written");
    bail!(
        "{target} ended with {status}; input: {input}; repeat with `{} INPUT`, mend it, and keep the input in fuzz/corpus/{target}",
        binary.display()
    )
}

/// The last line in which libFuzzer counts: runs, coverage, corpus.
fn summary(log: &str) -> Option<&str> {
    let counts = |line: &&str| line.starts_with('#') && line.contains(" cov: ");
    log.lines().rev().find(counts)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_last_count_is_told() {
        let log =
            "INFO: Seed: 1\n#2\tINITED cov: 8 ft: 8 corp: 1/1b\n#9\tDONE   cov: 50 ft: 80\nDone 9 runs\n";
        assert_eq!(super::summary(log), Some("#9\tDONE   cov: 50 ft: 80"));
        assert_eq!(super::summary("INFO: Seed: 1\n"), None);
    }
}
