//! A host of its own for real programs: its network namespace, and mount and process namespaces,
//! with empty /run, /tmp and /var/log. All that runs on it dies with it, all files go with it,
//! also when the lab is killed. Refuses to change a file of the real host.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::netns::Namespace;
use crate::sys;

/// Where a scenario's files are, on each of its hosts.
pub const FILES: &str = "/run/lab";

/// What the first process of the host does: hides the real host's writable places, says that it
/// is ready, and ends when the lab closes its input, however the lab ends.
const INIT: &str = "mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs -o mode=1777 tmpfs /tmp && \
                    mount -t tmpfs -o mode=1777 tmpfs /var/log && mkdir -m 1777 /run/lab && ip link set lo up && \
                    echo ready && exec cat >/dev/null";

/// A running host.
pub struct Machine {
    child: Child,
    stdin: Option<ChildStdin>,
    init: u32,
    lent: Vec<RawFd>,
}

/// What a command gave.
pub struct Ended {
    /// Exit code; none where it was killed or did not end in time.
    pub code: Option<i32>,
    /// Stdout and stderr, interleaved as they came.
    pub output: String,
}

impl Machine {
    /// Starts a host that stands in `netns`.
    pub fn start(netns: &Namespace) -> anyhow::Result<Self> {
        let mut child = Command::new("nsenter")
            .arg(format!("--net={}", netns.path().display()))
            .args([
                "--",
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["--", "sh", "-c", INIT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run `nsenter` and `unshare`; install util-linux")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim() != "ready" {
            let mut why = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                _ = stderr.read_to_string(&mut why);
            }
            let _ = child.kill();
            let _ = child.wait();
            bail!("a host could not be made (root needed): {}", why.trim());
        }
        let init = only_child(child.id())?;
        Ok(Self {
            child,
            stdin,
            init,
            lent: Vec::new(),
        })
    }

    /// Puts a file under [`FILES`].
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.root().join(FILES.trim_start_matches('/')).join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    fn root(&self) -> PathBuf {
        Path::new("/proc").join(self.init.to_string()).join("root")
    }

    /// Lends file descriptors to all that is started here from now on.
    pub fn lend(&mut self, lent: Vec<RawFd>) {
        self.lent = lent;
    }

    /// `sh -c` on this host.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args([
                "--target",
                &self.init.to_string(),
                "--net",
                "--mount",
                "--pid",
                "--",
            ])
            .args(["sh", "-c", &format!("cd {FILES} && {line}")])
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", "/tmp")
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null());
        sys::inherits_only(&mut command, self.lent.clone());
        command
    }

    /// Starts a line that goes on until the host ends. What it says goes to a file beside it.
    pub fn start_line(&self, line: &str, log: &str) -> anyhow::Result<()> {
        let logged = format!("({line}) >{FILES}/{log} 2>&1");
        let mut child = self
            .shell(&logged)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run `nsenter`; install util-linux")?;
        // Reaped when the host's end kills it.
        thread::spawn(move || child.wait());
        Ok(())
    }

    /// What a started line has said so far.
    pub fn said(&self, log: &str) -> String {
        let path = self.root().join(FILES.trim_start_matches('/')).join(log);
        fs::read(path).map_or_else(
            |_| String::new(),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Runs a line to its end, at most `within`.
    pub fn run_line(&self, line: &str, within: Duration) -> anyhow::Result<Ended> {
        let timed = format!("timeout -k 1 {} sh -c {} 2>&1", within.as_secs_f32(), quote(line));
        let output = self
            .shell(&timed)
            .stderr(Stdio::null())
            .output()
            .context("cannot run `nsenter`; install util-linux")?;
        Ok(Ended {
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        })
    }

    /// Waits until something on this host listens on a TCP port.
    pub fn wait_listening(&self, port: u16, within: Duration) -> anyhow::Result<bool> {
        let limit = Instant::now() + within;
        while Instant::now() < limit {
            if self.listens(port)? {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    fn listens(&self, port: u16) -> anyhow::Result<bool> {
        let suffix = format!(":{port:04X}");
        for table in ["tcp", "tcp6"] {
            let path = format!("/proc/{}/net/{table}", self.init);
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
            let listening = |line: &str| {
                let mut words = line.split_whitespace().skip(1);
                let local = words.next().is_some_and(|local| local.ends_with(&suffix));
                local && words.nth(1) == Some("0A")
            };
            if text.lines().any(listening) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stdin.take();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One word of a shell line.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The process that `unshare` forked: the first of the new process namespace.
fn only_child(parent: u32) -> anyhow::Result<u32> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let fields = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let father = fields
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1));
        if father.and_then(|father| father.parse().ok()) == Some(parent) {
            return Ok(pid);
        }
    }
    bail!("the host's first process is gone");
}
