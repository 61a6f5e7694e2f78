//! A whole session of `watch` on the running kernel, as a person has it: ready, a reset, Ctrl-C,
//! the summary, the exit code, and the recording replayed. Needs root; says so where it is not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes longer, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A verdict is printed this long after its reset, and nothing tells when.
const SETTLED: Duration = Duration::from_millis(600);

/// Whether the kernel can be watched. Written past the test harness, which hides what is printed.
fn can_watch() -> bool {
    let root = rustix::process::geteuid().is_root();
    let described = std::path::Path::new("/sys/kernel/btf/vmlinux").exists();
    if !root || !described {
        _ = writeln!(
            std::io::stderr(),
            "skipped: watching needs root ({root}) and a kernel with BTF ({described})"
        );
    }
    root && described
}

/// `whyreset watch` that has said it is attached.
struct Session {
    child: Child,
    notices: BufReader<std::process::ChildStderr>,
}

impl Session {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_whyreset"))
            .args(args)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut notices = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        notices.read_line(&mut line).unwrap();
        assert!(line.contains("watching every TCP reset"), "{line}");
        Self { child, notices }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: exit status, stdout, what was noticed after the first line.
    fn end(mut self) -> (ExitStatus, String, String) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                _ = self.child.kill();
                panic!("still there after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let (mut out, mut notices) = (String::new(), String::new());
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        self.notices.read_to_string(&mut notices).unwrap();
        (self.child.wait().unwrap(), out, notices)
    }
}

/// A server of this very process closes without having read.
fn reset(listener: &TcpListener) {
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.write_all(&[0; 100]).unwrap();
    server.peek(&mut [0; 100]).unwrap();
    drop(server);
    assert!(client.read(&mut [0]).is_err(), "the client was reset");
}

struct Recording(PathBuf);

impl Recording {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("whyreset-session-{}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn ctrl_c_prints_the_summary_and_the_recording_replays_byte_for_byte() {
    if !can_watch() {
        return;
    }
    for (family, address) in ["127.0.0.1:0", "[::1]:0"].into_iter().enumerate() {
        let listener = match TcpListener::bind(address) {
            Ok(listener) => listener,
            Err(error) => {
                _ = writeln!(std::io::stderr(), "skipped: no {address} here: {error}");
                continue;
            }
        };
        let port = listener.local_addr().unwrap().port().to_string();
        for format in ["text", "json"] {
            let recording = Recording::new(&format!("{format}-{family}"));
            let args = ["-o", format, "--record", recording.path(), "port", &port];
            let session = Session::start(&args);
            reset(&listener);
            reset(&listener);
            std::thread::sleep(SETTLED);
            session.signal(Signal::INT);
            let (status, live, notices) = session.end();
            assert_eq!(status.code(), Some(0), "{notices}");
            assert_eq!(live.matches("unread-data").count(), 2, "{live}");
            assert!(live.contains("certain"), "{live}");
            assert!(
                notices.contains("2 in all") && notices.contains("unread-data"),
                "{notices}"
            );
            let replayed = Command::new(env!("CARGO_BIN_EXE_whyreset"))
                .args(["watch", "-o", format, "--replay", recording.path()])
                .env("TZ", "UTC")
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&replayed.stdout), live);
        }
    }
}

#[test]
fn it_ends_by_count_by_time_and_by_policy() {
    if !can_watch() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let counted = Session::start(&["-q", "-c", "1", "--fail-on", "unread-data", "port", &port]);
    let timed = Session::start(&["--duration", "300ms", "port", "1"]);
    reset(&listener);
    let (status, out, _) = counted.end();
    assert_eq!((status.code(), out.lines().count()), (Some(1), 1), "{out}");
    let (status, out, notices) = timed.end();
    assert_eq!((status.code(), out.as_str()), (Some(0), ""));
    assert!(notices.contains("no resets"), "{notices}");
}

#[test]
fn sigterm_right_after_a_reset_still_gets_its_verdict() {
    if !can_watch() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // One that ends long after the reset proves nothing; where each is in its round is chance.
    let sessions: Vec<Session> = (0..8)
        .map(|_| Session::start(&["-q", "--duration", "10000000000000000000s", "port", &port]))
        .collect();
    reset(&listener);
    for session in &sessions {
        session.signal(Signal::TERM);
    }
    for session in sessions {
        let (status, out, notices) = session.end();
        let seen = (status.code(), out.lines().count());
        assert_eq!(seen, (Some(0), 1), "{out}{notices}");
    }
}
