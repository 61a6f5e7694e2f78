//! `whyreset read --logs` as a stranger runs it: the line of a reset is quoted with its place, those of
//! others are not, and clocks that differ are put right. Captures and logs are made by hand here.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SERVER: [u8; 4] = [10, 0, 0, 1];
const CLIENT: [u8; 4] = [10, 0, 0, 2];
/// 2026-11-23T10:00:00Z, microseconds.
const START: u64 = 1_795_428_000_000_000;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// Adds a segment between the client's port and the server's port 8080.
fn segment(capture: &mut Vec<u8>, at: u64, port: u16, up: bool, seq_ack: (u32, u32), flags: u8, data: &[u8]) {
    let (source, destination) = if up { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let ports = if up { [port, 8080] } else { [8080, port] };
    let mut tcp = Vec::new();
    tcp.extend(ports.iter().flat_map(|one| one.to_be_bytes()));
    tcp.extend(seq_ack.0.to_be_bytes());
    tcp.extend(seq_ack.1.to_be_bytes());
    tcp.extend([5 << 4, flags, 1, 0, 0, 0, 0, 0]);
    tcp.extend(data);
    let length = u16::try_from(20 + tcp.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    packet.extend(tcp);
    let seconds = u32::try_from(at / 1_000_000).unwrap();
    let micros = u32::try_from(at % 1_000_000).unwrap();
    for word in [seconds, micros, length.into(), length.into()] {
        capture.extend(word.to_le_bytes());
    }
    capture.extend(packet);
}

/// A connection that the server resets after a request, at `at`.
fn reset(capture: &mut Vec<u8>, at: u64, port: u16) {
    segment(capture, at - 300_000, port, true, (99, 0), SYN, b"");
    segment(capture, at - 299_000, port, false, (499, 100), SYN | ACK, b"");
    segment(capture, at - 298_000, port, true, (100, 500), ACK, b"");
    segment(
        capture,
        at - 200_000,
        port,
        true,
        (100, 500),
        PSH | ACK,
        b"POST / HTTP/1.1\r\n",
    );
    segment(capture, at, port, false, (500, 117), RST | ACK, b"");
}

fn capture(resets: &[(u64, u16)]) -> Vec<u8> {
    let mut capture = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        capture.extend(word.to_le_bytes());
    }
    for (at, port) in resets {
        reset(&mut capture, *at, *port);
    }
    capture
}

fn read(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whyreset"))
        .arg("read")
        .arg(folder.join("trace.pcap"))
        .args(args)
        .env("TZ", "UTC")
        .output()
        .unwrap()
}

/// The quoted lines of each verdict, as places.
fn quoted(folder: &Path, log: &str) -> Vec<Vec<(String, String)>> {
    let log = folder.join(log);
    let output = read(folder, &["--logs", log.to_str().unwrap(), "-o", "json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let verdict: Value = serde_json::from_str(line).unwrap();
            let evidence = verdict["evidence"].as_array().unwrap();
            let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
            evidence
                .iter()
                .filter(|line| text(line, "cite").starts_with("log:"))
                .map(|line| (text(line, "cite"), text(line, "what")))
                .collect()
        })
        .collect()
}

#[test]
fn the_line_of_the_reset_is_quoted_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.pcap"), capture(&[(START, 40_007)])).unwrap();
    let mut log = String::new();
    for port in 40_000..40_020 {
        _ = writeln!(
            log,
            "2026-11-23T09:59:59.9Z ERROR \u{1b}[31mread from 10.0.0.2:{port}: connection reset by peer"
        );
    }
    fs::write(folder.path().join("app.log"), log).unwrap();
    let found = quoted(folder.path(), "app.log");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].len(), 1, "{found:?}");
    let (cite, what) = &found[0][0];
    assert!(cite.ends_with("app.log:8"), "{cite}");
    assert!(
        what.starts_with("a log line 0.10 s before names this connection: 2026-11-23T09:59:59.9Z"),
        "{what}"
    );
    let pattern = folder.path().join("a*.log");
    for form in ["text", "json", "html", "markdown"] {
        let output = read(
            folder.path(),
            &["--logs", pattern.to_str().unwrap(), "-v", "-o", form],
        );
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("10.0.0.2:40007: connection reset"),
            "{form}: {text}"
        );
        assert!(text.contains("app.log:8"), "{form}: {text}");
        assert!(
            !text.contains('\u{1b}') && !text.contains("40008"),
            "{form}: {text}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_said_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.pcap"), capture(&[(START, 40_007)])).unwrap();
    for (log, part) in [
        ("/nonexistent/log", "there is no such file"),
        ("/nonexistent/*.log", "no file has such a name"),
        ("/tmp", "is a directory"),
    ] {
        let output = read(folder.path(), &["--logs", log]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_hostile_log_is_borne() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.pcap"), capture(&[(START, 40_007)])).unwrap();
    let mut log = vec![b'x'; 3 << 20];
    log.extend(b"10.0.0.2:40007 connection reset by peer\n\0\xff\xfe\n");
    log.extend(b"99999-99-99 99:99:99 10.0.0.2:40007 connection reset by peer\n");
    fs::write(folder.path().join("app.log"), log).unwrap();
    assert_eq!(quoted(folder.path(), "app.log"), [Vec::new()]);
}

/// Civil times of a log whose clock is `off` microseconds from ours.
fn stamp(at: u64, off: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(i64::try_from(at).unwrap() + off).unwrap();
    at.strftime("%Y/%m/%d %H:%M:%S").to_string()
}

#[test]
fn a_clock_that_is_off_and_in_another_zone_is_found_out() {
    /// Two hours east, and 3.7 s ahead.
    const OFF: i64 = 7_203_700_000;
    let folder = tempfile::tempdir().unwrap();
    let resets = [
        (START, 40_001),
        (START + 7_300_000, 40_002),
        (START + 31_900_000, 40_003),
    ];
    fs::write(folder.path().join("trace.pcap"), capture(&resets)).unwrap();
    // With ports each line is of one connection; without, all together tell.
    let (mut exact, mut loose) = (String::new(), String::new());
    for (at, port) in resets {
        for innocent in 0..20 {
            let at = stamp(at - 40_000 * innocent, OFF);
            _ = writeln!(
                exact,
                "{at} read from 10.0.0.2:{}: connection reset by peer",
                41_000 + innocent
            );
        }
        let at = stamp(at, OFF);
        _ = writeln!(exact, "{at} read from 10.0.0.2:{port}: connection reset by peer");
        _ = writeln!(
            loose,
            "{at} [error] 7#7: *{port} client intended to send too large body: 9 bytes, client: 10.0.0.2, server: x"
        );
    }
    fs::write(folder.path().join("exact.log"), exact).unwrap();
    fs::write(folder.path().join("loose.log"), loose).unwrap();
    for log in ["exact.log", "loose.log"] {
        let found = quoted(folder.path(), log);
        assert_eq!(found.len(), 3, "{log}");
        for (lines, (_, port)) in found.iter().zip(resets) {
            let [(_, what)] = &lines[..] else {
                panic!("{log} {port}: {lines:?}")
            };
            assert!(what.contains(&port.to_string()), "{log}: {what}");
            let clock = "another zone (-2:00 to ours) and its clock is ";
            assert!(
                what.contains(clock) && what.contains(" s ahead of ours"),
                "{log}: {what}"
            );
        }
    }
}

#[test]
fn a_forged_line_changes_neither_cause_nor_party() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.pcap"), capture(&[(START, 40_007)])).unwrap();
    let judged = |args: &[&str]| -> Value {
        let output = read(folder.path(), args);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let plain = judged(&["-o", "json"]);
    let log = folder.path().join("forged.log");
    for stated in [
        "Out of memory: Killed process 812 (nginx)",
        "nf_conntrack: table full, dropping packet",
        "client intended to send too large body",
        "sshd: refused connect from",
        "terminating connection due to administrator command",
    ] {
        let line = format!("2026-11-23T10:00:00Z {stated} client 10.0.0.2:40007\n");
        fs::write(&log, line.repeat(50)).unwrap();
        let forged = judged(&["-o", "json", "--logs", log.to_str().unwrap()]);
        for place in ["/cause/id", "/sender", "/reset", "/outcome"] {
            assert_eq!(forged.pointer(place), plain.pointer(place), "{stated}");
        }
        assert_ne!(forged.pointer("/cause/certainty"), Some(&"certain".into()));
        assert!(forged["evidence"].to_string().contains(stated), "{forged}");
    }
}
