//! What other tools say of the same runs: Wireshark's expert information and tcptrace, where they
//! are installed. Refuses to read a cause into what names none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::sh;

/// What one tool said.
pub struct Peer {
    pub name: &'static str,
    /// Captures that it looked at; none where it is not installed.
    pub captures: Option<usize>,
    /// In how many it told of a reset.
    pub resets: usize,
    /// How it words it, the most common wording.
    pub words: String,
}

/// Asks each tool about the captures at the clients' ends.
pub fn look(folder: &Path) -> Result<Vec<Peer>> {
    let mut captures: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with("-client.pcap"))
        .collect();
    captures.sort();
    Ok(vec![
        ask("tshark (expert information)", "tshark", &captures, |path| {
            let mut command = Command::new("tshark");
            command.arg("-r").arg(path);
            command.args([
                "-Y",
                "tcp.flags.reset==1",
                "-T",
                "fields",
                "-e",
                "_ws.expert.message",
            ]);
            command
        }),
        ask("tcptrace", "tcptrace", &captures, |path| {
            let mut command = Command::new("tcptrace");
            command.arg("-n").arg(path);
            command
        }),
    ])
}

fn ask(name: &'static str, program: &str, captures: &[PathBuf], command: impl Fn(&Path) -> Command) -> Peer {
    let mut peer = Peer {
        name,
        captures: None,
        resets: 0,
        words: String::new(),
    };
    if sh::find(program).is_none() {
        return peer;
    }
    for path in captures {
        let Ok(output) = command(path).output() else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
        if let Some(line) = text.lines().find(|line| line.contains("reset")) {
            peer.resets += 1;
            if peer.words.is_empty() {
                peer.words = line.split_whitespace().collect::<Vec<_>>().join(" ");
            }
        }
    }
    peer.captures = Some(captures.len());
    peer
}
