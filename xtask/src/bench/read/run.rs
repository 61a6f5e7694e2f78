//! Runs one program on chosen processors and tells what it took. Its answers go to /dev/null; what
//! it said on stderr is kept, for the counts in it. A failed run is an error, never a number.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::sys::{self, Used};

/// What a run took.
pub struct Took {
    pub wall: Duration,
    pub used: Used,
    /// What it said on stderr.
    pub said: String,
}

/// The processors that we may use.
pub fn processors() -> Result<Vec<usize>> {
    let ours = sched_getaffinity(None).context("cannot read our own processor mask")?;
    Ok((0..CpuSet::MAX_CPU).filter(|cpu| ours.is_set(*cpu)).collect())
}

/// Runs it on these processors alone, to its end.
pub fn pinned(command: &mut Command, processors: &[usize]) -> Result<Took> {
    let mut said = tempfile::tempfile().context("cannot make a file for its stderr")?;
    command.stdout(Stdio::null()).stderr(said.try_clone()?);
    let line = format!("{command:?}");
    let started = Instant::now();
    let child = {
        let _bound = Bound::to(processors)?;
        command.spawn().with_context(|| format!("cannot run {line}"))?
    };
    let (status, used) = sys::wait(child).with_context(|| format!("cannot wait for {line}"))?;
    let wall = started.elapsed();
    let said = text(&mut said)?;
    if !status.success() {
        let tail: Vec<&str> = said.lines().rev().take(3).collect();
        bail!("{line} ended with {status}: {}", tail.join(" / "));
    }
    Ok(Took { wall, used, said })
}

fn text(file: &mut File) -> Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// This thread on some processors: a child inherits them. Undone by the drop.
struct Bound(CpuSet);

impl Bound {
    fn to(processors: &[usize]) -> Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut set = CpuSet::new();
        for processor in processors {
            set.set(*processor);
        }
        sched_setaffinity(None, &set).with_context(|| format!("cannot bind to processors {processors:?}"))?;
        Ok(Self(before))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        _ = sched_setaffinity(None, &self.0);
    }
}
