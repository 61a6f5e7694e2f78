//! The watcher under the benchmarks: the built binary, started and stopped as a user would.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running `whyreset watch`.
pub struct Watcher {
    child: Child,
    verdicts: Option<std::thread::JoinHandle<Counted>>,
    lost: Option<std::thread::JoinHandle<u64>>,
    /// From exec to the moment it said that it watches.
    pub ready_after: Duration,
}

/// What its output held.
#[derive(Default)]
pub struct Counted {
    /// Verdicts printed.
    pub verdicts: u64,
    /// Resets folded into them.
    pub resets: u64,
    /// Kernel events that it says were lost.
    pub lost: u64,
}

impl Watcher {
    /// Starts it and waits until it says on stderr that it is attached.
    pub fn start(binary: &Path) -> Result<Self> {
        Self::start_with(binary, &[])
    }

    /// As [`Watcher::start`], with more options.
    pub fn start_with(binary: &Path, options: &[&str]) -> Result<Self> {
        let start = Instant::now();
        let mut child = Command::new(binary)
            .args(["watch", "-o", "json", "--all"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut line = String::new();
        loop {
            line.clear();
            if stderr.read_line(&mut line)? == 0 {
                let status = child.wait()?;
                bail!("the watcher ended at once ({status}); run it by hand as root to see why");
            }
            if line.contains("watching") {
                break;
            }
        }
        let ready_after = start.elapsed();
        let lost = Some(std::thread::spawn(move || lost(stderr)));
        let stdout = child.stdout.take().context("no stdout")?;
        let verdicts = Some(std::thread::spawn(move || count(BufReader::new(stdout))));
        Ok(Self {
            child,
            verdicts,
            lost,
            ready_after,
        })
    }

    /// Processor time used so far, seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after = stat.rsplit_once(')').context("unreadable /proc stat")?.1;
        let ticks: u64 = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|word| word.parse::<u64>().ok())
            .sum();
        Ok(ticks as f64 / 100.0)
    }

    /// Resident memory now, KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        Ok(line.split_whitespace().next().context("no VmRSS")?.parse()?)
    }

    /// Ends it with SIGINT, by its pid, and gives what it had printed.
    pub fn stop(mut self) -> Result<Counted> {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()?;
        if !status.success() {
            bail!("the watcher was gone before its end");
        }
        self.child.wait()?;
        let counted = self.verdicts.take().context("stopped twice")?.join();
        let mut counted = counted.map_err(|_| anyhow::anyhow!("the reader of its verdicts failed"))?;
        let lost = self.lost.take().context("stopped twice")?.join();
        counted.lost = lost.map_err(|_| anyhow::anyhow!("the reader of its notices failed"))?;
        Ok(counted)
    }
}

/// Reads its notices to the end: how many kernel events it says were lost.
fn lost(notices: impl BufRead) -> u64 {
    let mut lost = 0;
    for line in notices.lines().map_while(Result::ok) {
        if let Some((number, _)) = line.split_once(" kernel events were lost") {
            lost = number
                .rsplit(' ')
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or(0);
        }
    }
    lost
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if self.verdicts.is_some() {
            _ = self.child.kill();
            _ = self.child.wait();
        }
    }
}

fn count(lines: impl BufRead) -> Counted {
    let mut counted = Counted::default();
    for line in lines.lines().map_while(Result::ok) {
        counted.verdicts += 1;
        counted.resets += folded(&line).unwrap_or(1);
    }
    counted
}

/// `reset.count` of a verdict, without parsing the whole of it: the reader must keep up with a storm.
fn folded(line: &str) -> Option<u64> {
    let rest = &line[line.find("\"count\":")? + 8..];
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}
