//! A bpftrace script on `tcp_send_reset`, run beside the product: what the kernel's own reason tells
//! of the same resets. Refuses to invent an answer where it cannot run: it says why.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::Run;
use crate::sh;

/// The script, from the workspace's root.
const SCRIPT: &str = "xtask/src/score/reset_reason.bt";

/// bpftrace wants tracefs where it looks for it; a mount of our own goes with the process.
const LINE: &str = r#"mount -t tracefs tracefs /sys/kernel/tracing && exec bpftrace -B none "$0""#;

/// Ended, bpftrace throws away what it has not printed yet.
const SETTLED: Duration = Duration::from_millis(500);
/// How often it is asked to end, and how long it has each time. One word that comes just before it begins
/// to wait for events is heard with the next of these, and there may be none.
const ASKED: usize = 50;
const PATIENCE: Duration = Duration::from_millis(200);

/// What it told: the kernel's reason by number, for each run of whose server it saw a reset.
pub type Reasons = BTreeMap<Run, String>;

/// The running script.
pub struct Script {
    child: Child,
    told: Option<JoinHandle<io::Result<String>>>,
}

impl Script {
    /// Starts it; it is attached when this returns. `Err` says why it cannot run here.
    pub fn start() -> Result<Self, String> {
        if sh::find("bpftrace").is_none() {
            return Err("bpftrace is not installed".to_owned());
        }
        let mut child = Command::new("unshare")
            .args(["--mount", "--", "sh", "-c", LINE])
            .arg(sh::root().join(SCRIPT))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run unshare: {error}"))?;
        let stdout = child.stdout.take().ok_or("it has no stdout")?;
        let mut script = Self { child, told: None };
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        while line.trim() != "attached" {
            line.clear();
            if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                return Err(script.complaint());
            }
        }
        // Read as it comes: a full pipe would hold it up.
        script.told = Some(thread::spawn(move || {
            let mut told = String::new();
            stdout.read_to_string(&mut told).map(|_| told)
        }));
        Ok(script)
    }

    /// Ends it; what it printed since it was attached.
    pub fn end(mut self) -> Result<String, String> {
        thread::sleep(SETTLED);
        let pid = self.child.id().to_string();
        let mut asked = 0;
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked == ASKED {
                return Err("bpftrace does not end".to_owned());
            }
            asked += 1;
            // SIGINT is not heeded by what a shell started in the background.
            sh::run(Command::new("kill").args(["-TERM", &pid])).map_err(|error| format!("{error:#}"))?;
            thread::sleep(PATIENCE);
        }
        let told = self.told.take().ok_or("it was not attached")?;
        let told = told.join().map_err(|_| "its reader panicked")?;
        told.map_err(|error| format!("its output cannot be read: {error}"))
    }

    fn complaint(&mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            _ = stderr.read_to_string(&mut said);
        }
        format!("bpftrace ended: {}", said.trim().replace('\n', "; "))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The first reset that it told of each run's server. Whose server was where is written beside the
/// captures.
pub fn by_run(told: &str, captures: &Path) -> Reasons {
    let resets: Vec<(&str, [Option<SocketAddr>; 2])> = told.lines().filter_map(reset).collect();
    let mut reasons = Reasons::new();
    for entry in fs::read_dir(captures).into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((run, server)) = truth(&name, &text) else {
            continue;
        };
        let first = resets.iter().find(|(_, ends)| ends.contains(&Some(server)));
        if let Some((reason, _)) = first {
            reasons.insert(run, (*reason).to_owned());
        }
    }
    reasons
}

/// `reset REASON FROM TO`; an address of zeros is one that the kernel did not tell.
fn reset(line: &str) -> Option<(&str, [Option<SocketAddr>; 2])> {
    let mut words = line.strip_prefix("reset ")?.split(' ');
    let reason = words.next()?;
    Some((reason, [words.next()?.parse().ok(), words.next()?.parse().ok()]))
}

/// The run that `ID-vFAMILY.json` belongs to, and its server.
fn truth(name: &str, text: &str) -> Option<(Run, SocketAddr)> {
    let (id, family) = name.strip_suffix(".json")?.rsplit_once("-v")?;
    let value: Value = serde_json::from_str(text).ok()?;
    let server = value["server"].as_str()?.parse().ok()?;
    Some(((id.to_owned(), family.to_owned()), server))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::{Script, by_run, sh};

    #[test]
    fn the_script_tells_of_a_refused_connection() {
        let script = match Script::start() {
            Ok(script) => script,
            Err(why) if !sh::is_root() || sh::find("bpftrace").is_none() => {
                eprintln!("skipped: {why}");
                return;
            }
            Err(why) => panic!("{why}"),
        };
        // Ports that nobody listens on: that of a listener which is gone.
        let ports = ["127.0.0.1:0", "[::1]:0"].map(|address| {
            let listener = TcpListener::bind(address).expect("loopback");
            let closed = listener.local_addr().expect("an address");
            drop(listener);
            assert!(TcpStream::connect(closed).is_err());
            closed.port()
        });
        let told = script.end().expect("its output");
        let of = |sender: String| {
            told.lines()
                .any(|line| line.starts_with(&format!("reset 1 {sender} ")))
        };
        assert!(of(format!("127.0.0.1:{}", ports[0])), "{told}");
        assert!(of(format!("[0:0:0:0:0:0:0:1]:{}", ports[1])), "{told}");
    }

    #[test]
    fn each_run_gets_the_first_reset_of_its_own_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let truth = |name: &str, server: &str| {
            let text = format!(r#"{{"server":"{server}"}}"#);
            std::fs::write(folder.path().join(name), text).expect("a file");
        };
        truth("unread-data-v4.json", "198.18.0.2:80");
        truth("unread-data-v6.json", "[fd00:77::2]:80");
        truth("healthy-v4.json", "198.18.0.10:80");
        std::fs::write(folder.path().join("unread-data-v4-client.pcap"), "x").expect("a file");
        let told = "reset 1 127.0.0.1:9 127.0.0.1:80\n\
                    reset 11 198.18.0.2:80 198.18.0.1:4000\n\
                    reset 1 198.18.0.2:80 198.18.0.1:4000\n\
                    reset 6 [fd00:77:0:0:0:0:0:2]:80 [0:0:0:0:0:0:0:0]:0\n\
                    reset x\n";
        let reasons = by_run(told, folder.path());
        let expected = [("4", "11"), ("6", "6")]
            .map(|(family, reason)| (("unread-data".to_owned(), family.to_owned()), reason.to_owned()));
        assert_eq!(reasons, expected.into());
    }
}
