//! `cargo xtask bench live`: what the watcher costs and what it bears. Costs are ratios of slices
//! with and without it, taken in turn in one run; the machine's speed drifts, a ratio of
//! neighbours does not.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark stay far below 2^52"
)]

mod load;
pub mod logs;
pub mod proxy;
pub mod read;
pub mod rules;
pub mod run;
mod watcher;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::watcher::Watcher;

/// Pairs of slices for each ratio.
const PAIRS: usize = 40;
/// After its start the watcher reads the kernel's symbol table once; what is measured is the
/// watch, not its beginning.
const SETTLE: Duration = Duration::from_millis(300);
/// Seconds of one slice.
const SLICE: f64 = 0.4;

/// Runs in the child that makes the load.
pub fn load(args: &[String]) -> Result<()> {
    let [kind, seconds] = args else {
        bail!("usage: bench-load KIND SECONDS")
    };
    load::run(kind, seconds.parse()?)
}

/// The benchmarks of the live watcher.
pub fn live(binary: &Path) -> Result<()> {
    let ground = Ground::new()?;
    println!(
        "live benchmarks, {PAIRS} pairs of {SLICE} s slices each; bounds in brackets; a control is the same pairs \
         with no watcher in either slice: how far from 1 this machine is by itself"
    );
    for (name, kind, bound) in [
        ("connect/accept/close", load::CONNECT, 0.95),
        ("request on an open connection", load::REQUEST, 0.995),
    ] {
        let told = ratio(&ground, kind, || Watcher::start(binary), Watcher::stop)?;
        println!("{name}: {told} [>= {bound}]");
        let control = ratio(&ground, kind, || Ok(()), Ok)?;
        println!("{name}, control: {control}");
    }
    for option in ["--wire", "--forwarded"] {
        let options = ["--netns", &ground.0, option];
        for (name, kind) in [
            ("connect/accept/close", load::CONNECT),
            ("request on an open connection", load::REQUEST),
        ] {
            let start = || Watcher::start_with(binary, &options);
            let told = ratio(&ground, kind, start, Watcher::stop)?;
            println!("{option}, {name}: {told} [asked for; no bound]");
        }
    }
    storm(&ground, binary)?;
    idle(binary)
}

/// A network namespace of our own, removed at the end; by the next benchmark where one was killed.
struct Ground(String);

/// The process that made it follows in the name.
const GROUND: &str = "whyreset-bench-";

impl Ground {
    fn new() -> Result<Self> {
        let names = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
        for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
            let maker = name.strip_prefix(GROUND);
            if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
                command("ip", &["netns", "del", &name])?;
            }
        }
        let name = format!("{GROUND}{}", std::process::id());
        command("ip", &["netns", "add", &name])?;
        let ground = Self(name);
        command("ip", &["-n", &ground.0, "link", "set", "lo", "up"])?;
        // A loop of connections must not run out of ports: inside this namespace alone.
        for setting in ["net.ipv4.tcp_tw_reuse=1", "net.ipv4.tcp_max_tw_buckets=2000"] {
            command("ip", &["netns", "exec", &ground.0, "sysctl", "-qw", setting])?;
        }
        Ok(ground)
    }

    fn load(&self, kind: &str, seconds: f64) -> Result<load::Done> {
        let own: PathBuf = std::env::current_exe()?;
        let seconds = seconds.to_string();
        let output = Command::new("ip")
            .args(["netns", "exec", &self.0])
            .arg(own)
            .args(["bench-load", kind, &seconds])
            .output()
            .context("cannot run the load")?;
        if !output.status.success() {
            bail!(
                "the load {kind} failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        load::parse(&String::from_utf8_lossy(&output.stdout))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn command(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(args)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!(
            "{program} {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

/// Rates with the watcher over rates without it. The order within a pair alternates, so that a
/// drift of the machine favours neither, and both slices begin after the same rest: a processor
/// that just slept is not as fast as one that just worked.
fn ratio<Running, Ended>(
    ground: &Ground,
    kind: &str,
    start: impl Fn() -> Result<Running>,
    stop: impl Fn(Running) -> Result<Ended>,
) -> Result<String> {
    let slice = || {
        std::thread::sleep(SETTLE);
        Ok::<f64, anyhow::Error>(ground.load(kind, SLICE)?.rate)
    };
    let with = || {
        let running = start()?;
        let rate = slice()?;
        stop(running)?;
        Ok::<f64, anyhow::Error>(rate)
    };
    slice()?;
    let (mut on, mut off, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let (a, b) = if pair % 2 == 0 {
            let off = slice()?;
            (with()?, off)
        } else {
            let on = with()?;
            (on, slice()?)
        };
        on.push(a);
        off.push(b);
        ratios.push(a / b);
    }
    Ok(format!(
        "{:.0}/s without, {:.0}/s with; median of pair ratios {:.3}, ratio of medians {:.3}",
        median(&mut off),
        median(&mut on),
        median(&mut ratios),
        median(&mut on) / median(&mut off),
    ))
}

/// Every reset must come out as a verdict, folded into one, or be counted as lost.
fn storm(ground: &Ground, binary: &Path) -> Result<()> {
    const SECONDS: f64 = 10.0;
    let watcher = Watcher::start(binary)?;
    let before = watcher.resident_kib()?;
    let (done, peak, mut samples) = std::thread::scope(|scope| {
        let load = scope.spawn(|| ground.load(load::STORM, SECONDS));
        let (mut peak, mut samples) = (0, Vec::new());
        while !load.is_finished() {
            std::thread::sleep(Duration::from_millis(250));
            if let Ok(kib) = watcher.resident_kib() {
                peak = peak.max(kib);
                samples.push(kib as f64);
            }
        }
        (load.join(), peak, samples)
    });
    let done = done.map_err(|_| anyhow::anyhow!("the storm failed"))??;
    std::thread::sleep(Duration::from_millis(500));
    let counted = watcher.stop()?;
    println!(
        "reset storm: {} resets in {:.1} s ({:.0}/s); {} in {} verdicts, {} not told, {} events counted as lost; resident {before} KiB before, \
         median {:.0} KiB, peak {peak} KiB [< 40960]",
        done.count,
        done.seconds,
        done.count as f64 / done.seconds,
        counted.resets,
        counted.verdicts,
        done.count.saturating_sub(counted.resets),
        counted.lost,
        median(&mut samples),
    );
    Ok(())
}

fn idle(binary: &Path) -> Result<()> {
    const STARTS: usize = 15;
    const SECONDS: u64 = 20;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let watcher = Watcher::start(binary)?;
        starts.push(watcher.ready_after.as_secs_f64() * 1e3);
        watcher.stop()?;
    }
    let watcher = Watcher::start(binary)?;
    std::thread::sleep(Duration::from_secs(1));
    let before = watcher.cpu_seconds()?;
    std::thread::sleep(Duration::from_secs(SECONDS));
    let used = watcher.cpu_seconds()? - before;
    let resident = watcher.resident_kib()?;
    watcher.stop()?;
    println!(
        "exec to attached: median {:.0} ms of {STARTS} starts [< 300]",
        median(&mut starts)
    );
    println!(
        "idle: {:.3} % of one processor over {SECONDS} s [< 0.1], resident {resident} KiB",
        used / SECONDS as f64 * 100.0
    );
    Ok(())
}
