//! Runs a firewall's own tool and takes what it prints: bounded in time and in bytes, and ended by
//! its process id where it takes too long. Refuses a shell.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: u64 = 64 << 20;
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"];

/// Where the program is.
fn find(program: &str) -> Option<std::path::PathBuf> {
    FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
}

pub(super) fn exists(program: &str) -> bool {
    find(program).is_some()
}

/// What it prints on standard output.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let path = find(program).ok_or_else(|| format!("{program} is not installed"))?;
    let mut child = Command::new(path)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    let Some(output) = child.stdout.take() else {
        return Err(format!("{program} has no output"));
    };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(LONGEST).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody waits any more where it took too long.
        _ = send.send(read);
    });
    let bytes = receive.recv_timeout(PATIENCE);
    if bytes.is_err() {
        _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!("{program}: {error}"))?;
    let bytes = bytes
        .map_err(|_| format!("{program} took longer than {} s", PATIENCE.as_secs()))?
        .map_err(|error| format!("{program}: {error}"))?;
    if !status.success() {
        return Err(format!("{program} ended with {status}"));
    }
    if bytes.len() as u64 >= LONGEST {
        return Err(format!("{program} printed more than {} MiB", LONGEST >> 20));
    }
    Ok(bytes)
}
