//! Each fault as its victim meets it, and the watcher's verdict on the same connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ground::{ANSWER, Ended, Proxy, Server, Watch, ask, assert_cause, rest};

const LOCAL: &str = "127.0.0.1";

/// One client of a proxy with this fault: what it read at the end, and the verdict on its connection.
fn struck(
    address: &str,
    fault: &str,
    client: impl FnOnce(&mut TcpStream),
) -> (usize, Ended, serde_json::Value) {
    let server = Server::start(address);
    let proxy = Proxy::start(&server, &[fault]);
    let watch = Watch::start(&[proxy.at.port()]);
    let mut stream = proxy.connect();
    client(&mut stream);
    let (bytes, ended) = rest(&mut stream);
    (bytes, ended, watch.verdict_on(proxy.at))
}

pub fn linger() {
    let (_, ended, verdict) = struck(LOCAL, "linger", |_| {});
    assert_eq!(ended, Ended::Reset);
    assert_cause(&verdict, "linger-abort");
}

pub fn linger_v6() {
    let (_, ended, verdict) = struck("::1", "linger,after=100", |stream| ask(stream, b"hi"));
    assert_eq!(ended, Ended::Reset);
    assert_cause(&verdict, "linger-abort");
}

pub fn reset_peer() {
    let (bytes, ended, verdict) = struck(LOCAL, "reset_peer,timeout=100", |stream| {
        stream.write_all(b"hi").unwrap();
    });
    assert_eq!((bytes, ended), (0, Ended::Reset));
    assert_cause(&verdict, "linger-abort");
}

pub fn unread() {
    let (_, ended, verdict) = struck(LOCAL, "unread", |stream| stream.write_all(b"hello").unwrap());
    assert_eq!(ended, Ended::Reset);
    assert_cause(&verdict, "unread-data");
}

pub fn late_write() {
    let (_, _, verdict) = struck(LOCAL, "late-write,idle=50", |stream| {
        ask(stream, b"hi");
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it ends in order");
        // The proxy has closed: what is written now is written too late, which the next write learns.
        sleep(Duration::from_millis(50));
        stream.write_all(b"more").unwrap();
        sleep(Duration::from_millis(50));
        let error = stream.write_all(b"and more").expect_err("a broken pipe");
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    });
    assert_cause(&verdict, "write-after-close");
}

pub fn mid_response() {
    let (bytes, ended, verdict) = struck(LOCAL, "mid-response,bytes=20", |stream| {
        stream.write_all(b"hi").unwrap();
    });
    assert_eq!((bytes, ended), (20, Ended::Reset));
    assert_cause(&verdict, "linger-abort");
    assert_eq!(verdict["connection"]["bytes_to_client"], 20, "{verdict:#}");
}

pub fn on_idle() {
    let begun = Instant::now();
    let (_, ended, verdict) = struck(LOCAL, "on-idle,idle=400,how=linger", |stream| ask(stream, b"hi"));
    assert_eq!(ended, Ended::Reset);
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert_cause(&verdict, "linger-abort");
    let idle = verdict["connection"]["idle_ms"].as_f64().unwrap();
    assert!((390.0..2_000.0).contains(&idle), "{verdict:#}");
}

pub fn on_nth_request() {
    let (bytes, ended, verdict) = struck(LOCAL, "on-nth-request,n=3,how=unread", |stream| {
        ask(stream, b"one");
        ask(stream, b"two");
        stream.write_all(b"three").unwrap();
    });
    assert_eq!((bytes, ended), (0, Ended::Reset));
    assert_cause(&verdict, "unread-data");
}

pub fn refuse() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &["refuse"]);
    let watch = Watch::start(&[proxy.at.port()]);
    // Its port is closed as soon as it has heard of the fault.
    let limit = Instant::now() + super::ground::PATIENCE;
    while TcpStream::connect(proxy.at).is_ok() {
        assert!(Instant::now() < limit);
    }
    let verdicts = watch.verdicts();
    let refused = verdicts
        .iter()
        .find(|verdict| verdict["cause"]["id"] == "no-listener")
        .unwrap_or_else(|| panic!("{verdicts:#?}"));
    assert_eq!(refused["outcome"], "refused", "{refused:#}");
}

pub fn half_close() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &["half-close,after=50"]);
    let watch = Watch::start(&[proxy.at.port(), server.at.port()]);
    let mut stream = proxy.connect();
    stream.write_all(b"hi").unwrap();
    let (_, ended) = rest(&mut stream);
    assert_eq!(ended, Ended::Fin);
    // What the client still says is taken.
    stream.write_all(b"more").unwrap();
    sleep(Duration::from_millis(50));
    stream.write_all(b"and more").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    server.ended(1);
    assert!(watch.verdicts().is_empty(), "nobody reset");
}

pub fn hang() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &["hang"]);
    let watch = Watch::start(&[proxy.at.port(), server.at.port()]);
    let mut stream = proxy.connect();
    stream.write_all(b"hi").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let error = stream.read(&mut [0]).expect_err("nothing comes");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    assert!(watch.verdicts().is_empty(), "nobody reset");
}

pub fn backlog() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &["backlog,size=0"]);
    sleep(Duration::from_millis(100));
    let mut first = TcpStream::connect(proxy.at).expect("the queue has room for one");
    first.write_all(b"hi").unwrap();
    first.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(first.read(&mut [0]).is_err(), "nobody accepts it");
    let second = TcpStream::connect_timeout(&proxy.at, Duration::from_millis(700));
    assert_eq!(
        second.expect_err("and none for two").kind(),
        std::io::ErrorKind::TimedOut
    );
    // Whom the kernel took in is reset when the program ends.
    let watch = Watch::start(&[proxy.at.port()]);
    let at = proxy.at;
    proxy.end();
    let (_, ended) = rest(&mut first);
    assert_eq!(ended, Ended::Reset);
    let verdict = watch.verdict_on(at);
    assert_eq!(verdict["cause"]["id"], "never-accepted", "{verdict:#}");
}

pub fn upstream() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &["linger,after=100,direction=upstream"]);
    let watch = Watch::start(&[server.at.port()]);
    let mut stream = proxy.connect();
    ask(&mut stream, b"hi");
    assert_eq!(server.ended(1), [Ended::Reset]);
    let (_, ended) = rest(&mut stream);
    assert_eq!(ended, Ended::Fin, "the other end is closed in order");
    let verdict = watch.verdict_on(server.at);
    assert_cause(&verdict, "linger-abort");
    assert_eq!(verdict["reset"]["from"], "client", "{verdict:#}");
}

pub fn what_ends_do_arrives() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &[]);
    let watch = Watch::start(&[proxy.at.port()]);
    // The server ends in order.
    let mut stream = proxy.connect();
    ask(&mut stream, b"hi");
    stream.write_all(b"end").unwrap();
    assert_eq!(rest(&mut stream), (0, Ended::Fin));
    drop(stream);
    // The client does, and takes the last answer.
    let mut stream = proxy.connect();
    stream.write_all(b"hi").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), (ANSWER.len(), Ended::Fin));
    drop(stream);
    assert_eq!(server.ended(2), [Ended::Fin, Ended::Fin]);
    // The client resets.
    let mut stream = proxy.connect();
    ask(&mut stream, b"hi");
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
    assert_eq!(server.ended(3)[2], Ended::Reset);
    // The server does.
    let mut stream = proxy.connect();
    ask(&mut stream, b"hi");
    stream.write_all(b"reset").unwrap();
    assert_eq!(rest(&mut stream), (0, Ended::Reset));
    let verdicts = watch.verdicts();
    let by_proxy = verdicts
        .iter()
        .filter(|verdict| verdict["reset"]["from"] == "server");
    assert_eq!(by_proxy.count(), 1, "{verdicts:#?}");
    let (code, words) = proxy.end();
    assert_eq!(code, Some(0), "{words}");
    assert!(
        words.contains("4 connections") && words.contains("2 resets passed on"),
        "{words}"
    );
}

pub fn probability() {
    let server = Server::start(LOCAL);
    let strikes = |proxy: &Proxy| -> Vec<bool> {
        let struck = |_| {
            let mut stream = proxy.connect();
            _ = stream.write_all(b"hi");
            let mut first = [0];
            stream.read(&mut first).map_or(true, |count| count == 0)
        };
        (0..60).map(struck).collect()
    };
    let fault = ["linger,probability=0.4,seed=7"];
    let first = strikes(&Proxy::start(&server, &fault));
    let count = first.iter().filter(|&&struck| struck).count();
    assert!((10..40).contains(&count), "{count} of 60 at 0.4");
    assert_eq!(
        first,
        strikes(&Proxy::start(&server, &fault)),
        "one seed, the same connections"
    );
}

pub fn a_signal_lets_connections_end() {
    let server = Server::start(LOCAL);
    let proxy = Proxy::start(&server, &[]);
    let mut stream = proxy.connect();
    ask(&mut stream, b"hi");
    let begun = Instant::now();
    let (code, words) = proxy.end();
    // A second of grace, then they end in order.
    assert!(begun.elapsed() >= Duration::from_millis(900), "{words}");
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("1 closed before their end"), "{words}");
    assert_eq!(rest(&mut stream), (0, Ended::Fin));
}

pub fn what_is_asked_wrongly() {
    let wrong = |words: &[&str], says: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_whyreset"))
            .arg("proxy")
            .args(words)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
    };
    let pair = ["127.0.0.1:0", "127.0.0.1:9"];
    let with = |fault: &'static str| [pair[0], pair[1], "--no-api", "-f", fault];
    wrong(&with("lingers"), "one of linger");
    wrong(&with("mid_response,bytes=many"), "bytes");
    wrong(&with("linger,probability=2"), "probability");
    wrong(&with("on_idle,how=loudly"), "how");
    wrong(&[pair[0]], "UPSTREAM");
    wrong(
        &["127.0.0.1:0", pair[1], "--no-api", "--max-connections", "0"],
        "500000",
    );
    wrong(&["192.0.2.1:1", pair[1], "--no-api"], "192.0.2.1:1");
}
