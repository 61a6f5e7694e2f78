//! What is kept of a run beside its verdicts: the decisive frames for a ladder, and whole captures
//! with the truth beside them. Refuses to run where a capture was asked for and cannot be made.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal};
use serde_json::json;
use whyreset_evidence::Flags;

use crate::netns::Namespace;
use crate::puppet::actor;
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::topology::{End, Family};
use crate::wire::{Frame, Recorder};

/// Rungs of a ladder: the beginning, and what led to the reset.
const FIRST: usize = 4;
const LAST: usize = 10;

/// Bytes of a frame that a capture keeps: all of it. In immediate mode each frame takes this much
/// of the buffer, however small it is, so that a larger number or a smaller buffer loses frames.
const SNAPLEN: &str = "65535";
/// KiB: 512 frames.
const BUFFER: &str = "32768";

/// The decisive part of one connection.
#[derive(Clone, Debug)]
pub struct Wire {
    /// The server's address.
    pub server: SocketAddr,
    /// Its frames in order; those left out stand between the first ones and the last ones.
    pub frames: Vec<Frame>,
    /// How many were left out, and before which of `frames`.
    pub left_out: Option<(usize, usize)>,
}

/// Records at the client, and at the server for what never reached the client.
pub(super) struct Ears(Vec<Recorder>);

impl Ears {
    pub(super) fn open(stage: &Stage) -> anyhow::Result<Self> {
        let open = |end| {
            let namespace = stage.at(end)?;
            let interface = stage.topology()?.interface();
            namespace.inside(|| Recorder::both_ways(interface))
        };
        Ok(Self(vec![open(End::Client)?, open(End::Server)?]))
    }

    /// The connection of the last reset that concerns this server's port, or of the last frame.
    pub(super) fn decisive(self, server: Option<SocketAddr>) -> anyhow::Result<Option<Wire>> {
        let mut heard = Vec::new();
        for recorder in self.0 {
            heard.push(recorder.stop()?);
        }
        let Some(port) = server.map(|server| server.port()) else {
            return Ok(None);
        };
        for frames in &mut heard {
            frames.retain(|frame| frame.source.port() == port || frame.destination.port() == port);
        }
        let is_reset = |frame: &Frame| frame.segment.flags.has(Flags::RST);
        let place = heard.iter().position(|frames| frames.iter().any(is_reset));
        let mut frames = heard.swap_remove(place.unwrap_or(0));
        let reset = frames.iter().rposition(is_reset);
        let Some(last) = reset.or_else(|| frames.len().checked_sub(1)) else {
            return Ok(None);
        };
        let pair = ends(&frames[last]);
        let mut frames: Vec<Frame> = frames
            .drain(..=last)
            .filter(|frame| ends(frame) == pair)
            .collect();
        let server = if pair.0.port() == port { pair.0 } else { pair.1 };
        let left_out = frames.len().checked_sub(FIRST + LAST).filter(|&count| count > 0);
        if let Some(count) = left_out {
            frames.drain(FIRST..FIRST + count);
        }
        Ok(Some(Wire {
            server,
            frames,
            left_out: left_out.map(|count| (count, FIRST)),
        }))
    }
}

/// Both addresses, in an order that does not depend on the direction.
fn ends(frame: &Frame) -> (SocketAddr, SocketAddr) {
    let (a, b) = (frame.source, frame.destination);
    if a < b { (a, b) } else { (b, a) }
}

/// A `tcpdump` at each end, and at the router where there is one.
pub(super) struct Captures {
    tcpdumps: Vec<Tcpdump>,
    stem: PathBuf,
}

struct Tcpdump {
    child: Child,
    said: BufReader<ChildStderr>,
    place: &'static str,
}

impl Captures {
    /// Begins; each `tcpdump` has said that it listens.
    pub(super) fn start(
        program: &Path,
        stage: &Stage,
        folder: &Path,
        id: &str,
        family: Family,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let stem = folder.join(format!("{id}-v{family}"));
        let mut tcpdumps = Vec::new();
        let topology = stage.topology()?;
        let own = topology.interface();
        let mut places = vec![
            (topology.at(End::Client), "client", own),
            (topology.at(End::Server), "server", own),
        ];
        // A router's own reset leaves by one interface alone, and which one is not known before.
        places.extend(topology.router().map(|router| (router, "router", "any")));
        for (namespace, word, interface) in places {
            let mut child = tcpdump(program, namespace, interface)
                .arg(beside(&stem, word, "pcap"))
                .arg("tcp or icmp or icmp6")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .context("cannot run `tcpdump`; apt install tcpdump")?;
            let mut said = BufReader::new(child.stderr.take().context("tcpdump has no stderr")?);
            if let Err(why) = listens(&mut said) {
                _ = child.kill();
                _ = child.wait();
                bail!("tcpdump did not start (apt install tcpdump): {why}");
            }
            tcpdumps.push(Tcpdump {
                child,
                said,
                place: word,
            });
        }
        Ok(Self { tcpdumps, stem })
    }

    /// Ends it, and writes the truth beside.
    pub(super) fn finish(mut self, scenario: &Scenario, server: Option<SocketAddr>) -> anyhow::Result<()> {
        let mut lost = BTreeMap::new();
        for tcpdump in &mut self.tcpdumps {
            if let Some(pid) = i32::try_from(tcpdump.child.id()).ok().and_then(Pid::from_raw) {
                rustix::process::kill_process(pid, Signal::INT)?;
            }
            let mut said = String::new();
            tcpdump.said.read_to_string(&mut said)?;
            tcpdump.child.wait()?;
            lost.insert(tcpdump.place, dropped(&said));
        }
        let truth = &scenario.truth;
        let text = json!({
            "scenario": scenario.id, "summary": scenario.summary, "cause": scenario.cause,
            "or": truth.or, "mechanism": truth.mechanism, "situation": truth.situation, "outcome": truth.outcome,
            "party": truth.party, "from": truth.from, "benign": truth.benign, "victim": truth.victim,
            "server": server.map(|server| server.to_string()), "lost": lost,
        });
        let path = self.stem.with_added_extension("json");
        fs::write(&path, format!("{text:#}\n")).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Captures {
    fn drop(&mut self) {
        for tcpdump in &mut self.tcpdumps {
            let _ = tcpdump.child.kill();
            let _ = tcpdump.child.wait();
        }
    }
}

/// A `tcpdump` in a namespace; the file to write is yet to be said.
fn tcpdump(program: &Path, namespace: &Namespace, interface: &str) -> Command {
    let mut command = actor(program, "exec");
    command
        .arg(format!("netns={}", namespace.path().display()))
        .args(["--", "tcpdump", "-i", interface, "-U", "--immediate-mode"])
        .args(["-Z", "root", "-s", SNAPLEN, "-B", BUFFER, "-w"]);
    command
}

/// Waits until it says that it listens; on `any` it says other things before. `Err` is what it
/// said instead.
fn listens(said: &mut impl BufRead) -> Result<(), String> {
    let mut before = String::new();
    for line in said.lines() {
        let line = line.map_err(|error| error.to_string())?;
        if line.contains("listening on") {
            return Ok(());
        }
        before.push_str(&line);
        before.push(' ');
    }
    Err(before.trim().to_owned())
}

/// How many packets it had no room for, as it says at its end; none where it does not say so.
fn dropped(said: &str) -> Option<u64> {
    let line = said
        .lines()
        .find_map(|line| line.strip_suffix(" dropped by kernel"))?;
    line.split(' ').next()?.parse().ok()
}

fn beside(stem: &Path, word: &str, extension: &str) -> PathBuf {
    let mut name = stem.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{word}.{extension}"));
    stem.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::{dropped, listens};

    #[test]
    fn what_tcpdump_says_is_understood() {
        let mut said = &b"tcpdump: data link type LINUX_SLL2\ntcpdump: listening on any\nmore\n"[..];
        assert_eq!(listens(&mut said), Ok(()));
        assert_eq!(said, b"more\n");
        let refused = listens(&mut &b"tcpdump: x: No such device exists\n"[..]);
        assert_eq!(refused, Err("tcpdump: x: No such device exists".to_owned()));
        let end = "16 packets captured\n23 packets received by filter\n7 packets dropped by kernel\n";
        assert_eq!(dropped(end), Some(7));
        assert_eq!(dropped("16 packets captured\n"), None);
    }
}
