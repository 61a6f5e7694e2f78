//! The product under test: `whyreset watch -o json` as a child process. Refuses to know anything
//! of it but its command line, its JSON lines and its exit.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal};

use crate::puppet::actor;
use crate::said::Said;

/// Attaching may take this long on a slow machine that starts several watchers at once.
const ATTACH: Duration = Duration::from_mins(1);
/// Ending may take this long.
const END: Duration = Duration::from_secs(15);

/// A running watcher.
pub struct Watcher {
    child: Child,
    ready: Option<File>,
    lines: Receiver<String>,
    notices: Option<JoinHandle<String>>,
}

impl Watcher {
    /// Starts `whyreset watch` with more `arguments`; it dies with the lab. Follow with
    /// [`Watcher::wait_ready`].
    ///
    /// # Errors
    /// It could not be run.
    pub fn start(program: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        let (ready, tell): (OwnedFd, OwnedFd) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut child = actor(program, "exec")
            .arg("--")
            .arg(program)
            .arg("watch")
            .args(arguments)
            .args(["--ready-fd", "0"])
            .stdin(Stdio::from(tell))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let stderr = child.stderr.take().context("no stderr")?;
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let notices = thread::spawn(move || {
            let mut text = String::new();
            let _ = BufReader::new(stderr).read_to_string(&mut text);
            text
        });
        Ok(Self {
            child,
            ready: Some(File::from(ready)),
            lines,
            notices: Some(notices),
        })
    }

    /// Waits until it says that it is attached.
    ///
    /// # Errors
    /// It ended or stayed silent instead; with what it said on stderr.
    pub fn wait_ready(&mut self) -> anyhow::Result<()> {
        let Some(mut ready) = self.ready.take() else {
            return Ok(());
        };
        let limit = Timespec {
            tv_sec: i64::try_from(ATTACH.as_secs())?,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&ready, PollFlags::IN)];
        if poll(&mut fds, Some(&limit))? == 0 {
            bail!("the watcher was not attached after {ATTACH:?}: {}", self.end());
        }
        let mut word = [0];
        if ready.read(&mut word)? == 0 {
            bail!("the watcher ended before it was attached: {}", self.end());
        }
        Ok(())
    }

    /// The next line of its stdout, if one comes within `patience`.
    pub fn line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Waits until no line has come for `quiet`, ends it, and returns all that it printed.
    ///
    /// # Errors
    /// It did not end, or ended by something else than SIGINT.
    pub fn finish(mut self, quiet: Duration) -> anyhow::Result<Vec<String>> {
        const LONGEST: Duration = Duration::from_secs(5);
        let begun = Instant::now();
        let mut all = Vec::new();
        while let Some(line) = self.line(quiet) {
            all.push(line);
            if begun.elapsed() > LONGEST {
                break;
            }
        }
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("no pid")?;
        rustix::process::kill_process(pid, Signal::INT).context("the watcher ended by itself")?;
        let limit = Instant::now() + END;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > limit {
                bail!("the watcher did not end {END:?} after SIGINT: {}", self.end());
            }
            all.extend(self.line(Duration::from_millis(20)));
        }
        all.extend(self.lines.iter());
        let status = self.child.wait()?;
        // 0: nothing that the policy minds; 1: resets found. Both are a proper end.
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("the watcher ended with {status}: {}", self.end());
        }
        Ok(all)
    }

    /// As [`Watcher::finish`], each line read as a verdict.
    ///
    /// # Errors
    /// As there, and where a line is no verdict.
    pub fn verdicts(self, quiet: Duration) -> anyhow::Result<Vec<Said>> {
        self.finish(quiet)?.iter().map(|line| Said::read(line)).collect()
    }

    /// Ends it at once and returns what it said on stderr.
    fn end(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let text = self
            .notices
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        text.trim().to_owned()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
