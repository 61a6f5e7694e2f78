//! Who reset it, of connections whose truth is known: recall of forged resets and false accusations of
//! hosts, beside two published rules.
//!
//! The connections are made, not measured: hosts and boxes behave as captures and papers describe them, and
//! a box that is described nowhere is not among them. The figures say that the described ones are told
//! apart, by one capture and without their history; they say nothing of how often either occurs.

#[path = "labelled/file.rs"]
mod file;
#[path = "labelled/hosts.rs"]
mod hosts;
#[path = "labelled/injectors.rs"]
mod injectors;
#[path = "labelled/published.rs"]
mod published;
#[path = "labelled/stack.rs"]
mod stack;
#[path = "labelled/talk.rs"]
mod talk;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use talk::{Dice, Talk};

/// Connections that a box reset, and that an end did.
const FORGED: u32 = 172;
const GENUINE: u32 = 1_518;
/// At least so many of the forged must be told, and at most so many of the genuine called forged.
const RECALL: f64 = 0.97;
const FALSE: f64 = 0.005;

/// A connection of known truth.
struct Labelled {
    kind: &'static str,
    forged: bool,
    talk: Talk,
}

fn all() -> Vec<Labelled> {
    let mut dice = Dice(2_026);
    let forged = (0..FORGED).map(|number| (true, number));
    let genuine = (0..GENUINE).map(|number| (false, number));
    forged
        .chain(genuine)
        .map(|(forged, number)| {
            let make = if forged { injectors::one } else { hosts::one };
            let (kind, talk) = make(number, &mut dice);
            Labelled { kind, forged, talk }
        })
        .collect()
}

/// The verdicts of each connection, by its client.
fn verdicts(bytes: &[u8]) -> BTreeMap<String, Vec<Value>> {
    let file = std::env::temp_dir().join(format!("whyreset-labelled-{}.pcap", std::process::id()));
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_whyreset"))
        .args(["read", "-o", "json", "--all"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    _ = std::fs::remove_file(&file);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut by_client: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let verdict: Value = serde_json::from_str(line).unwrap();
        let client = verdict["connection"]["client"].as_str().unwrap().to_owned();
        by_client.entry(client).or_default().push(verdict);
    }
    by_client
}

/// Whether it names something that is neither end, however sure it is.
fn accuses(verdict: &Value) -> bool {
    let word = |pointer: &str| {
        verdict
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let party = ["middlebox", "firewall"].contains(&word("/sender/party"));
    party || word("/sender/host") == "between" || word("/reset/from") == "between"
}

/// How a rule does: forged that it finds, genuine that it accuses.
#[derive(Default)]
struct Score {
    found: u32,
    accused: u32,
}

impl Score {
    fn count(&mut self, forged: bool, says: bool) {
        if forged {
            self.found += u32::from(says);
        } else {
            self.accused += u32::from(says);
        }
    }

    fn rates(&self) -> (f64, f64) {
        let part = |count: u32, of: u32| f64::from(count) / f64::from(of);
        (part(self.found, FORGED), part(self.accused, GENUINE))
    }
}

#[test]
fn forged_resets_are_told_and_hosts_are_not_accused() {
    let all = all();
    let talks: Vec<Talk> = all.iter().map(|one| one.talk.clone()).collect();
    let verdicts = verdicts(&file::capture(&talks));
    let [mut ours, mut bare, mut ttl] = [(); 3].map(|()| Score::default());
    let mut wrong = Vec::new();
    for (number, one) in (0..).zip(&all) {
        let (address, port) = file::client(number);
        let said = verdicts
            .get(&format!("{address}:{port}"))
            .map_or(&[][..], Vec::as_slice);
        assert!(!said.is_empty(), "{}: no reset was told", one.kind);
        let accused = said.iter().any(accuses);
        ours.count(one.forged, accused);
        bare.count(one.forged, published::looks_bare(&one.talk.frames));
        ttl.count(one.forged, published::other_ttl(&one.talk.frames));
        if accused != one.forged {
            let names: Vec<String> = said
                .iter()
                .map(|verdict| format!("{} {}", verdict["cause"]["id"], verdict["cause"]["certainty"]))
                .collect();
            wrong.push(format!("{} ({address}:{port}): {}", one.kind, names.join(", ")));
        }
        for verdict in said {
            assert_ne!(verdict["cause"]["certainty"], "certain", "{}", one.kind);
        }
    }
    for (name, score) in [
        ("whyreset read", &ours),
        ("bare header", &bare),
        ("other TTL", &ttl),
    ] {
        let (recall, accused) = score.rates();
        println!("{name}: recall {recall:.3}, false accusations {accused:.4}");
    }
    let (recall, accused) = ours.rates();
    assert!(
        recall >= RECALL && accused <= FALSE,
        "recall {recall:.3}, false accusations {accused:.4}:\n{}",
        wrong.join("\n")
    );
}
