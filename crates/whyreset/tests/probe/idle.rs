//! The idle finder against real servers and boxes: each timer within a second, and of the right kind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::chain::Chain;
use super::net::{Folder, Server, certificate, finish, free_port, probe, start};

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default() / 1e3
}

fn measured(got: &Value, timer: f64) {
    assert_eq!(
        (&got["outcome"], &got["complete"]),
        (&"fin".into(), &true.into()),
        "{got:#}"
    );
    assert!((seconds(&got["timer_ms"]) - timer).abs() <= 1.0, "{got:#}");
}

fn bounded(got: &Value, kind: &str, timer: f64) {
    assert_eq!(
        (&got["outcome"], &got["complete"]),
        (&kind.into(), &true.into()),
        "{got:#}"
    );
    let (alive, dead) = (seconds(&got["alive_ms"]), seconds(&got["dead_ms"]));
    assert!(alive < timer + 0.3 && timer - 0.3 < dead, "{got:#}");
    assert!(dead - alive <= 1.2, "{got:#}");
}

pub fn nginx() {
    let folder = Folder::new();
    let port = free_port();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log /dev/null; events {{}}\n\
         http {{ access_log off; keepalive_timeout 7; server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }} }}",
        folder.0.display()
    );
    let path = folder.file("nginx.conf", &configuration);
    let _nginx = Server::start(None, &["nginx", "-c", &path]).until_it_listens(port);
    let target = format!("127.0.0.1:{port}");
    let got = probe(&[
        &target,
        "--idle",
        "--http",
        "-o",
        "json",
        "--fail-on",
        "idle-timeout",
    ]);
    assert_eq!(got.code, Some(1));
    measured(&got.json(), 7.0);
}

/// Nothing is asked: the server's limit on a request that does not come, through TLS.
pub fn nginx_in_tls() {
    let folder = Folder::new();
    certificate(&folder);
    let port = free_port();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log /dev/null; events {{}}\n\
         http {{ access_log off; client_header_timeout 4s; server {{ listen 127.0.0.1:{port} ssl; \
         ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {0}/cert; ssl_certificate_key {0}/key; }} }}",
        folder.0.display()
    );
    let path = folder.file("nginx.conf", &configuration);
    let _nginx = Server::start(None, &["nginx", "-c", &path]).until_it_listens(port);
    let target = format!("127.0.0.1:{port}");
    let got = probe(&[&target, "--idle", "--tls", "--insecure", "-o", "json"]).json();
    measured(&got, 4.0);
    assert_eq!(got["said"], Value::Null, "{got:#}");
}

pub fn haproxy() {
    let folder = Folder::new();
    let port = free_port();
    // Where TCP alone is passed on, this version waits for the longer one of the two sides' timeouts.
    let configuration = format!(
        "defaults\n mode http\n timeout connect 2s\n timeout client 11s\n timeout server 1m\n\
         frontend f\n bind 127.0.0.1:{port}\n http-request return status 200\n"
    );
    let path = folder.file("haproxy.cfg", &configuration);
    let _haproxy = Server::start(None, &["haproxy", "-db", "-q", "-f", &path]).until_it_listens(port);
    measured(
        &probe(&[&format!("127.0.0.1:{port}"), "--idle", "-o", "json"]).json(),
        11.0,
    );
}

pub fn node() {
    let port = free_port();
    let script = format!(
        "require('http').createServer((q,r)=>r.end('x')).listen({port},'127.0.0.1').keepAliveTimeout=5000"
    );
    let _node = Server::start(None, &["node", "-e", &script]).until_it_listens(port);
    let got = probe(&[&format!("127.0.0.1:{port}"), "--idle", "--http", "-o", "json"]).json();
    // Later versions wait a second longer than they tell; a plain client sees when.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("it reads");
    plain.read_exact(&mut [0; 12]).expect("it answers");
    let begun = Instant::now();
    plain.read_to_end(&mut Vec::new()).expect("it closes in order");
    let truth = begun.elapsed().as_secs_f64();
    assert!((4.9..6.5).contains(&truth), "{truth}");
    measured(&got, truth);
    assert!((seconds(&got["timer_ms"]) - truth).abs() < 0.3, "{truth} {got:#}");
}

/// A router that forgets established connections after nine silent seconds.
fn forgetful(verdict: &str) -> Chain {
    let chain = Chain::new(1);
    chain.rules(
        1,
        &format!(
            "table inet f {{ chain c {{ type filter hook forward priority 0; \
             ct state invalid {verdict}; ct state established accept; }}; }}"
        ),
    );
    chain.sysctl(1, "net/netfilter/nf_conntrack_tcp_loose", "0");
    chain.sysctl(1, "net/netfilter/nf_conntrack_tcp_timeout_established", "9");
    chain
}

/// Answers `WAIT n` after so many milliseconds, and is silent otherwise.
const PATIENT: &str = "
import socket,sys,threading,time
s=socket.create_server(('::',7),family=socket.AF_INET6,dualstack_ipv6=True,backlog=64)
def serve(c):
    try:
        while True:
            words=c.recv(100).split()
            if not words: return
            time.sleep(int(words[1])/1000); c.send(b'x')
    except OSError: pass
while True: threading.Thread(target=serve,args=(s.accept()[0],),daemon=True).start()
";

fn through(chain: &Chain, server: IpAddr, words: &[&str]) -> Value {
    let target = SocketAddr::new(server, 7).to_string();
    let mut all = vec![&*target, "--idle", "-o", "json", "--idle-max", "2m"];
    all.extend(words);
    finish(start(Some(chain.client()), &all)).json()
}

pub fn a_box_that_drops() {
    let chain = forgetful("drop");
    let _server = Server::start(Some(chain.last()), &["python3", "-c", PATIENT]);
    chain.until_it_listens(7);
    let got = through(&chain, chain.server(), &[]);
    bounded(&got, "silence", 9.0);
    assert!(got["fix"].to_string().contains("TCP_KEEPIDLE=4"), "{got:#}");
}

pub fn a_box_that_rejects_v6() {
    let chain = forgetful("reject with tcp reset");
    let _server = Server::start(Some(chain.last()), &["python3", "-c", PATIENT]);
    chain.until_it_listens(7);
    bounded(&through(&chain, chain.server_v6(), &[]), "reset-on-byte", 9.0);
}

pub fn the_server_speaks_first() {
    let chain = forgetful("drop");
    let _server = Server::start(Some(chain.last()), &["python3", "-c", PATIENT]);
    chain.until_it_listens(7);
    let got = through(&chain, chain.server(), &["--server-first", "WAIT {ms}\\n"]);
    assert_eq!(got["first"], "server");
    bounded(&got, "silence", 9.0);
}

pub fn no_timer_is_no_finding() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    thread::spawn(move || listener.incoming().flatten().take(100).collect::<Vec<_>>());
    let got = probe(&[
        &format!("127.0.0.1:{port}"),
        "--idle",
        "--idle-max",
        "4s",
        "-o",
        "json",
    ])
    .json();
    assert_eq!(
        (&got["outcome"], &got["cause"], &got["dead_ms"]),
        (&"open".into(), &Value::Null, &Value::Null)
    );
    assert!(
        got["complete"] == true && seconds(&got["alive_ms"]) >= 4.0,
        "{got:#}"
    );
}

/// Stopped in the middle it tells what it knows, and goes on from there.
pub fn a_search_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                stream
                    .set_read_timeout(Some(Duration::from_secs(6)))
                    .expect("a timeout");
                let mut room = [0; 64];
                while stream.read(&mut room).is_ok_and(|count| count > 0) {}
            });
        }
    });
    let folder = Folder::new();
    let state = folder.0.join("state");
    let state = state.to_str().expect("UTF-8");
    let target = format!("127.0.0.1:{port}");
    let words = [&*target, "--idle", "-o", "json", "--state", state];
    let (child, begun) = start(None, &words);
    thread::sleep(Duration::from_millis(3_700));
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("a pid");
    kill_process(pid, Signal::INT).expect("it is ours");
    let first = finish((child, begun));
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let first = first.json();
    assert!(
        first["complete"] == false && seconds(&first["alive_ms"]) >= 2.0,
        "{first:#}"
    );
    let second = probe(&words).json();
    measured(&second, 6.0);
    // What was survived before is not held again.
    let silences: Vec<f64> = second["samples"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| seconds(&s["silence_ms"]))
        .collect();
    let again = silences.iter().filter(|silence| **silence < 2.0).count();
    assert_eq!(again, 1, "{silences:?}");
    let other = probe(&["127.0.0.1:9", "--idle", "--state", state]);
    assert!(
        other.code == Some(2) && other.stderr.contains("belongs to a search"),
        "{}",
        other.stderr
    );
    std::fs::write(state, "[[[[").expect("a file");
    assert_eq!(probe(&words).code, Some(2));
}

/// A server that greets all the time has no silence, and one that refuses has no connection.
pub fn nothing_to_hold() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
                while stream.write_all(b"ping\n").is_ok() {
                    thread::sleep(Duration::from_millis(400));
                }
                lines.next();
            });
        }
    });
    let got = probe(&[&format!("127.0.0.1:{port}"), "--idle", "-o", "json"]).json();
    assert_eq!(
        (&got["cause"], &got["outcome"]),
        (&Value::Null, &"open".into()),
        "{got:#}"
    );
    let ran = probe(&[&format!("127.0.0.1:{}", free_port()), "--idle"]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("refused"),
        "{}",
        ran.stderr
    );
}
