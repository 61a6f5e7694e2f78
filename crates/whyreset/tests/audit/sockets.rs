//! Findings that live sockets make.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::space::{Server, Space, settle};

pub fn a_full_queue() {
    let space = Space::new();
    let listener = space.listen(80, 1);
    let first = space.connecting(&listener);
    settle();
    assert!(!space.audit(&[]).ids().contains(&"accept-queue-full"));
    let more: Vec<_> = (0..3).map(|_| space.connecting(&listener)).collect();
    settle();
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("accept-queue-full"), "happening");
    let one = audit.one("accept-queue-full");
    assert_eq!(
        (&one["port"], &one["process"]["pid"]),
        (&80.into(), &std::process::id().into())
    );
    assert!(one["read"].to_string().contains("ListenOverflows"), "{one}");
    drop((first, more));
    for _ in 0..2 {
        _ = listener.accept();
    }
    settle();
    // It was full, and is not any more.
    assert_eq!(space.audit(&[]).severity("accept-queue-full"), "happened");
}

pub fn a_full_queue_v6() {
    let space = Space::new();
    let (listener, _clients) = space.inside(|| {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket");
        let address: SocketAddr = "[::1]:0".parse().expect("an address");
        socket.bind(&address.into()).expect("bound");
        socket.listen(0).expect("it listens");
        let listener = TcpListener::from(socket);
        let to = listener.local_addr().expect("its address");
        let connecting = || {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("it does not wait");
            _ = socket.connect(&to.into());
            socket
        };
        let clients: Vec<_> = (0..3).map(|_| connecting()).collect();
        (listener, clients)
    });
    settle();
    let audit = space.audit(&[]);
    let one = audit.one("accept-queue-full");
    let port = listener.local_addr().expect("its address").port();
    assert_eq!(
        (&one["severity"], &one["port"]),
        (&"happening".into(), &port.into())
    );
}

pub fn a_short_queue() {
    let space = Space::new();
    let listener = space.listen(80, 2);
    let mut open: Vec<_> = (0..3).map(|_| space.connect(&listener)).collect();
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    open.push(space.connect(&listener));
    assert_eq!(space.audit(&[]).severity("accept-queue-small"), "possible");
}

pub fn linger_zero() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    SockRef::from(&listener)
        .set_linger(Some(Duration::from_secs(5)))
        .unwrap();
    let first = space.connect(&listener);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    SockRef::from(&listener).set_linger(Some(Duration::ZERO)).unwrap();
    assert_eq!(space.audit(&[]).severity("linger"), "likely");
    drop(first);
    drop(listener);
    // A client's own.
    let listener = space.listen(81, 511);
    let (client, _server) = space.connect(&listener);
    assert!(!space.audit(&[]).ids().contains(&"linger"));
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    let audit = space.audit(&[]);
    let one = audit.one("linger");
    assert_eq!((&one["severity"], &one["port"]), (&"likely".into(), &81.into()));
}

pub fn a_short_user_timeout() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let (client, _server) = space.connect(&listener);
    for (seconds, expected) in [(30, &[][..]), (2, &["user-timeout"])] {
        let span = Some(Duration::from_secs(seconds));
        SockRef::from(&client).set_tcp_user_timeout(span).unwrap();
        assert_eq!(space.audit(&[]).ids(), expected);
    }
}

pub fn forgotten_in_close_wait() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let servers: Vec<_> = (0..12).map(|_| space.connect(&listener).1).collect();
    settle();
    // They may still be closed.
    assert!(!space.audit(&[]).ids().contains(&"close-wait"));
    std::thread::sleep(Duration::from_millis(5_500));
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("close-wait"), "likely");
    let summary = audit.one("close-wait")["summary"].as_str().unwrap();
    assert!(summary.contains("12 connections"), "{summary}");
    drop(servers);
    settle();
    assert!(!space.audit(&[]).ids().contains(&"close-wait"));
}

pub fn few_local_ports() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let open: Vec<_> = (0..8).map(|_| space.connect(&listener)).collect();
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    space.sysctl("net.ipv4.ip_local_port_range", "40000 40009");
    let more: Vec<_> = (0..8).map(|_| space.connect(&listener)).collect();
    let audit = space.audit(&[]);
    let summary = audit.one("local-ports")["summary"].as_str().unwrap();
    assert!(summary.contains("8 of 10 local ports"), "{summary}");
    drop((open, more));
}

/// Where groups with a memory limit can be made.
pub fn memory_groups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let at = Path::new(fields.get(1)?);
        let controllers = fs::read_to_string(at.join("cgroup.subtree_control")).unwrap_or_default();
        let memory = match *fields.get(2)? {
            "cgroup" => fields.get(3)?.split(',').any(|option| option == "memory"),
            "cgroup2" => controllers.split_whitespace().any(|name| name == "memory"),
            _ => false,
        };
        memory.then(|| at.to_owned())
    })
}

/// A control group with a limit, removed with the check.
struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        _ = fs::remove_dir(&self.0);
    }
}

pub fn killed_for_memory() {
    let space = Space::new();
    let group = Group(memory_groups().expect("asked before").join(&space.0));
    fs::create_dir(&group.0).expect("a group");
    for name in ["memory.limit_in_bytes", "memory.max"] {
        if group.0.join(name).exists() {
            fs::write(group.0.join(name), "67108864").expect("a limit");
        }
    }
    let python = |program: &str| {
        let server = Server::start(space.command("python3").args(["-c", program]));
        fs::write(group.0.join("cgroup.procs"), server.0.id().to_string()).expect("moved");
        server
    };
    let server =
        python("import socket,time\ns=socket.create_server(('0.0.0.0',80),backlog=128)\ntime.sleep(60)\n");
    for _ in 0..100 {
        if space.audit(&[]).notices.contains(" 1 socket ") {
            break;
        }
        settle();
    }
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    let mut hungry = python("import time\ntime.sleep(0.5)\nx=b'x'*(1<<30)\ntime.sleep(60)\n");
    hungry.0.wait().expect("it ends");
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("cgroup-memory"), "happened");
    let one = audit.one("cgroup-memory");
    assert_eq!(one["process"]["pid"], server.0.id(), "{one}");
    drop((server, hungry));
}

pub fn few_descriptors() {
    let space = Space::new();
    let program = "import socket,time\ns=socket.create_server(('0.0.0.0',80),backlog=128)\n\
        f=[open('/dev/null') for _ in range(24)]\ntime.sleep(60)\n";
    let server = Server::start(space.command("python3").args(["-c", program]));
    let pid = server.0.id().to_string();
    let limit = |most: u32| {
        let status = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--nofile={most}:4096")])
            .status();
        assert!(status.expect("prlimit runs").success());
    };
    let opened = || fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    for _ in 0..100 {
        // Before it is the program it is a copy of this one.
        if opened() >= 28 && space.audit(&[]).notices.contains(" 1 socket ") {
            break;
        }
        settle();
    }
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    limit(32);
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("fd-limit"), "likely");
    assert_eq!(audit.one("fd-limit")["process"]["pid"], server.0.id());
    limit(28);
    assert_eq!(space.audit(&[]).severity("fd-limit"), "happening");
}
