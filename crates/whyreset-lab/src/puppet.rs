//! The lab's side of an actor: a child process that is told lines and answers them. Killed and
//! reaped on drop. Refuses to wait for ever.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal};

/// An actor is expected to answer within this time.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running actor.
pub struct Puppet {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
    journal: Journal,
    /// At the end it is let go, so that who follows it sees it end, and killed only if it stays.
    pub leaves_by_itself: bool,
}

/// What was done in a run, line by line; every holder of it writes to the same.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// Adds a line.
    pub fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Puppet {
    /// Starts `command`, an [`actor`], under the process name `name` (at most 15 bytes).
    pub fn start(mut command: Command, name: &str, journal: Journal) -> anyhow::Result<Self> {
        let mut child = command
            .arg(format!("name={name}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("no stdout")?;
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let puppet = Self {
            child,
            stdin,
            lines,
            name: name.to_owned(),
            journal,
            leaves_by_itself: false,
        };
        let first = puppet.hear()?;
        if first != "ready" {
            bail!("{name} said {first:?} instead of ready");
        }
        Ok(puppet)
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it a line and does not wait.
    pub fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("its stdin is closed")?;
        self.journal.note(format!("{}: {line}", self.name));
        writeln!(stdin, "{line}").with_context(|| format!("{} does not listen", self.name))
    }

    /// Its next answer.
    pub fn hear(&self) -> anyhow::Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => anyhow!("{} gave no answer in {PATIENCE:?}", self.name),
            RecvTimeoutError::Disconnected => anyhow!("{} is gone", self.name),
        })
    }

    /// Tells it a line and returns the answer.
    pub fn ask(&mut self, line: &str) -> anyhow::Result<String> {
        self.tell(line)?;
        self.hear().with_context(|| format!("after {line:?}"))
    }

    /// Tells it a line; the answer must begin with `answer`. Returns the rest of it.
    pub fn expect(&mut self, line: &str, answer: &str) -> anyhow::Result<String> {
        let said = self.ask(line)?;
        match said.strip_prefix(answer) {
            Some(rest) => Ok(rest.trim().to_owned()),
            None => bail!(
                "{} was to answer {answer:?} to {line:?} and said {said:?}",
                self.name
            ),
        }
    }

    /// Sends it a signal and waits until it is gone.
    pub fn kill(&mut self, signal: Signal) -> anyhow::Result<ExitStatus> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("no pid")?;
        self.journal
            .note(format!("{}: gets signal {}", self.name, signal.as_raw()));
        rustix::process::kill_process(pid, signal)?;
        self.gone()
    }

    /// Waits until it is gone by itself.
    pub fn gone(&mut self) -> anyhow::Result<ExitStatus> {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > limit {
                bail!("{} is still alive after {PATIENCE:?}", self.name);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        if self.leaves_by_itself {
            self.stdin.take();
            if self.gone().is_ok() {
                return;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `program actor ROLE parent=PID`, ready for more arguments.
pub(crate) fn actor(program: &Path, role: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["actor", role])
        .arg(format!("parent={}", std::process::id()));
    command
}
