//! `cargo xtask bench rules`: how long the rule that rejected is looked for in a large ruleset: when it
//! was read before, after a change that it had time to read, and right after a change. The rule found
//! must be the right one each time.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Ground, command, median};

const RULES: u32 = 10_000;
/// Elements of each set; every twentieth rule asks one.
const ELEMENTS: u32 = 500;
const QUESTIONS: usize = 40;
/// Long enough for a ruleset of this size to be read unasked; it rests so many times as long as that
/// takes before it does so again.
const READ: Duration = Duration::from_secs(3);
const SHARE: u32 = 20;

/// No rule asks for this port.
const NONE: u32 = 12;

/// Makes the ruleset in a namespace of its own, and asks.
pub fn run(binary: &Path) -> Result<()> {
    let ground = Ground::new()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.nft");
    std::fs::write(&file, ruleset()?)?;
    let nft = |words: &[&str]| command("ip", &[&["netns", "exec", &ground.0, "nft"], words].concat());
    nft(&["-f", &file.to_string_lossy()])?;
    let begin = Instant::now();
    nft(&["-j", "list", "ruleset"])?;
    let listing = begin.elapsed();

    let inode = std::fs::metadata(Path::new("/run/netns").join(&ground.0))?.ino();
    let begin = Instant::now();
    let mut warden = Warden::start(binary, inode)?;
    warden.ask(9_999)?;
    let started = begin.elapsed();
    println!(
        "{RULES} rules, sets of {ELEMENTS} elements. `nft -j list ruleset` alone takes {:.0} ms; started, read with all words and answered: {:.0} ms",
        ms(listing),
        ms(started)
    );
    let mut known = Vec::new();
    for question in 0..QUESTIONS {
        known.push(warden.ask(20_000 + u32::try_from(question * 200)?)?);
    }
    let longest = known.iter().copied().fold(0.0, f64::max);
    println!(
        "read before: {:.1} ms, {longest:.1} ms at most of {QUESTIONS} [< 200 ms]",
        median(&mut known)
    );
    sleep(started * SHARE);
    nft(&[
        "add", "rule", "inet", "lab", "forward", "tcp", "dport", "9", "reject", "with", "tcp", "reset",
    ])?;
    sleep(READ);
    println!(
        "changed {} s ago, read unasked: {:.1} ms [< 200 ms]",
        READ.as_secs(),
        warden.ask(9)?
    );
    nft(&[
        "add", "rule", "inet", "lab", "forward", "tcp", "dport", "10", "reject", "with", "tcp", "reset",
    ])?;
    let held = warden.ask(NONE)?;
    println!("changed just now: held against all of them in {held:.0} ms [< 200 ms]");
    nft(&[
        "add", "rule", "inet", "lab", "forward", "tcp", "dport", "11", "reject", "with", "tcp", "reset",
    ])?;
    println!(
        "changed just now, with the words of the new rule from `nft`, which lists its chain for them: {:.0} ms",
        warden.ask(11)?
    );
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// One chain: rule n rejects port 20,000 + n, or the n-th set of others.
fn ruleset() -> Result<String> {
    let mut out = String::from("table inet lab {\n");
    for set in 0..RULES / 20 {
        let elements: Vec<String> = (0..ELEMENTS)
            .map(|n| (1_000 + (set * 7 + n * 13) % 8_000).to_string())
            .collect();
        writeln!(
            out,
            "set s{set} {{ type inet_service; elements = {{ {} }}; }}",
            elements.join(",")
        )?;
    }
    out.push_str("chain forward { type filter hook forward priority 0;\n");
    for rule in 0..RULES {
        if rule % 20 == 0 {
            writeln!(
                out,
                "ip saddr 192.0.2.{} tcp dport @s{} drop",
                rule % 250,
                rule / 20
            )?;
        } else {
            writeln!(out, "tcp dport {} reject with tcp reset", 20_000 + rule)?;
        }
    }
    out.push_str("tcp dport 9999 reject with tcp reset\n}\n}\n");
    Ok(out)
}

/// The process that reads rules, asked as the watcher asks it.
struct Warden {
    inode: u64,
    child: Child,
    ask: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Warden {
    fn start(binary: &Path, inode: u64) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["warden", &inode.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let ask = child.stdin.take().context("no pipe")?;
        let hear = BufReader::new(child.stdout.take().context("no pipe")?);
        Ok(Self {
            inode,
            child,
            ask,
            hear,
        })
    }

    /// Milliseconds until the rule of this port is found.
    fn ask(&mut self, port: u32) -> Result<f64> {
        // Rules of sets have no port of their own.
        let port = if port >= 20_000 && (port - 20_000).is_multiple_of(20) {
            port + 1
        } else {
            port
        };
        let begin = Instant::now();
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        writeln!(
            self.ask,
            "rules {} 1 198.51.100.7:40000 198.51.100.8:{port} 2 {}",
            self.inode,
            at.as_nanos()
        )?;
        let mut line = String::new();
        self.hear.read_line(&mut line)?;
        let took = ms(begin.elapsed());
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("no answer: {line}"))?;
        if port == NONE {
            let met = answer["resets"].as_array().context("no list")?;
            ensure!(met.is_empty() && answer["whole"] == true, "port {port}: {line}");
            return Ok(took);
        }
        let wanted = format!("tcp dport {port} reject with tcp reset");
        let found = answer["resets"][0][0].as_str().unwrap_or_default();
        ensure!(found.ends_with(&wanted), "port {port}: {line}");
        Ok(took)
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
