//! Each way in which a connection fails, met by ordinary clients of an ordinary user: outcome, stage
//! and side must be right, the exit code the client's own, and an innocent run silent.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use socket2::SockRef;

use crate::clients::{self, CLIENTS, Client};
use crate::ground::{self, Ran, command, finished, ran, script};
use crate::servers::{Way, serve};

/// What is told of each way, and curl's exit codes; the other clients leave with 3.
const WAYS: [(Way, Told, &[i32]); 6] = [
    (
        Way::Refuse,
        Told("refused", Some("rst"), Some("server"), "handshake"),
        &[7],
    ),
    (
        Way::ResetAfterRequest,
        Told("reset", Some("rst"), Some("server"), "after-request"),
        &[56, 52],
    ),
    (
        Way::CloseAfterRequest,
        Told("closed", Some("fin"), Some("server"), "after-request"),
        &[52],
    ),
    (
        Way::ResetInAnswer,
        Told("reset", Some("rst"), Some("server"), "mid-response"),
        &[56, 18],
    ),
    (Way::Silence, Told("silent", None, None, "after-request"), &[28]),
    (Way::Answer, Told("", None, None, ""), &[0]),
];

/// outcome, by, from, stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told(
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
);

impl Told {
    fn is(self, told: &Value) -> bool {
        told["outcome"] == self.0
            && told["by"].as_str() == self.1
            && told["from"].as_str() == self.2
            && told["stage"] == self.3
    }
}

fn words(client: &Client, port: u16) -> Vec<String> {
    match client.file {
        None => ["curl", "-sS", "-m", "2"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("http://127.0.0.1:{port}/")])
            .collect(),
        Some((name, text)) => vec![client.program.to_owned(), script(name, text), port.to_string()],
    }
}

/// One client in every way, as an ordinary user.
pub fn client(name: &str) {
    let client = CLIENTS.iter().find(|client| client.name == name).unwrap();
    for (way, expected, codes) in WAYS {
        let address = serve(way);
        let words = words(client, address.port());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = ran(&["-o", "json"], &words);
        let about = format!("{name} {way:?}: {} {}", ran.stdout, ran.stderr);
        let code = match (client.file, way) {
            (None, _) => codes.contains(&ran.code),
            (Some(_), Way::Answer) => ran.code == 0,
            (Some(_), _) => ran.code == 3,
        };
        assert!(code, "{} {about}", ran.code);
        let told = ran.told();
        if way == Way::Answer {
            assert!(told.is_empty() && ran.stderr.is_empty(), "{about}");
            assert_eq!(ran.stdout.trim(), "ok", "{about}");
            continue;
        }
        assert!(!told.is_empty(), "{about}");
        for told in told {
            assert!(expected.is(&told), "{expected:?} {about}");
            assert_eq!(told["side"], "client", "{about}");
            assert_eq!(told["remote"], address.to_string(), "{about}");
            let sent = told["bytes_sent"].as_u64().unwrap();
            assert_eq!(sent > 0, way != Way::Refuse, "{about}");
            is_verdict(&told["verdict"], &about);
        }
    }
}

/// Where there is one: of the contract, and not surer than one end can be.
fn is_verdict(verdict: &Value, about: &str) {
    if verdict.is_null() {
        return;
    }
    let contract = include_str!("../../../../contracts/verdict-v1.schema.json");
    let contract: Value = serde_json::from_str(contract).unwrap();
    for name in contract["required"].as_array().unwrap() {
        assert!(verdict.get(name.as_str().unwrap()).is_some(), "{name} {about}");
    }
    let outcomes = contract["properties"]["outcome"]["enum"].as_array().unwrap();
    assert!(outcomes.contains(&verdict["outcome"]), "{about}");
    assert_ne!(verdict["cause"]["certainty"], "certain", "{about}");
}

fn one(text: &'static str, name: &str, way: Way, code: i32) -> Value {
    let file = script(name, text);
    let ran = ran(
        &["-o", "json"],
        &["python3", &file, &serve(way).port().to_string()],
    );
    assert_eq!(ran.code, code, "{}", ran.stderr);
    only(&ran)
}

fn only(ran: &Ran) -> Value {
    let told = ran.told();
    assert_eq!(told.len(), 1, "{}", ran.stderr);
    is_verdict(&told[0]["verdict"], &ran.stderr);
    told[0].clone()
}

/// A pooled connection that the server aborts while nobody speaks.
pub fn idle() {
    let told = one(clients::POOLED, "pooled.py", Way::ResetIdle, 3);
    assert!(
        Told("reset", Some("rst"), Some("server"), "idle").is(&told),
        "{told}"
    );
    let silence = told["silence_ms"].as_f64().unwrap();
    assert!((1_400.0..4_000.0).contains(&silence), "{told}");
}

/// A program that resets its own connection is told so, and why.
pub fn own_aborts() {
    for (text, name, cause) in [
        (clients::UNREAD, "unread.py", "unread-data"),
        (clients::LINGER, "linger.py", "linger-abort"),
    ] {
        let told = one(text, name, Way::Answer, 0);
        assert_eq!(
            (&told["outcome"], &told["from"]),
            (&"aborted".into(), &"client".into()),
            "{told}"
        );
        assert_eq!(told["verdict"]["cause"]["id"], cause, "{told}");
        assert_eq!(told["verdict"]["cause"]["certainty"], "likely", "{told}");
    }
}

/// ECONNRESET without a RST: AF_UNIX.
pub fn unix() {
    let told = one(clients::UNIX, "unix.py", Way::Refuse, 3);
    assert!(Told("reset", Some("unix"), None, "open").is(&told), "{told}");
    assert!(told["verdict"].is_null(), "{told}");
}

/// A server is run, and its client aborts.
pub fn server() {
    let file = script("server.py", clients::SERVER);
    let mut child = command(&["-o", "json"], &["python3", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let port: u16 = line.trim().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = only(&Ran {
        code: 3,
        stdout: String::new(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    });
    assert!(
        Told("reset", Some("rst"), Some("client"), "after-request").is(&told),
        "{told}"
    );
    assert_eq!(told["side"], "server");
    assert_eq!(told["bytes_received"], 3);
}

/// Children are followed, also those of children and those that start late.
pub fn children() {
    let port = serve(Way::ResetAfterRequest).port();
    let line = format!("sleep 0.3; (sh -c 'curl -s http://127.0.0.1:{port}/; true' &) ; wait; sleep 0.5");
    let ran = ran(&["-o", "json"], &["sh", "-c", &line]);
    assert_eq!(ran.code, 0);
    let told = only(&ran);
    assert_eq!(told["process"]["name"], "curl", "{told}");
    assert_eq!(told["outcome"], "reset", "{told}");
}

/// With every call watched, the very error that a read or write gave.
pub fn every_call() {
    let port = serve(Way::ResetAfterRequest).port();
    let url = format!("http://127.0.0.1:{port}/");
    let told = only(&ran(&["--every-call", "-o", "json"], &["curl", "-s", &url]));
    assert!(
        Told("reset", Some("rst"), Some("server"), "after-request").is(&told),
        "{told}"
    );
    assert_eq!(told["errno_known"], "returned", "{told}");
}

/// The report for people says the same, and can go to a file.
pub fn text_and_file() {
    let port = serve(Way::CloseAfterRequest).port();
    let url = format!("http://127.0.0.1:{port}/");
    let text = ran(&[], &["curl", "-s", &url]).stderr;
    for part in [
        "closed in order by the server (FIN, no reset)",
        "Empty reply",
        "next",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let file = script("report.txt", "");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&file, open).unwrap();
    let ran = ran(&["-q", "--report", &file], &["curl", "-s", &url]);
    assert_eq!((ran.code, ran.stderr.as_str()), (52, ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
}

/// As root the kernel tells who and why, of the command's processes alone.
pub fn kernel() {
    let ours = serve(Way::ResetAfterRequest).port();
    let other = serve(Way::ResetAfterRequest);
    let line = format!("sleep 0.3; curl -s http://127.0.0.1:{ours}/; sleep 0.5; exit 7");
    let meanwhile = std::thread::spawn(move || {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(100));
            _ = TcpStream::connect(other).map(|mut stream| stream.write_all(b"GET / HTTP/1.1\r\n\r\n"));
        }
    });
    let ran = finished(ground::privileged(
        &["-o", "json", "--by", "kernel"],
        &["sh", "-c", &line],
    ));
    meanwhile.join().unwrap();
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let told = ran.told();
    assert_eq!(told.len(), 1, "{}", ran.stderr);
    let told = &told[0];
    assert!(
        Told("reset", Some("rst"), Some("server"), "after-request").is(told),
        "{told}"
    );
    assert_eq!(told["process"]["name"], "curl", "{told}");
    let cause = &told["verdict"]["cause"];
    assert_eq!(
        (&cause["id"], &cause["certainty"]),
        (&"unread-data".into(), &"certain".into())
    );
}
