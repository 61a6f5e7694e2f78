//! Memory of the product while a stream goes through it: sampled while it reads a generated stream
//! far larger than any table, and how much it grows for each quiet connection that it remembers.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::make::{self, Kind, Made};
use crate::bench::median;

/// Bytes at scale 1.
const STREAM: f64 = 20e9;
/// Between two samples.
const PAUSE: Duration = Duration::from_millis(100);
/// Lines of the account over time.
const SLICES: usize = 10;
/// A table of so many and of so many more connections, both filled.
const REMEMBERED: [u64; 2] = [500_000, 2_000_000];

/// Bytes fed so far, and KiB resident then.
type Sample = (u64, u64);

/// Runs both and prints them.
pub fn run(whyreset: &Path, scale: f64) -> Result<()> {
    flat(whyreset, STREAM * scale)?;
    each(whyreset)
}

fn flat(whyreset: &Path, bytes: f64) -> Result<()> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below 2^52"
    )]
    let asked = bytes as u64;
    println!(
        "a stream of {:.1} GB through a pipe into `whyreset read -q -`",
        bytes / 1e9
    );
    let started = Instant::now();
    let (made, samples) = fed(whyreset, &["read", "-q", "-"], |out| make::stream(asked, out))?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} packets, {} connections, {} resets in {seconds:.1} s: {:.2} Mpps, maker and reader together",
        made.packets,
        made.connections,
        made.resets,
        made.packets as f64 / seconds / 1e6
    );
    println!(
        "{:>8} {:>10} {:>10} {:>10}   VmRSS, MiB",
        "GB fed", "min", "median", "max"
    );
    for slice in samples.chunks(samples.len().div_ceil(SLICES).max(1)) {
        println!("{:>8.2} {}", slice[slice.len() - 1].0 as f64 / 1e9, spread(slice));
    }
    println!("{:>8} {}", "all", spread(&samples));
    let third = samples.len() / 3;
    if third == 0 {
        println!("flat: not measured, the stream was over at once; take a larger --scale");
        return Ok(());
    }
    let (middle, last) = (&samples[third..2 * third], &samples[2 * third..]);
    let growth = middle_of(last) / middle_of(middle) - 1.0;
    println!(
        "flat: median of the last third {:+.1} % on that of the middle third [<= 5 %]: {}",
        growth * 100.0,
        if growth <= 0.05 { "met" } else { "NOT met" }
    );
    Ok(())
}

/// Two tables of different size, both filled by a scan: what one more connection costs.
fn each(whyreset: &Path) -> Result<()> {
    let mut most = Vec::new();
    for remembered in REMEMBERED {
        let bound = remembered.to_string();
        let words = ["read", "-q", "--max-flows", &bound, "-"];
        let (made, samples) = fed(whyreset, &words, |out| make::capture(Kind::Scan, 0.4, out))?;
        let peak = samples.iter().map(|sample| sample.1).max().unwrap_or(0);
        println!(
            "{} connections into a table of {remembered}: at most {:.1} MiB",
            made.connections,
            peak as f64 / 1024.0
        );
        most.push(peak as f64 * 1024.0);
    }
    let bytes = (most[1] - most[0]) / (REMEMBERED[1] - REMEMBERED[0]) as f64;
    println!(
        "per quiet connection: {bytes:.0} bytes [< 256]: {}",
        if bytes < 256.0 { "met" } else { "NOT met" }
    );
    Ok(())
}

/// Feeds it what `write` writes, and samples its memory until it has ended.
fn fed(
    whyreset: &Path,
    words: &[&str],
    write: impl FnOnce(&mut Counting<'_>) -> io::Result<Made> + Send,
) -> Result<(Made, Vec<Sample>)> {
    let mut child = Command::new(whyreset)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", whyreset.display()))?;
    let pipe = child.stdin.take().context("no stdin")?;
    let bytes = AtomicU64::new(0);
    let (outcome, samples) = std::thread::scope(|scope| {
        let feeding = scope.spawn(|| write(&mut Counting { pipe, bytes: &bytes }));
        let samples = sampled(&mut child, &bytes);
        (feeding.join(), samples)
    });
    let (status, samples) = samples?;
    let outcome = outcome.map_err(|_| anyhow::anyhow!("the maker of the stream failed"))?;
    if !status.success() {
        bail!(
            "`whyreset {}` ended with {status}; run it by hand to see why",
            words.join(" ")
        );
    }
    Ok((
        outcome.context("the reader left before the end of the stream")?,
        samples,
    ))
}

fn sampled(child: &mut Child, bytes: &AtomicU64) -> Result<(std::process::ExitStatus, Vec<Sample>)> {
    let mut samples = Vec::new();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, samples));
        }
        // A process on its way out has no memory any more.
        if let Some(kib) = resident_kib(child.id()) {
            samples.push((bytes.load(Ordering::Relaxed), kib));
        }
        std::thread::sleep(PAUSE);
    }
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Counts what goes into the pipe.
struct Counting<'a> {
    pipe: ChildStdin,
    bytes: &'a AtomicU64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pipe.write(bytes)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

fn middle_of(samples: &[Sample]) -> f64 {
    median(&mut samples.iter().map(|sample| sample.1 as f64).collect::<Vec<_>>())
}

fn spread(samples: &[Sample]) -> String {
    let kib = || samples.iter().map(|sample| sample.1 as f64 / 1024.0);
    format!(
        "{:>10.1} {:>10.1} {:>10.1}",
        kib().fold(f64::INFINITY, f64::min),
        middle_of(samples) / 1024.0,
        kib().fold(0.0, f64::max)
    )
}
