//! The client's programs under `whyreset run`, as an ordinary user without capabilities, and what it
//! tells of their connections. Refuses to judge: [`crate::compare::under_run`] does.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use rustix::fs::{MemfdFlags, Mode, OFlags};
use serde_json::Value;

use crate::said::Said;
use crate::sys;

/// What becomes an ordinary user: nobody, of no group, without a capability to be had.
const ORDINARY: [&str; 8] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--pdeathsig=KILL",
    "--",
];

/// Programs that a scenario's client is, as a user would name them.
const CLIENTS: [&str; 5] = ["curl", "node", "openssl", "psql", "python3"];

/// After these a shell expects a command.
const BEFORE_A_COMMAND: [&str; 5] = ["exec", ";", "&&", "||", "do"];

/// `whyreset run` of one play. Both files are lent to the client's programs, so that neither the place
/// of this program nor a folder for the report has to be one that an ordinary user can reach.
pub struct UnderRun {
    program: OwnedFd,
    told: OwnedFd,
}

/// One line of `whyreset run -o json`, read as a stranger reads it.
#[derive(Clone, Debug)]
pub struct Told(Value);

impl UnderRun {
    pub fn new(program: &Path) -> anyhow::Result<Self> {
        let opened = rustix::fs::open(program, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let program = opened.with_context(|| format!("cannot open {}", program.display()))?;
        let told = rustix::fs::memfd_create("told", MemfdFlags::CLOEXEC).context("cannot keep a report")?;
        Ok(Self { program, told })
    }

    /// What the client's programs have to inherit.
    pub fn lent(&self) -> Vec<RawFd> {
        vec![self.program.as_raw_fd(), self.told.as_raw_fd()]
    }

    /// This program, for whoever inherited it.
    fn program(&self) -> String {
        format!("/proc/self/fd/{}", self.program.as_raw_fd())
    }

    /// The words before a command.
    fn words(&self) -> Vec<String> {
        let mut words = ORDINARY.map(str::to_owned).to_vec();
        let report = format!("/proc/self/fd/{}", self.told.as_raw_fd());
        words.push(self.program());
        words.extend(["run", "--by", "calls", "-o", "json", "--report", &report, "--"].map(str::to_owned));
        words
    }

    /// A shell's line in which each client's program is run so.
    pub fn wrapped(&self, line: &str) -> String {
        wrapped(line, &self.words().join(" "))
    }

    /// `whyreset actor ROLE` in a network namespace, ready for more arguments.
    pub fn actor(&self, role: &str, netns: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", netns.display())).arg("--");
        command
            .args(self.words())
            .arg(self.program())
            .args(["actor", role]);
        sys::inherits_only(&mut command, self.lent());
        command
    }

    /// All that was told so far.
    pub fn told(&self) -> anyhow::Result<Vec<Told>> {
        let path = format!("/proc/self/fd/{}", self.told.as_raw_fd());
        let mut text = String::new();
        let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
        read.context("cannot read what `whyreset run` told")?;
        text.lines().map(Told::read).collect()
    }
}

fn wrapped(line: &str, before: &str) -> String {
    let mut out = String::new();
    let mut commands = true;
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end();
        if commands && CLIENTS.contains(&bare) {
            out = out + before + " ";
        }
        out += word;
        commands = BEFORE_A_COMMAND.contains(&bare) || bare.ends_with(';');
    }
    out
}

impl Told {
    /// Reads one line.
    ///
    /// # Errors
    /// The line is no JSON.
    pub fn read(line: &str) -> anyhow::Result<Self> {
        let value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        Ok(Self(value))
    }

    /// The string of this name; empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// An address; none where it is not known.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        let address: SocketAddr = self.text(name).parse().ok()?;
        (address.port() != 0).then_some(address)
    }

    /// The verdict that came with it.
    pub fn verdict(&self) -> Option<Said> {
        let verdict = self.0.get("verdict").filter(|verdict| !verdict.is_null())?;
        Said::read(&verdict.to_string()).ok()
    }

    /// In a few words.
    pub fn brief(&self) -> String {
        let words = [
            "outcome", "by", "from", "stage", "local", "remote", "errno", "call",
        ];
        let words: Vec<&str> = words.iter().map(|name| self.text(name)).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn clients_are_run_so_and_nothing_else_is() {
        for (line, so) in [
            ("python3 client.py", "RUN python3 client.py"),
            ("exec curl -s x", "exec RUN curl -s x"),
            (
                "sysctl -qw a=1; python3 client.py",
                "sysctl -qw a=1; RUN python3 client.py",
            ),
            (
                "for turn in 1 2; do curl x || exit 1; done",
                "for turn in 1 2; do RUN curl x || exit 1; done",
            ),
            ("pkill -KILL curl", "pkill -KILL curl"),
            ("grep -q python3 log", "grep -q python3 log"),
        ] {
            assert_eq!(wrapped(line, "RUN"), so);
        }
    }
}
