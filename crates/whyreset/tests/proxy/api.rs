//! The HTTP API: a fault that comes and goes under open connections, hostile requests, and
//! toxiproxy's own Python client, unchanged.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::ground::{Ended, PATIENCE, Proxy, Server, ask, rest};

/// The status and the body of one request.
fn request(api: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    raw(
        api,
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
    )
}

fn raw(api: SocketAddr, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(api).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may refuse before all is written.
    _ = stream.write_all(bytes);
    let mut text = Vec::new();
    _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or(0), body.to_owned())
}

pub fn switched_while_it_runs() {
    let server = Server::start("127.0.0.1");
    let proxy = Proxy::start(&server, &[]);
    let mut stream = proxy.connect();
    ask(&mut stream, b"hi");
    let toxics = "/proxies/whyreset/toxics";
    let latency = r#"{"type":"latency","attributes":{"latency":2000}}"#;
    assert_eq!(request(proxy.api, "POST", toxics, latency).0, 200);
    assert_eq!(
        request(proxy.api, "POST", toxics, latency).0,
        409,
        "its name is taken"
    );
    let begun = std::time::Instant::now();
    ask(&mut stream, b"hi");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(
        request(proxy.api, "DELETE", &format!("{toxics}/latency_downstream"), "").0,
        204
    );
    let begun = std::time::Instant::now();
    ask(&mut stream, b"hi");
    assert!(begun.elapsed() < Duration::from_millis(1_800));
    let (status, told) = request(proxy.api, "POST", toxics, r#"{"type":"linger","name":"now"}"#);
    assert_eq!(status, 200, "{told}");
    assert_eq!(rest(&mut stream).1, Ended::Reset, "the open connection is struck");
    // Disabled, the port is closed; reset, it is open and whole again.
    assert_eq!(
        request(proxy.api, "POST", "/proxies/whyreset", r#"{"enabled":false}"#).0,
        200
    );
    assert!(TcpStream::connect(proxy.at).is_err());
    assert_eq!(request(proxy.api, "POST", "/reset", "").0, 204);
    ask(&mut proxy.connect(), b"hi");
}

pub fn hostile_requests() {
    let server = Server::start("127.0.0.1");
    let proxy = Proxy::start(&server, &[]);
    let get = |path: &str| request(proxy.api, "GET", path, "").0;
    assert_eq!(get("/version"), 200);
    assert_eq!(
        (get("/nothing"), get("/proxies/none"), get("/proxies/%zz")),
        (404, 404, 400)
    );
    assert_eq!(request(proxy.api, "PUT", "/proxies", "").0, 405);
    for body in [
        "",
        "{",
        "[]",
        "{\"name\":5}",
        "{\"name\":\"a\"}",
        "{\"name\":\"a\",\"upstream\":\"b\",\"listen\":\"nowhere\"}",
    ] {
        let status = request(proxy.api, "POST", "/proxies", body).0;
        assert!((400..=500).contains(&status), "{body}: {status}");
    }
    let long = "x".repeat(2 << 20);
    assert_eq!(request(proxy.api, "POST", "/proxies", &long).0, 400);
    let browser = b"GET /proxies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: Mozilla/5.0\r\n\r\n";
    assert_eq!(raw(proxy.api, browser).0, 403);
    let head = [
        b"GET / HTTP/1.1\r\nA: ".to_vec(),
        vec![b'a'; 200_000],
        b"\r\n\r\n".to_vec(),
    ]
    .concat();
    let (status, _) = raw(proxy.api, &head);
    assert!(matches!(status, 0 | 400 | 414 | 431), "{status}");
    _ = raw(proxy.api, &[0xff; 4_096]);
    ask(&mut proxy.connect(), b"still there");
}

/// toxiproxy's Python client in a folder of its own; else why it is not here.
pub fn client() -> Result<tempfile::TempDir, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ])
        .arg(folder.path())
        .arg("toxiproxy-python==0.1.1")
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .output()
        .map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        return Ok(folder);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    Err(format!("pip could not install toxiproxy-python: {last}"))
}

pub fn toxiproxys_own_client(folder: &Path) {
    const SCRIPT: &str = r#"
import socket, sys, time
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import ProxyExists, NotFound, InvalidToxic
port, upstream = int(sys.argv[1]), sys.argv[2]
server = Toxiproxy(); server.update_api_consumer("127.0.0.1", port)
assert server.running() and b"version" in server.version()
assert set(server.proxies()) == {"whyreset"}
proxy = server.create(upstream=upstream, name="mine")
assert proxy.enabled and proxy.upstream == upstream
try: server.create(upstream=upstream, name="mine"); raise SystemExit("made twice")
except ProxyExists: pass
host, _, listen = proxy.listen.rpartition(":")
def connect(): return socket.create_connection((host, int(listen)), 5)
def ask(s): s.sendall(b"hi"); return s.recv(100)
assert ask(connect()).startswith(b"hello")
proxy.add_toxic(type="reset_peer", attributes={"timeout": 100})
assert set(proxy.toxics()) == {"reset_peer_downstream"}
s = connect(); begun = time.time()
try: ask(s); raise SystemExit("no reset")
except ConnectionResetError: assert time.time() - begun > 0.09
proxy.destroy_toxic("reset_peer_downstream")
proxy.add_toxic(type="limit_data", name="short", attributes={"bytes": 7})
s = connect(); assert ask(s) == b"hello, " and s.recv(1) == b""
proxy.destroy_toxic("short")
proxy.add_toxic(type="slicer", attributes={"average_size": 5, "size_variation": 0, "delay": 10})
s = connect(); first = ask(s); assert 0 < len(first) <= 55
proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 200})
s = connect(); begun = time.time(); assert ask(s) == b"" and 0.15 < time.time() - begun < 3
server.reset(); assert proxy.toxics() == {}
try: proxy.add_toxic(type="nonsense"); raise SystemExit("taken")
except InvalidToxic: pass
try: proxy.destroy_toxic("none"); raise SystemExit("gone")
except NotFound: pass
with proxy.down():
    try: connect(); raise SystemExit("it is up")
    except ConnectionRefusedError: pass
assert ask(connect()).startswith(b"hello")
made = server.populate([{"name": "a", "upstream": upstream, "listen": "127.0.0.1:0"}, {"name": "mine", "upstream": upstream, "listen": proxy.listen}])
assert [one.name for one in made] == ["a"]
assert set(server.proxies()) == {"whyreset", "mine", "a"}
server.destroy_all(); assert server.proxies() == {}
print("done")
"#;
    let server = Server::start("127.0.0.1");
    let proxy = Proxy::start(&server, &[]);
    let output = Command::new("python3")
        .args([
            "-c",
            SCRIPT,
            &proxy.api.port().to_string(),
            &server.at.to_string(),
        ])
        .env("PYTHONPATH", folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
