//! Formats, policy, recordings, privileges and hostile names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::space::{Audit, Server, Space, settle};

const BINARY: &str = env!("CARGO_BIN_EXE_whyreset");

/// A namespace in which one finding is possible.
fn with_finding() -> (Space, std::net::TcpListener) {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_abort_on_overflow", "1");
    let listener = space.listen(80, 511);
    (space, listener)
}

pub fn policy_and_formats() {
    let (space, _listener) = with_finding();
    for (word, code) in [
        ("any", 1),
        ("possible", 1),
        ("abort-on-overflow", 1),
        ("accept-queue-overflow", 1),
        ("likely", 0),
        ("happening", 0),
        ("linger", 0),
        ("nonsense", 2),
    ] {
        let out = Command::new(BINARY)
            .args(["audit", "--netns", &space.0, "--fail-on", word])
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(code), "{word}");
    }
    let text = |words: &[&str]| {
        let out = Command::new(BINARY)
            .args(["audit", "--netns", &space.0])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let page = text(&[]);
    for part in [
        "possible: it ends",
        "abort-on-overflow: a burst",
        "fix     `",
        "tcp_abort_on_overflow=0`",
        "cause   accept-queue-overflow",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains('\u{1b}'), "{page}");
    assert!(text(&["--color", "always"]).contains('\u{1b}'));
    assert_eq!(text(&["-q"]).lines().count(), 2);
    let gone = Command::new(BINARY)
        .args(["audit", "--netns", "no-such"])
        .output()
        .unwrap();
    assert_eq!(gone.status.code(), Some(2));
}

pub fn a_recording_is_linked() {
    let (space, _listener) = with_finding();
    let file = std::env::temp_dir().join(format!("whyreset-audit-{}-record", std::process::id()));
    fs::write(
        &file,
        "flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server\n-9 server listener gunicorn[812]\n\
         +0 server sent state=LISTEN backlog=3 max-backlog=2 on=. ack=9 reason=INVALID_SYN\n\n\
         flow 10.0.0.2:53212 > 10.0.0.1:8080 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=3912 reason=TCP_ABORT_ON_CLOSE by=nginx[812]\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let audit = space.audit(&["--record", path]);
    let seen = &audit.one("abort-on-overflow")["seen"];
    assert_eq!(
        (&seen["count"], &seen["cause"]),
        (&1.into(), &"accept-queue-overflow".into())
    );
    assert!(
        audit
            .notices
            .contains("2 resets in the record, 1 of which no finding explains"),
        "{}",
        audit.notices
    );
    fs::write(&file, "nonsense\n").unwrap();
    let damaged = space.audit(&["--record", path]);
    assert_eq!(damaged.code, Some(2));
    assert!(
        damaged.notices.contains("record 1 is damaged"),
        "{}",
        damaged.notices
    );
    fs::remove_file(&file).unwrap();
}

pub fn without_privileges() {
    let (space, _listener) = with_finding();
    // Where it was built may be closed to others.
    let folder: PathBuf = std::env::temp_dir().join(format!("whyreset-audit-{}-nobody", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.join("whyreset");
    fs::copy(BINARY, &copy).unwrap();
    let audit = Audit::of(
        space
            .command("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
            .arg(&copy)
            .args(["audit", "-o", "json"]),
    );
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(audit.code, Some(0), "{}", audit.notices);
    assert_eq!(audit.severity("abort-on-overflow"), "possible");
    let unread = format!("{:?}", audit.unread);
    for part in ["which sockets", "CAP_SYS_PTRACE"] {
        assert!(unread.contains(part), "{part}: {unread}");
    }
}

pub fn hostile_names_are_escaped() {
    let space = Space::new();
    let program = "import socket,time,ctypes\n\
        ctypes.CDLL(None).prctl(15, b'\\x1b[2Jx\\n\\xffy', 0, 0, 0)\n\
        s=socket.create_server(('0.0.0.0',80),backlog=0)\n\
        c=[socket.socket() for _ in range(3)]\n\
        [x.setblocking(False) or x.connect_ex(('127.0.0.1',80)) for x in c]\ntime.sleep(60)\n";
    let _server = Server::start(space.command("python3").args(["-c", program]));
    for _ in 0..100 {
        settle();
        if space.audit(&[]).ids().contains(&"accept-queue-full") {
            break;
        }
    }
    let out = Command::new(BINARY)
        .args(["audit", "--netns", &space.0])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("\\u{1b}[2Jx\\u{a}"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}
