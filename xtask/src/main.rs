//! The project's own tasks, called as `cargo xtask TASK`. Nothing here is needed to build or to use
//! the product.

mod bench;
mod elf;
mod freestanding;
mod fuzz;
mod kernels;
mod object;
mod packages;
mod release;
mod score;
mod sh;
mod steps;
mod test;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use self::steps::Outcome;

const USAGE: &str = "usage: cargo xtask TASK
  test                  the whole test command; installs missing Debian packages after saying so
  tidy                  the rules of the tree that the compiler does not know
  bpf [--check]         rebuild the eBPF object; --check: prove that the committed one is current
  freestanding          the pure crates in a program without an operating system's help
  fuzz [SECONDS]        hostile packets for so long (60), from the corpus in fuzz/; keeps what crashes
  release               the static binary, checked
  kernels [6.1 6.12]    boot Debian's kernels under qemu and hold the verdicts
  score                 play all scenarios of the lab and write docs/SCORE.md; needs root
  bench live            what the watcher costs and what it bears; needs root
  bench read [OPTION]   how fast captures are read, next to other programs; --memory: in how much memory
  bench run             what `whyreset run` costs curl with 1,000 small requests; needs root
  bench logs [GB]       how fast logs are searched, and in how much memory (5 GB by default)
  bench proxy [OPTION]  whyreset proxy next to haproxy; --soak SECONDS --connections N: its memory
  bench rules           how soon the rule that rejected is found among ten thousand; needs root";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["test"] => {
            if !test::run() {
                return Ok(ExitCode::FAILURE);
            }
        }
        ["tidy"] => tidy::run()?,
        ["bpf"] => object::build()?,
        ["bpf", "--check"] => told(&object::check()?),
        ["freestanding"] => told(&freestanding::run()?),
        ["fuzz"] => told(&fuzz::run(fuzz::SECONDS)?),
        ["fuzz", seconds] => told(&fuzz::run(seconds.parse().context("fuzz wants seconds")?)?),
        ["release"] => _ = release::build()?,
        ["kernels", ref asked @ ..] => told(&kernels::run(asked, &release::build()?)?),
        ["score"] => score::run(&release::build()?)?,
        ["score", "--captures", folder, ref lab @ ..] => {
            score::captures(&release::build()?, folder.as_ref(), lab.first().map(Path::new))?;
        }
        ["bench", "live"] => bench::live(&release::build()?)?,
        ["bench", "read", ref asked @ ..] => bench::read::run(asked)?,
        ["bench", "logs", ref asked @ ..] => bench::logs::run(&release::build()?, asked)?,
        ["bench", "run"] => bench::run::run(&release::build()?)?,
        ["bench-timed", ..] => bench::run::timed(&args[1..])?,
        ["bench", "proxy", ref asked @ ..] => bench::proxy::run(&release::build()?, asked)?,
        ["bench", "rules"] => bench::rules::run(&release::build()?)?,
        ["bench", "read-minimal", file] => bench::read::minimal(Path::new(file))?,
        ["bench-load", ..] => bench::load(&args[1..])?,
        [] | ["help" | "--help" | "-h"] => println!("{USAGE}"),
        _ => bail!("no task {:?}\n{USAGE}", args.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}

fn told(outcome: &Outcome) {
    if let Outcome::Skipped(why) = outcome {
        println!("skipped: {why}");
    }
}
