//! `whyreset read` from outside: captures made by hand, joined, streamed, damaged.

#[path = "read/containers.rs"]
mod containers;
#[path = "read/corpus.rs"]
mod corpus;
#[path = "read/hostile.rs"]
mod hostile;
#[path = "read/links.rs"]
mod links;
#[path = "read/losses.rs"]
mod losses;
#[path = "read/lowered.rs"]
mod lowered;
#[path = "read/threads.rs"]
mod threads;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn whyreset(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyreset"));
    command
        .arg("read")
        .args(args)
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    whyreset(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn verdicts(output: &Output) -> Vec<Value> {
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(output));
    let lines = stdout(output);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Files in a folder of their own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("whyreset-read-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
const RST: u8 = 0x04;
const FIN: u8 = 0x01;

/// A capture point: clock, and the TTLs that it sees.
struct Tap {
    bytes: Vec<u8>,
    /// Microseconds by which its clock is ahead.
    ahead: i64,
    /// Last byte of the client's address as this tap sees it.
    client: u8,
    /// What a Linux cooked header (version 2) says of the next segment's way: 0 came in, 4 left.
    way: Option<u8>,
}

impl Tap {
    fn new() -> Self {
        let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
        Self {
            bytes,
            ahead: 0,
            client: 2,
            way: None,
        }
    }

    /// A capture on all interfaces, as Linux makes it.
    fn any() -> Self {
        let mut tap = Self::new();
        tap.bytes[20..24].copy_from_slice(&276_u32.to_le_bytes());
        tap.way = Some(0);
        tap
    }

    /// A segment that comes in at a router and leaves it with one hop less.
    fn through(
        &mut self,
        at: i64,
        server: bool,
        flags: u8,
        (seq, ack): (u32, u32),
        payload: &[u8],
    ) -> &mut Self {
        self.way = Some(0);
        self.segment(at, server, flags, seq, ack, payload, 64);
        self.way = Some(4);
        self.segment(at + 5, server, flags, seq, ack, payload, 63)
    }

    /// One segment at a time in microseconds: `ttl` and numbers as given.
    #[expect(clippy::too_many_arguments, reason = "a header has many fields")]
    fn segment(
        &mut self,
        at: i64,
        server: bool,
        flags: u8,
        seq: u32,
        ack: u32,
        payload: &[u8],
        ttl: u8,
    ) -> &mut Self {
        let total = u16::try_from(40 + payload.len()).unwrap();
        let mut packet = Vec::new();
        if let Some(way) = self.way {
            packet.extend([0x08, 0, 0, 0, 0, 0, 0, 2, 0, 1, way, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
        }
        packet.extend([0x45, 0]);
        packet.extend(total.to_be_bytes());
        packet.extend([u8::from(server) + 1, 0, 0x40, 0, ttl, 6, 0, 0]);
        let (client, serving) = ([10, 0, 0, self.client], [10, 0, 1, 1]);
        packet.extend(if server {
            [serving, client].concat()
        } else {
            [client, serving].concat()
        });
        let ports: [u16; 2] = if server { [80, 40_000] } else { [40_000, 80] };
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.extend(seq.to_be_bytes());
        packet.extend(ack.to_be_bytes());
        let window: u16 = if flags & RST != 0 && flags & ACK == 0 {
            0
        } else {
            500
        };
        packet.extend([0x50, flags]);
        packet.extend(window.to_be_bytes());
        packet.extend([0, 0, 0, 0]);
        packet.extend(payload);
        let time = 1_700_000_000_000_000 + at + self.ahead;
        let length = u32::try_from(packet.len()).unwrap();
        for word in [
            u32::try_from(time / 1_000_000).unwrap(),
            u32::try_from(time % 1_000_000).unwrap(),
            length,
            length,
        ] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(packet);
        self
    }

    /// A handshake and a request, as they pass here. `wait` is the time from SYN to SYN-ACK.
    fn opened(&mut self, wait: i64, client_ttl: u8, server_ttl: u8) -> &mut Self {
        self.segment(0, false, SYN, 100, 0, b"", client_ttl)
            .segment(wait, true, SYN | ACK, 900, 101, b"", server_ttl)
            .segment(wait + 10, false, ACK, 101, 901, b"", client_ttl)
            .segment(
                wait + 20,
                false,
                PSH | ACK,
                101,
                901,
                b"GET / HTTP/1.1\r\n\r\n",
                client_ttl,
            )
    }
}

/// The server answers, sends FIN, and resets what comes after it.
fn late_write() -> Vec<u8> {
    let mut tap = Tap::new();
    tap.opened(1_000, 64, 61)
        .segment(2_000, true, PSH | ACK, 901, 119, b"HTTP/1.1 200 OK\r\n\r\n", 61)
        .segment(2_100, false, ACK, 119, 920, b"", 64)
        .segment(9_000, true, FIN | ACK, 920, 119, b"", 61)
        .segment(9_100, false, ACK, 119, 921, b"", 64)
        .segment(20_000, false, PSH | ACK, 119, 921, b"more", 64)
        .segment(21_000, true, RST, 921, 0, b"", 61);
    tap.bytes
}

#[test]
fn a_capture_gets_a_verdict_in_every_face() {
    let folder = Folder::new("faces");
    let file = folder.put("late.pcap", &late_write());
    let text = run(&[&file]);
    let said = stdout(&text);
    for part in [
        "reset by server",
        "write-after-close",
        "likely",
        "RSTR",
        "frame 10",
        "RST R",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(stderr(&text).contains("10 frames"), "{}", stderr(&text));
    let json = verdicts(&run(&[&file, "-o", "json"]));
    assert_eq!(json.len(), 1);
    for (pointer, expected) in [
        ("/source", Value::from("capture")),
        ("/reset/from", "server".into()),
        ("/reset/frame", 10.into()),
        ("/connection/conn_state", "RSTR".into()),
        ("/connection/roles_known", true.into()),
        ("/cause/certainty", "likely".into()),
        ("/sender/host", "remote".into()),
    ] {
        assert_eq!(json[0].pointer(pointer), Some(&expected), "{pointer}");
    }
    let html = stdout(&run(&[&file, "-o", "html"]));
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    assert!(html.contains("write-after-close") && html.contains("<svg"));
    let markdown = stdout(&run(&[&file, "-o", "markdown"]));
    assert!(
        markdown.contains("sequenceDiagram") && markdown.contains("write-after-close"),
        "{markdown}"
    );
}

#[test]
fn filter_policy_and_tcpdumps_habits() {
    let folder = Folder::new("policy");
    let file = folder.put("late.pcap", &late_write());
    assert_eq!(verdicts(&run(&[&file, "-o", "json", "port", "81"])).len(), 0);
    assert_eq!(
        verdicts(&run(&[&file, "-o", "json", "src host 10.0.1.1 and port 80"])).len(),
        1
    );
    assert_eq!(
        run(&[&file, "--fail-on", "write-after-close"]).status.code(),
        Some(1)
    );
    assert_eq!(run(&[&file, "--fail-on", "oom-killed"]).status.code(), Some(0));
    let as_tcpdump = Command::new(env!("CARGO_BIN_EXE_whyreset"))
        .args(["-r", &file, "-o", "json", "port", "80"])
        .output()
        .unwrap();
    assert_eq!(verdicts(&as_tcpdump).len(), 1);
    let bad = run(&[&file, "port", "eighty"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn two_places_prove_what_one_cannot() {
    let folder = Folder::new("joined");
    // At the client a reset arrives in the server's name; the server's own capture has none, and its
    // clock is three seconds ahead.
    let mut client = Tap::new();
    client
        .opened(2_000, 64, 61)
        .segment(3_000, true, RST | ACK, 901, 119, b"", 61)
        .segment(9_000, true, ACK, 901, 119, b"", 61);
    let mut server = Tap::new();
    server.ahead = 3_000_000;
    server
        .opened(200, 61, 64)
        .segment(2_500, true, ACK, 901, 119, b"", 64)
        .segment(900_000, true, PSH | ACK, 901, 119, b"HTTP/1.1 200 OK\r\n\r\n", 64);
    let at_client = folder.put("client.pcap", &client.bytes);
    let at_server = folder.put("server.pcap", &server.bytes);
    let alone = verdicts(&run(&[&at_client, "-o", "json"]));
    assert_ne!(alone[0]["cause"]["certainty"], "certain", "{}", alone[0]);
    for files in [[&*at_client, &*at_server], [&*at_server, &*at_client]] {
        let output = run(&[files[0], files[1], "-o", "json"]);
        let joined = verdicts(&output);
        assert_eq!(joined.len(), 1, "{joined:?}");
        assert_eq!(joined[0]["cause"]["id"], "injected-reset", "{}", joined[0]);
        assert_eq!(joined[0]["cause"]["certainty"], "certain");
        assert_eq!(joined[0]["reset"]["from"], "between");
        assert!(stderr(&output).contains("clock is"), "{}", stderr(&output));
    }
}

#[test]
fn what_left_one_end_and_came_to_the_other_is_told_once() {
    let folder = Folder::new("both");
    let reset = |tap: &mut Tap, wait: i64, client: u8, server: u8| {
        tap.opened(wait, client, server)
            .segment(wait + 3_000, true, RST | ACK, 901, 119, b"", server);
    };
    let (mut client, mut server) = (Tap::new(), Tap::new());
    reset(&mut client, 2_000, 64, 61);
    reset(&mut server, 100, 61, 64);
    // The client's address is translated on the way.
    server.bytes = {
        let mut other = Tap::new();
        other.client = 77;
        reset(&mut other, 100, 61, 64);
        other.bytes
    };
    let files = [
        folder.put("client.pcap", &client.bytes),
        folder.put("server.pcap", &server.bytes),
    ];
    let joined = verdicts(&run(&[&files[0], &files[1], "-o", "json"]));
    assert_eq!(joined.len(), 1, "{joined:?}");
    assert_eq!(joined[0]["reset"]["seen"], "both");
    assert_eq!(joined[0]["cause"]["id"], "linger-abort");
    assert_ne!(joined[0]["cause"]["certainty"], "certain");
}

#[test]
fn a_router_tells_what_it_made_from_what_it_sent_on() {
    let folder = Folder::new("router");
    let opened = || {
        let mut tap = Tap::any();
        tap.through(0, false, SYN, (100, 0), b"")
            .through(1_000, true, SYN | ACK, (900, 101), b"")
            .through(1_100, false, ACK, (101, 901), b"")
            .through(1_200, false, PSH | ACK, (101, 901), b"PING\r\n")
            .through(1_300, true, PSH | ACK, (901, 107), b"+PONG\r\n")
            .through(1_400, false, ACK, (107, 908), b"");
        tap
    };
    // The router answers what it does not send on.
    let mut made = opened();
    made.way = Some(0);
    made.segment(9_000_000, false, PSH | ACK, 107, 908, b"PING\r\n", 64);
    made.way = Some(4);
    made.segment(9_000_020, true, RST, 908, 0, b"", 64);
    // The server answers, and the router sends that on.
    let mut passed = opened();
    passed
        .through(9_000_000, false, PSH | ACK, (107, 908), b"PING\r\n")
        .through(9_000_200, true, RST, (908, 0), b"");
    for (tap, from, cause) in [
        (made, "between", "firewall-reject"),
        (passed, "server", "connection-forgotten"),
    ] {
        let file = folder.put("router.pcap", &tap.bytes);
        let said = verdicts(&run(&[&file, "-o", "json"]));
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0]["reset"]["from"], from, "{}", said[0]);
        assert_eq!(said[0]["cause"]["id"], cause, "{}", said[0]);
        assert_eq!(said[0]["reset"]["count"], 1, "sent on is not sent twice");
    }
}

#[test]
fn a_host_that_took_an_address_over_is_no_box_between() {
    let folder = Folder::new("taken-over");
    let mut client = Tap::new();
    client
        .opened(1_000, 64, 63)
        .segment(2_000, true, PSH | ACK, 901, 119, b"HTTP/1.1 200 OK\r\n\r\n", 63)
        .segment(2_100, false, ACK, 119, 920, b"", 64)
        .segment(90_000, false, PSH | ACK, 119, 920, b"GET / HTTP/1.1\r\n\r\n", 64)
        .segment(90_200, true, RST, 920, 0, b"", 63);
    let at_client = folder.put("client.pcap", &client.bytes);
    // The host that answers at last had begun to capture before, and saw nothing of it until then.
    let late = |begun: bool| {
        let mut server = Tap::new();
        if begun {
            server.client = 9;
            server.segment(-500_000, false, SYN, 7, 0, b"", 63);
            server.client = 2;
        }
        server
            .segment(90_100, false, PSH | ACK, 119, 920, b"GET / HTTP/1.1\r\n\r\n", 63)
            .segment(90_110, true, RST, 920, 0, b"", 64);
        server.bytes
    };
    for (begun, cause) in [(true, "connection-forgotten"), (false, "unknown")] {
        let at_server = folder.put("server.pcap", &late(begun));
        for files in [[&*at_client, &*at_server], [&*at_server, &*at_client]] {
            let said = verdicts(&run(&[files[0], files[1], "-o", "json"]));
            assert_eq!(said.len(), 1, "{said:?}");
            assert_eq!(said[0]["cause"]["id"], cause, "{}", said[0]);
            assert_eq!(said[0]["reset"]["from"], "server", "{}", said[0]);
            assert_eq!(said[0]["reset"]["seen"], "both");
            assert_eq!(
                said[0]["connection"]["bytes_to_client"], 19,
                "told from where it was seen from the beginning"
            );
        }
    }
}

#[test]
fn a_box_that_translates_answers_in_its_own_name() {
    let folder = Folder::new("translated");
    let (mut client, mut server) = (Tap::new(), Tap::new());
    client.opened(1_000, 64, 62);
    // The client's own capture goes on, and has no reset.
    client.client = 9;
    client.segment(60_000_000, false, SYN, 7, 0, b"", 64);
    server.client = 77;
    server
        .opened(100, 62, 64)
        .segment(17_000_000, true, PSH | ACK, 901, 119, b"late", 64)
        .segment(17_000_200, false, RST, 119, 0, b"", 63);
    let files = [
        folder.put("client.pcap", &client.bytes),
        folder.put("server.pcap", &server.bytes),
    ];
    let alone = verdicts(&run(&[&files[1], "-o", "json"]));
    assert_eq!(alone[0]["cause"]["id"], "unknown", "{}", alone[0]);
    assert_eq!(alone[0]["reset"]["from"], "unknown");
    let joined = verdicts(&run(&[&files[0], &files[1], "-o", "json"]));
    assert_eq!(joined.len(), 1, "{joined:?}");
    assert_eq!(joined[0]["cause"]["id"], "nat-state-lost", "{}", joined[0]);
    assert_eq!(joined[0]["reset"]["from"], "client");
}

#[test]
fn a_stream_is_told_while_it_goes_on() {
    let mut child = whyreset(&["-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut into = child.stdin.take().unwrap();
    into.write_all(&late_write()).unwrap();
    into.flush().unwrap();
    // The stream stays open, and nothing more comes.
    let begin = Instant::now();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("write-after-close"), "{line}");
    assert!(begin.elapsed() < Duration::from_secs(30));
    drop(into);
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_no_capture_is_a_clear_error() {
    let folder = Folder::new("errors");
    let claims = {
        let mut bytes = Tap::new().bytes;
        bytes.extend([
            0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ]);
        bytes.resize(4_096, 0);
        bytes
    };
    let text = folder.put("text.pcap", b"this is no capture at all\n");
    let huge = folder.put("huge.pcap", &claims);
    let empty = folder.put("empty.pcap", b"");
    let missing = folder.path("missing.pcap");
    let directory = folder.0.to_str().unwrap();
    for (file, word) in [
        (&*text, "not a capture"),
        (&*huge, "huge.pcap"),
        (&*empty, "empty"),
        (&*missing, "missing.pcap"),
        (directory, "directory"),
    ] {
        let output = run(&[file]);
        assert_eq!(output.status.code(), Some(2), "{file}: {}", stderr(&output));
        assert!(stderr(&output).contains(word), "{file}: {}", stderr(&output));
    }
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn a_cut_file_is_read_as_far_as_it_goes() {
    let folder = Folder::new("cut");
    let whole = late_write();
    let cut = folder.put("cut.pcap", &whole[..whole.len() - 5]);
    let output = run(&[&cut]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("9 frames"), "{}", stderr(&output));
    assert!(stderr(&output).contains("cut"), "{}", stderr(&output));
}

#[test]
fn the_annotated_copy_holds_the_verdict() {
    let folder = Folder::new("annotate");
    let file = folder.put("late.pcap", &late_write());
    let out = folder.path("out.pcapng");
    let output = run(&[&file, "--annotate", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let copy = fs::read(&out).unwrap();
    let words = b"whyreset: write-after-close";
    assert!(copy.windows(words.len()).any(|window| window == words));
    assert_eq!(
        verdicts(&run(&[&out, "-o", "json"])).len(),
        1,
        "the copy reads the same"
    );
    assert_eq!(
        run(&[&file, "--annotate", &file]).status.code(),
        Some(2),
        "never over its input"
    );
}

#[test]
fn nobody_reading_is_a_quiet_end() {
    let folder = Folder::new("quiet");
    let file = folder.put("late.pcap", &late_write());
    let mut child = whyreset(&[&file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
