//! `cargo xtask bench read`: how fast captures are read, and in how much memory. Ratios to other
//! programs on the same captures in one run; nothing is asserted, because a busy machine is no
//! fault of the product. Captures are made here and leave nothing behind.

mod entrants;
mod ground;
mod make;
mod memory;
mod minimal;
mod options;
mod run;
mod sys;
mod table;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use self::entrants::{Entrant, Role};
use self::ground::Capture;
use self::make::Kind;
use self::options::{Options, Task};
use self::run::Took;
use self::table::Row;
use crate::sh;

pub use self::minimal::run as minimal;

/// Does what the words ask for.
pub fn run(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    if cfg!(debug_assertions) {
        // Maker and minimal scan compiled without optimisation would be no measure of anything.
        return optimised(words);
    }
    match &options.task {
        Task::Write(kind, path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            let made = make::capture(*kind, options.scale, &mut BufWriter::new(file))?;
            println!("{}: {made:?}", path.display());
            Ok(())
        }
        Task::Pipe(gigabytes) => pipe(*gigabytes),
        Task::Memory => {
            let whyreset = product(&options)?;
            memory::run(&whyreset, options.scale)
        }
        Task::Speed => speed(&options, &product(&options)?),
    }
}

/// The same task by this program built for release.
fn optimised(words: &[&str]) -> Result<()> {
    sh::run(&mut sh::cargo(&[
        "build",
        "--quiet",
        "--release",
        "--locked",
        "-p",
        "xtask",
    ]))?;
    sh::run(
        Command::new(release_folder()?.join("xtask"))
            .args(["bench", "read"])
            .args(words),
    )
}

fn release_folder() -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(sh::root())
        .no_deps()
        .exec()?;
    Ok(metadata.target_directory.into_std_path_buf().join("release"))
}

fn pipe(gigabytes: f64) -> Result<()> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below 2^52"
    )]
    let bytes = (gigabytes * 1e9) as u64;
    match make::stream(bytes, &mut io::stdout().lock()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map(|_| ()).context("cannot write the stream"),
    }
}

/// The built product, if it can read captures.
fn product(options: &Options) -> Result<PathBuf> {
    let binary = if let Some(binary) = &options.binary {
        binary.clone()
    } else {
        sh::run(&mut sh::cargo(&[
            "build",
            "--quiet",
            "--release",
            "--locked",
            "-p",
            "whyreset",
        ]))?;
        release_folder()?.join("whyreset")
    };
    let help = Command::new(&binary).args(["read", "--help"]).output();
    let help = help.with_context(|| format!("cannot run {}", binary.display()))?;
    ensure!(
        help.status.success(),
        "{} has no command `read`; there is nothing to measure in this build",
        binary.display()
    );
    Ok(binary)
}

fn speed(options: &Options, whyreset: &Path) -> Result<()> {
    let processors = run::processors()?;
    let Some(last) = processors.last() else {
        bail!("this process may use no processor at all");
    };
    let pair: Vec<usize> = processors.iter().rev().take(2).copied().collect();
    let (entrants, mut skipped) = entrants::all(whyreset, pair.len() == 2)?;
    if pair.len() < 2 {
        skipped.push("two cores: there is one".to_owned());
    }
    println!(
        "{}: {} rounds, programs in turn, medians; one core is processor {last}, two are {pair:?}. x wall and x cpu: how \
         many times as many packets a second `whyreset read -q` does on one core, by the clock and by processor time. \
         tcptrace and tshark read a smaller capture of the same kind: their speed falls with the size, so these \
         ratios are on the low side. This tcpdump filter knows IPv4 alone. \
         An RSS of less than 10 MiB is drowned by that of this program, from which the others start.",
        whyreset.display(),
        options.rounds
    );
    let mut bounds = Vec::new();
    for kind in &options.kinds {
        let rows = one_kind(*kind, options, &entrants, &pair)?;
        bounds.extend(table::bounds(kind.name(), &rows));
    }
    println!(
        "\nbounds, page cache warm{}",
        if options.scale < 1.0 {
            "; meant for --scale 1"
        } else {
            ""
        }
    );
    for line in bounds {
        println!("{line}");
    }
    println!("memory: ask with --memory");
    for line in &skipped {
        println!("skipped: {line}");
    }
    println!("{} skipped", skipped.len());
    Ok(())
}

fn one_kind(kind: Kind, options: &Options, entrants: &[Entrant], pair: &[usize]) -> Result<Vec<Row>> {
    let smaller = options.scale.min(options.smaller / kind.packets());
    let mut whole = Capture::new(kind, options.scale, &options.folder)?;
    let mut part = if smaller < options.scale {
        Some(Capture::new(kind, smaller, &options.folder)?)
    } else {
        None
    };
    let (made, made_part) = (whole.made, part.as_ref().map_or(whole.made, |part| part.made));
    println!(
        "\n{}: {}\n{} packets, {} connections, {} resets, {:.2} GB, made in {:.1} s; the smaller one has {} packets, \
         {} connections",
        kind.name(),
        kind.about(),
        made.packets,
        made.connections,
        made.resets,
        made.bytes as f64 / 1e9,
        whole.took.as_secs_f64(),
        made_part.packets,
        made_part.connections
    );
    let mut rows: Vec<Row> = Vec::new();
    for entrant in entrants {
        rows.push(Row {
            role: entrant.role,
            label: entrant.label.clone(),
            made: if entrant.role.is_slow() { made_part } else { made },
            wall: Vec::new(),
            cpu: Vec::new(),
            resident_kib: 0,
        });
    }
    let mut complaints = Vec::new();
    for _ in 0..options.rounds {
        // Each time, for the greatest of the programs may have taken the place of what they read.
        for capture in part.iter_mut().chain([&mut whole]) {
            capture.warm()?;
        }
        for (entrant, row) in entrants.iter().zip(&mut rows) {
            let smaller = part.as_ref().filter(|_| entrant.role.is_slow());
            let capture = smaller.unwrap_or(&whole);
            let took = took(entrant, capture, pair)?;
            row.wall.push(took.wall.as_secs_f64());
            // A run shorter than a tick of the processor clock must not be a division by nothing.
            row.cpu.push(took.used.cpu.as_secs_f64().max(1e-3));
            row.resident_kib = row.resident_kib.max(took.used.resident_kib);
            complaints.extend(complaint(entrant, capture, &took));
        }
    }
    println!("{}", table::head());
    for line in table::lines(&rows) {
        println!("{line}");
    }
    cold(entrants, &whole, pair)?;
    complaints.dedup();
    for complaint in complaints {
        println!("WRONG: {complaint}");
    }
    Ok(rows)
}

fn took(entrant: &Entrant, capture: &Capture, pair: &[usize]) -> Result<Took> {
    let processors = if entrant.role == Role::TwoCores {
        pair
    } else {
        &pair[..1]
    };
    run::pinned(&mut entrant.command(&capture.path()), processors)
}

/// Once with the capture out of the page cache: then the disk is the bound, and its share is told.
fn cold(entrants: &[Entrant], capture: &Capture, pair: &[usize]) -> Result<()> {
    let mut told = Vec::new();
    for entrant in entrants.iter().filter(|entrant| entrant.role.runs_cold()) {
        capture.cool()?;
        let took = took(entrant, capture, pair)?;
        let (bytes, seconds) = (capture.made.bytes as f64, took.wall.as_secs_f64());
        if (took.used.disk as f64) < bytes / 2.0 {
            println!(
                "cold: skipped, the capture stays in memory in this folder (only {:.0} % came from a disk); name another \
                 with --dir",
                took.used.disk as f64 / bytes * 100.0
            );
            return Ok(());
        }
        told.push(format!(
            "{} {:.0} MB/s in {seconds:.1} s",
            entrant.label,
            bytes / seconds / 1e6
        ));
    }
    println!("cold, once: {}", told.join("; "));
    Ok(())
}

/// A program that did not read the capture whole has no speed.
fn complaint(entrant: &Entrant, capture: &Capture, took: &Took) -> Option<String> {
    if !entrant.role.tells_counts() {
        return None;
    }
    let made = capture.made;
    let wanted = [("frames", made.packets), ("resets", made.resets)];
    let told = wanted.map(|(word, _)| counted(&took.said, word));
    let right = wanted
        .iter()
        .zip(told)
        .all(|((_, wanted), told)| told == Some(*wanted));
    (!right).then(|| {
        format!(
            "{} counted {told:?} frames and resets, and the capture holds {} and {}",
            entrant.label, made.packets, made.resets
        )
    })
}

/// The number before the word, in the line that counts frames.
fn counted(said: &str, word: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains(" frames, "))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let place = words.iter().position(|one| one.trim_end_matches(',') == word)?;
    words.get(place.checked_sub(1)?)?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn counts_in_a_sentence() {
        let said =
            "3 resets in 2 causes\nx: 1,234 frames, 1200 TCP segments, 7 resets in the capture, 1 of them";
        assert_eq!(counted(said, "frames"), Some(1234));
        assert_eq!(counted(said, "resets"), Some(7));
        assert_eq!(counted("nothing", "frames"), None);
    }
}
