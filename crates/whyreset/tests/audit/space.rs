//! A network namespace with loopback and two addresses that are none of loopback's, the sockets in
//! it, and the binary held against it. Removed with the check.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Addresses of each namespace.
pub const SERVER: &str = "10.98.0.1";
pub const CLIENT: &str = "10.98.0.2";

pub struct Space(pub String);

impl Space {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let space = Self(format!("wra-{}-{number}", std::process::id()));
        ip(&["netns", "add", &space.0]);
        ip(&["-n", &space.0, "link", "set", "lo", "up"]);
        for address in [SERVER, CLIENT] {
            ip(&[
                "-n",
                &space.0,
                "addr",
                "add",
                &format!("{address}/32"),
                "dev",
                "lo",
            ]);
        }
        space
    }

    /// Runs this on a thread that stands inside; sockets made there stay there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.0);
        let enter = move || {
            let file = File::open(path).expect("the namespace");
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("inside");
            work()
        };
        std::thread::scope(|scope| scope.spawn(enter).join()).expect("the thread inside")
    }

    pub fn sysctl(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        self.inside(|| std::fs::write(path, value)).expect(name);
    }

    pub fn nft(&self, rules: &str) {
        let status = self.command("nft").arg(rules).status().expect("nft runs");
        assert!(status.success(), "{rules}");
    }

    /// A program inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    pub fn listen(&self, port: u16, backlog: i32) -> TcpListener {
        self.inside(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let address: SocketAddr = format!("{SERVER}:{port}").parse().expect("an address");
            socket.bind(&address.into()).expect("bound");
            socket.listen(backlog).expect("it listens");
            socket.into()
        })
    }

    /// Begins to connect, and does not wait for the answer.
    pub fn connecting(&self, to: &TcpListener) -> Socket {
        let to = to.local_addr().expect("its address");
        self.inside(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let from: SocketAddr = format!("{CLIENT}:0").parse().expect("an address");
            socket.bind(&from.into()).expect("bound");
            socket.set_nonblocking(true).expect("it does not wait");
            _ = socket.connect(&to.into());
            socket
        })
    }

    /// Both ends, the client's first.
    pub fn connect(&self, to: &TcpListener) -> (TcpStream, TcpStream) {
        let client = self.connecting(to);
        let (server, _) = to.accept().expect("accepted");
        client.set_nonblocking(false).expect("it waits");
        (client.into(), server)
    }

    /// `whyreset audit` on this namespace alone.
    pub fn audit(&self, words: &[&str]) -> Audit {
        Audit::of(
            Command::new(env!("CARGO_BIN_EXE_whyreset"))
                .args(["audit", "--netns", &self.0, "-o", "json"])
                .args(words),
        )
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(words: &[&str]) {
    let status = Command::new("ip").args(words).status().expect("ip runs");
    assert!(status.success(), "ip {words:?}");
}

/// What a run told.
pub struct Audit {
    pub findings: Vec<Value>,
    pub unread: Vec<Value>,
    pub notices: String,
    pub code: Option<i32>,
}

impl Audit {
    pub fn of(command: &mut Command) -> Self {
        let out = command.stdin(Stdio::null()).output().expect("the binary runs");
        let text = String::from_utf8(out.stdout).expect("UTF-8");
        let lines = text.lines().map(|line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(value["schema"], "whyreset/audit/1");
            value
        });
        let (findings, unread) = lines.partition(|value| value["kind"] == "finding");
        Self {
            findings,
            unread,
            notices: String::from_utf8_lossy(&out.stderr).into_owned(),
            code: out.status.code(),
        }
    }

    /// Ids, in the order in which they are told.
    pub fn ids(&self) -> Vec<&str> {
        self.findings
            .iter()
            .filter_map(|finding| finding["id"].as_str())
            .collect()
    }

    /// The only finding with this id; it is whole.
    pub fn one(&self, id: &str) -> &Value {
        let mut found = self.findings.iter().filter(|finding| finding["id"] == id);
        let one = found.next();
        let one = one.unwrap_or_else(|| panic!("no {id} among {:?}; {}", self.ids(), self.notices));
        assert!(found.next().is_none(), "{id} is told twice: {:?}", self.findings);
        for field in ["summary", "why", "likely"] {
            assert!(
                one[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}: {one}"
            );
        }
        for list in ["causes", "read", "fix"] {
            assert!(
                one[list].as_array().is_some_and(|list| !list.is_empty()),
                "{list}: {one}"
            );
        }
        one
    }

    pub fn severity(&self, id: &str) -> &str {
        self.one(id)["severity"].as_str().expect("a word")
    }
}

/// A program that ends with the check.
pub struct Server(pub Child);

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("it starts"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Long enough for a segment and its answer.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(100));
}
