//! `--logs` against real servers on loopback, twenty innocent clients beside the guilty one: the right
//! line is quoted and none of an innocent request, live and from a capture with the log's clock off and
//! in another zone. Refuses to pass without root; a program that is not there is a skip, and counted.

#[path = "logs_joined/servers.rs"]
mod servers;

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use servers::{SERVERS, Server};

/// A child with all that it starts; ended with the test.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Self {
        use std::os::unix::process::CommandExt as _;
        Self(command.process_group(0).spawn().unwrap())
    }

    fn end(&mut self, signal: Signal) {
        let group = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).unwrap();
        // It may have ended by itself.
        _ = rustix::process::kill_process_group(group, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end(Signal::TERM);
        let patience = Instant::now() + Duration::from_secs(3);
        while Instant::now() < patience && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        self.end(Signal::KILL);
        _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh")
        .args([
            "-c",
            &format!("command -v {program} || ls /usr/lib/postgresql/*/bin/{program}"),
        ])
        .output();
    found.is_ok_and(|found| found.status.success())
}

/// The log as one whose clock is 3.7 s ahead writes it, in a zone two hours away.
fn shifted(log: &str) -> String {
    log.lines()
        .fold(String::new(), |out, line| out + &shifted_line(line) + "\n")
}

fn shifted_line(line: &str) -> String {
    const DAY: u64 = 86_400_000;
    let is_time = |at: &usize| {
        let part = line.as_bytes().get(*at..at + 8);
        part.is_some_and(|part| {
            let shaped = |(index, byte): (usize, &u8)| match index {
                2 | 5 => *byte == b':',
                _ => byte.is_ascii_digit(),
            };
            let begins = *at == 0 || !line.as_bytes()[at - 1].is_ascii_digit();
            begins && part.iter().enumerate().all(shaped)
        })
    };
    let Some(at) = (0..line.len()).find(is_time) else {
        return line.to_owned();
    };
    let number = |from: usize, to: usize| line[from..to].parse::<u64>().unwrap();
    let fraction = line[at + 8..].starts_with('.').then(|| number(at + 9, at + 12));
    let seconds = number(at, at + 2) * 3_600 + number(at + 3, at + 5) * 60 + number(at + 6, at + 8);
    // East in the morning, west in the evening: the date stays.
    let zone = if seconds < 43_200 {
        7_200_000
    } else {
        DAY - 7_200_000
    };
    let moved = (seconds * 1_000 + fraction.unwrap_or(0) + zone + 3_700) % DAY;
    let (whole, rest) = (moved / 1_000, moved % 1_000);
    let out = format!(
        "{}{:02}:{:02}:{:02}",
        &line[..at],
        whole / 3_600,
        whole / 60 % 60,
        whole % 60
    );
    let rest = match fraction {
        Some(_) => format!(".{rest:03}{}", &line[at + 12..]),
        None => line[at + 8..].to_owned(),
    };
    out + &rest
}

/// What was said of the server's port, and what its lines are.
fn quoted(json: &[u8]) -> Vec<(Value, Vec<String>)> {
    String::from_utf8_lossy(json)
        .lines()
        .map(|line| {
            let verdict: Value = serde_json::from_str(line).unwrap();
            let lines = verdict["evidence"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|line| line["cite"].as_str().unwrap().starts_with("log:"))
                .map(|line| line["what"].as_str().unwrap().to_owned())
                .collect();
            (verdict, lines)
        })
        .collect()
}

/// Every line quoted is a right one, and at least one verdict has it.
fn hold(server: &Server, from: &str, json: &[u8], context: &str) {
    let verdicts = quoted(json);
    let says = |line: &String| line.contains(server.says);
    let right = verdicts
        .iter()
        .filter(|(_, lines)| lines.iter().any(says))
        .count();
    for (verdict, lines) in &verdicts {
        let client = verdict["connection"]["client"].as_str().unwrap();
        for line in lines {
            let (ip, port) = client.rsplit_once(':').unwrap();
            // What names this very connection is its own; anything else is right by its words.
            let right = if line.contains("names this connection") {
                line.contains(port) && line.contains(ip)
            } else {
                line.contains(server.says)
            };
            assert!(right, "{} {from}: {client}: {line}", server.name);
        }
    }
    assert!(
        right > 0,
        "{} {from}: none of {} verdicts quotes a line\n{context}",
        server.name,
        verdicts.len()
    );
    println!(
        "{} {from}: {right} of {} verdicts quote their line",
        server.name,
        verdicts.len()
    );
}

/// Starts it, its output in `log`, and waits until it listens.
fn serve(server: &Server, port: u16, dir: &Path, start: &mut Command) -> Group {
    let log = File::create(dir.join("log")).unwrap();
    let group = Group::start(
        start
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null()),
    );
    let patience = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(dir.join("log")).unwrap();
        assert!(
            Instant::now() < patience,
            "{} does not listen:\n{log}",
            server.name
        );
        thread::sleep(Duration::from_millis(50));
    }
    group
}

fn play(server: &Server, port: u16) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let fill = |text: &str| {
        text.replace("@DIR@", dir.to_str().unwrap())
            .replace("@PORT@", &port.to_string())
    };
    for (name, text) in server.files {
        fs::write(dir.join(name), fill(text)).unwrap();
    }
    let shell = |text: &str| {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(fill(text))
            .current_dir(dir)
            .env("TZ", "UTC");
        command
    };
    assert!(shell(server.before).status().unwrap().success());
    let _server = serve(server, port, dir, &mut shell(server.start));
    let patience = Instant::now() + Duration::from_secs(20);
    let trace = dir.join("trace.pcap");
    let mut capture = Group::start(
        Command::new("tcpdump")
            .args(["-q", "-U", "-i", "lo", "-w"])
            .arg(&trace)
            .arg(format!("port {port}"))
            .stderr(Stdio::null()),
    );
    let said = File::create(dir.join("said.json")).unwrap();
    let notices = File::create(dir.join("notices")).unwrap();
    let mut watcher = Group::start(
        Command::new(env!("CARGO_BIN_EXE_whyreset"))
            .args([
                "watch",
                "-o",
                "json",
                "--logs",
                &fill(server.log),
                "port",
                &port.to_string(),
            ])
            .env("TZ", "UTC")
            .stdout(said)
            .stderr(notices),
    );
    while !fs::read_to_string(dir.join("notices"))
        .unwrap()
        .contains("watching")
    {
        assert!(Instant::now() < patience, "the watcher is not attached");
        thread::sleep(Duration::from_millis(50));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs_joined/guilty.py");
    let client = Command::new("python3")
        .arg(script)
        .args([server.name, &port.to_string()])
        .output()
        .unwrap();
    thread::sleep(Duration::from_secs(1));
    watcher.end(Signal::INT);
    watcher.0.wait().unwrap();
    capture.end(Signal::INT);
    capture.0.wait().unwrap();
    let text = fs::read_to_string(dir.join("log")).unwrap_or_default();
    let context = format!(
        "client: {}\n{}\nlog's end:\n{}",
        String::from_utf8_lossy(&client.stdout),
        String::from_utf8_lossy(&client.stderr),
        text.lines().rev().take(30).collect::<Vec<_>>().join("\n")
    );
    let json = fs::read(dir.join("said.json")).unwrap();
    hold(server, "watch", &json, &context);
    if server.named {
        read(server, dir, &text, &context);
    }
}

/// The capture, with the log as it is and with one of another clock.
fn read(server: &Server, dir: &Path, text: &str, context: &str) {
    fs::write(dir.join("shifted"), shifted(text)).unwrap();
    for name in ["log", "shifted"] {
        let output = Command::new(env!("CARGO_BIN_EXE_whyreset"))
            .args(["read", "-o", "json", "--logs"])
            .arg(dir.join(name))
            .arg(dir.join("trace.pcap"))
            .env("TZ", "UTC")
            .output()
            .unwrap();
        hold(server, name, &output.stdout, context);
        let told = String::from_utf8_lossy(&output.stdout).contains("another zone (");
        assert_eq!(
            told,
            name == "shifted",
            "{} {name}: what is said of the clock",
            server.name
        );
    }
}

#[test]
fn ten_servers_lines_are_quoted_and_no_innocents() {
    assert!(
        rustix::process::geteuid().is_root(),
        "nothing was played: run as root, with the servers and tcpdump installed"
    );
    let (mut played, mut skipped) = (0, 0);
    let only = std::env::var("ONLY").ok();
    for server in SERVERS
        .iter()
        .filter(|one| only.as_deref().is_none_or(|only| only == one.name))
    {
        let missing: Vec<_> = server
            .needs
            .iter()
            .chain(&["tcpdump", "python3"])
            .filter(|program| !is_there(program))
            .collect();
        if !missing.is_empty() {
            skipped += 1;
            println!("skipped: {}: {missing:?} not installed", server.name);
            continue;
        }
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        play(server, free);
        played += 1;
    }
    println!("{played} played, {skipped} skipped");
    assert!(played > 0, "nothing was played");
}
