//! The proxy, a server behind it, and a watcher beside it; all on loopback, all ended by their pid.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_whyreset");
/// Nothing here takes longer, on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// A verdict is printed this long after its reset.
const SETTLED: Duration = Duration::from_millis(900);

/// Why nothing can be watched here.
pub fn blind() -> Option<String> {
    let root = rustix::process::geteuid().is_root();
    let described = std::path::Path::new("/sys/kernel/btf/vmlinux").exists();
    (!root || !described).then(|| format!("watching needs root ({root}) and a kernel with BTF ({described})"))
}

/// How a server's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Fin,
    Reset,
}

/// A server that answers each request, whatever it is, with `hello` and ten times as many bytes more.
pub struct Server {
    pub at: SocketAddr,
    pub ended: Arc<Mutex<Vec<Ended>>>,
}

impl Server {
    pub fn start(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let ended = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&ended);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                thread::spawn(move || {
                    let how = serve(stream);
                    all.lock().unwrap().push(how);
                });
            }
        });
        Self { at, ended }
    }

    /// Waits until so many connections have ended.
    pub fn ended(&self, count: usize) -> Vec<Ended> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let ended = self.ended.lock().unwrap().clone();
            if ended.len() >= count {
                return ended;
            }
            assert!(Instant::now() < limit, "{ended:?} instead of {count}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

pub const ANSWER: [u8; 55] = *b"hello, this is an answer that has more than fifty bytes";

fn serve(mut stream: TcpStream) -> Ended {
    let mut room = [0; 4_096];
    loop {
        match stream.read(&mut room) {
            Ok(0) => return Ended::Fin,
            // Asked to, it resets.
            Ok(count) if room[..count].starts_with(b"reset") => {
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
                return Ended::Reset;
            }
            Ok(count) if room[..count].starts_with(b"end") => return Ended::Fin,
            Ok(_) => _ = stream.write_all(&ANSWER),
            Err(_) => return Ended::Reset,
        }
    }
}

/// `whyreset proxy` that has said it is ready.
pub struct Proxy {
    child: Child,
    notices: BufReader<std::process::ChildStderr>,
    pub at: SocketAddr,
    pub api: SocketAddr,
}

impl Proxy {
    /// In front of this server, with these faults.
    pub fn start(server: &Server, faults: &[&str]) -> Self {
        let listen = SocketAddr::new(server.at.ip(), 0).to_string();
        let upstream = server.at.to_string();
        let mut words = vec![
            "proxy",
            &listen,
            &upstream,
            "--api",
            "127.0.0.1:0",
            "--grace",
            "1s",
        ];
        for fault in faults {
            words.extend(["--fault", fault]);
        }
        let mut child = Command::new(PROGRAM)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut notices = BufReader::new(child.stderr.take().unwrap());
        let (mut at, mut api) = (None, None);
        loop {
            let mut line = String::new();
            assert!(notices.read_line(&mut line).unwrap() > 0, "it did not start");
            let words: Vec<&str> = line.split_whitespace().collect();
            if line.contains(" passes to ") {
                at = words.get(2).and_then(|word| word.parse().ok());
            } else if line.contains("API at http://") {
                let word = words.last().unwrap().trim_start_matches("http://");
                api = word.trim_end_matches("/proxies").parse().ok();
            } else if line.contains("ready") {
                break;
            }
        }
        let (at, api) = (at.expect("its port"), api.expect("its API's port"));
        Self {
            child,
            notices,
            at,
            api,
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Ends it as Ctrl-C does: its exit code, and its last words.
    pub fn end(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let mut words = String::new();
        self.notices.read_to_string(&mut words).unwrap();
        (self.child.wait().unwrap().code(), words)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A request, and its whole answer.
pub fn ask(stream: &mut TcpStream, request: &[u8]) {
    stream.write_all(request).unwrap();
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, ANSWER);
}

/// What a read of the rest ends with: the bytes before, and whether it was a reset.
pub fn rest(stream: &mut TcpStream) -> (usize, Ended) {
    let (mut bytes, mut room) = (0, [0; 4_096]);
    loop {
        match stream.read(&mut room) {
            Ok(0) => return (bytes, Ended::Fin),
            Ok(count) => bytes += count,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (bytes, Ended::Reset);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// `whyreset watch` of these ports, attached.
pub struct Watch(Child);

impl Watch {
    pub fn start(ports: &[u16]) -> Self {
        let filter: Vec<String> = ports.iter().map(|port| format!("port {port}")).collect();
        let mut child = Command::new(PROGRAM)
            .args(["watch", "-o", "json", "--all", &filter.join(" or ")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut notices = BufReader::new(child.stderr.take().unwrap());
        notices.read_line(&mut line).unwrap();
        assert!(line.contains("watching every TCP reset"), "{line}");
        thread::spawn(move || std::io::copy(&mut notices, &mut std::io::sink()));
        Self(child)
    }

    /// All verdicts up to now.
    pub fn verdicts(mut self) -> Vec<Value> {
        thread::sleep(SETTLED);
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The one verdict on a connection to this server.
    pub fn verdict_on(self, server: SocketAddr) -> Value {
        let all = self.verdicts();
        let server = server.to_string();
        let mut on: Vec<&Value> = all
            .iter()
            .filter(|verdict| verdict["connection"]["server"] == server.as_str())
            .collect();
        assert_eq!(on.len(), 1, "one of a connection to {server}: {all:#?}");
        on.remove(0).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Holds a verdict against what the proxy did.
pub fn assert_cause(verdict: &Value, cause: &str) {
    assert_eq!(verdict["cause"]["id"], cause, "{verdict:#}");
    assert_eq!(verdict["cause"]["certainty"], "certain", "{verdict:#}");
    let process = verdict["sender"]["process"]["name"].as_str().unwrap_or_default();
    assert!(
        process.starts_with("whyreset") || process.starts_with("tokio"),
        "{verdict:#}"
    );
}
