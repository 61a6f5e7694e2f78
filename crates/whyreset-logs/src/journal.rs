//! The systemd journal, through a child process of `journalctl -o json` that is ended with its
//! reader. Refuses entries longer than a bounded line.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::LogError;

/// Bytes of one entry's JSON.
const LONGEST: usize = 256 * 1024;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Nanoseconds since the epoch.
    pub ns: i64,
    /// systemd unit.
    pub unit: Option<String>,
    /// `SYSLOG_IDENTIFIER`, else the task's name.
    pub program: Option<String>,
    /// Who wrote it.
    pub pid: Option<u32>,
    /// Its text; binary ones as they are.
    pub message: Vec<u8>,
}

impl Entry {
    /// As a line of text without its end: `2026-11-23T10:00:00.123456Z program[pid]: message`.
    pub fn line(&self) -> Vec<u8> {
        let mut head = String::new();
        if let Ok(at) = jiff::Timestamp::from_nanosecond(self.ns.into()) {
            _ = write!(head, "{at} ");
        }
        head.push_str(
            self.program
                .as_deref()
                .or(self.unit.as_deref())
                .unwrap_or("unknown"),
        );
        if let Some(pid) = self.pid {
            _ = write!(head, "[{pid}]");
        }
        head.push_str(": ");
        let mut line = head.into_bytes();
        // One entry, one line.
        line.extend(self.message.iter().map(|b| if *b == b'\n' { b' ' } else { *b }));
        line
    }
}

/// The child.
pub struct Journal {
    child: Child,
    out: BufReader<ChildStdout>,
    buffer: Vec<u8>,
    /// Rendered lines that are still to be read.
    text: Vec<u8>,
    at: usize,
    /// Entries that were too long or no JSON.
    pub passed_over: u64,
}

impl Journal {
    /// Starts `program` (`journalctl`) for one unit or all, from `since` (journalctl's own words:
    /// `-1h`, `2026-11-23 10:00`), and goes on with what comes where `follow`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        program: &OsStr,
        unit: Option<&str>,
        since: Option<&str>,
        follow: bool,
    ) -> Result<Self, LogError> {
        let mut command = Command::new(program);
        command.args(["--quiet", "--no-pager", "--output=json", "--all"]);
        if let Some(unit) = unit {
            command.arg(format!("--unit={unit}"));
        }
        if let Some(since) = since {
            command.arg(format!("--since={since}"));
        }
        if follow {
            let past = if since.is_some() {
                "--lines=all"
            } else {
                "--lines=0"
            };
            command.args(["--follow", past]);
        }
        let failed = |why| LogError::Start {
            program: program.display().to_string(),
            why,
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let Some(out) = child.stdout.take() else {
            return Err(failed(io::Error::other("it has no output")));
        };
        Ok(Self {
            child,
            out: BufReader::with_capacity(64 * 1024, out),
            buffer: Vec::new(),
            text: Vec::new(),
            at: 0,
            passed_over: 0,
        })
    }

    /// Whether an entry is there, or the end; waits for none.
    pub fn is_ready(&self) -> bool {
        let mut ready = [PollFd::new(self.out.get_ref(), PollFlags::IN)];
        // What cannot be asked tells more when it is read.
        !self.out.buffer().is_empty() || poll(&mut ready, Some(&Timespec::default())) != Ok(0)
    }

    /// The next entry; waits for it. `None` at the end.
    ///
    /// # Errors
    /// The pipe failed.
    pub fn entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            self.buffer.clear();
            let read = (&mut self.out)
                .take(LONGEST as u64)
                .read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            if read == LONGEST && !self.buffer.ends_with(b"\n") {
                self.out.skip_until(b'\n')?;
                self.passed_over += 1;
                continue;
            }
            match entry(&self.buffer) {
                Some(entry) => return Ok(Some(entry)),
                None => self.passed_over += 1,
            }
        }
    }
}

fn entry(json: &[u8]) -> Option<Entry> {
    let value: Value = serde_json::from_slice(json).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let micros: i64 = text("__REALTIME_TIMESTAMP")?.parse().ok()?;
    let message = match value.get("MESSAGE")? {
        Value::String(text) => text.clone().into_bytes(),
        // journalctl writes what is not text as numbers.
        Value::Array(bytes) => bytes
            .iter()
            .filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
            .collect(),
        _ => return None,
    };
    Some(Entry {
        ns: micros.checked_mul(1000)?,
        unit: text("_SYSTEMD_UNIT").or_else(|| text("UNIT")),
        program: text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM")),
        pid: text("_PID")
            .or_else(|| text("SYSLOG_PID"))
            .and_then(|pid| pid.parse().ok()),
        message,
    })
}

/// As lines of text.
impl Read for Journal {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            let Some(entry) = self.entry()? else { return Ok(0) };
            self.at = 0;
            self.text = entry.line();
            self.text.push(b'\n');
        }
        let rest = &self.text[self.at..];
        let taken = rest.len().min(buf.len());
        buf[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn entries_become_lines_and_the_child_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("journalctl");
        let pid_file = folder.path().join("pid");
        fs::write(
            &script,
            format!(
                "#!/bin/sh\necho $$ > {}\n\
                printf '%s\\n' '{{\"__REALTIME_TIMESTAMP\":\"1763899200500000\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_PID\":\"812\",\"MESSAGE\":\"Connection reset\\nby x\"}}'\n\
                echo 'no json'\n\
                printf '%s\\n' '{{\"__REALTIME_TIMESTAMP\":\"1763899201000000\",\"_SYSTEMD_UNIT\":\"a.service\",\"MESSAGE\":[104,105,255]}}'\n\
                exec sleep 600\n",
                pid_file.display()
            ),
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut journal = Journal::start(script.as_os_str(), Some("a"), Some("-1h"), true).unwrap();
        let mut text = vec![0; 62];
        journal.read_exact(&mut text).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&text),
            "2025-11-23T12:00:00.5Z sshd[812]: Connection reset by x\n2025-1"
        );
        let pid: i32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        drop(journal);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        let none = Journal::start(OsStr::new("/nonexistent/journalctl"), None, None, false);
        assert!(matches!(none, Err(LogError::Start { .. })));
    }

    #[test]
    fn hostile_entries_are_passed_over() {
        for json in [
            "",
            "{}",
            "[]",
            "{\"__REALTIME_TIMESTAMP\":\"x\",\"MESSAGE\":\"y\"}",
            "{\"__REALTIME_TIMESTAMP\":\"9223372036854775807\",\"MESSAGE\":\"y\"}",
            "{\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":null}",
        ] {
            assert_eq!(entry(json.as_bytes()), None, "{json}");
        }
    }
}
