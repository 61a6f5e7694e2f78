//! Programs to probe, and the binary itself, run as a stranger would run it. Ends what it started,
//! also where a check failed.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A number that no other part of this run has.
pub fn fresh() -> u32 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// What a run of the binary gave.
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
    pub took: Duration,
    /// Largest resident set, KiB.
    pub memory: u64,
}

impl Ran {
    /// Its only line of JSON.
    pub fn json(&self) -> Value {
        let lines: Vec<&str> = self.stdout.lines().collect();
        assert_eq!(
            lines.len(),
            1,
            "stdout {:?}, stderr {:?}",
            self.stdout,
            self.stderr
        );
        serde_json::from_str(lines[0]).unwrap_or_else(|error| panic!("{error}: {}", lines[0]))
    }
}

/// Runs `whyreset probe` here.
pub fn probe(words: &[&str]) -> Ran {
    finish(start(None, words))
}

/// Starts `whyreset probe`, inside a namespace where one is named.
pub fn start(netns: Option<&str>, words: &[&str]) -> (Child, Instant) {
    let program = env!("CARGO_BIN_EXE_whyreset");
    let mut command = match netns {
        Some(name) => {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", name, program]);
            command
        }
        None => Command::new(program),
    };
    let child = command
        .arg("probe")
        .args(words)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    (child, Instant::now())
}

/// Waits for its end, and looks at its memory meanwhile.
pub fn finish((mut child, begun): (Child, Instant)) -> Ran {
    const LONGEST: Duration = Duration::from_mins(2);
    let out = reader(child.stdout.take());
    let err = reader(child.stderr.take());
    let mut memory = 0;
    let code = loop {
        memory = peak(child.id()).max(memory);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status.code();
        }
        if begun.elapsed() > LONGEST {
            _ = child.kill();
            _ = child.wait();
            panic!("the probe did not end within {LONGEST:?}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    Ran {
        took: begun.elapsed(),
        stdout: out.join().expect("its output"),
        stderr: err.join().expect("its errors"),
        code,
        memory,
    }
}

/// Reads to the end, so that nobody waits for room in a pipe.
fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            _ = pipe.read_to_string(&mut text);
        }
        text
    })
}

fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}

/// A program that ends with the check.
pub struct Server(Child);

impl Server {
    /// Starts it here, or inside a namespace.
    pub fn start(netns: Option<&str>, words: &[&str]) -> Self {
        let mut all = match netns {
            Some(name) => vec!["ip", "netns", "exec", name],
            None => Vec::new(),
        };
        all.extend(words);
        let child = Command::new(all[0])
            .args(&all[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        Self(child)
    }

    /// Waits until it takes connections on loopback.
    pub fn until_it_listens(self, port: u16) -> Self {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(15),
                "nothing listens on port {port}"
            );
            thread::sleep(Duration::from_millis(30));
        }
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A port of loopback that nobody has at the moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

/// A folder of its own, removed with the check.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("whyreset-probe-{}-{}", std::process::id(), fresh()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes `key` and `cert` of probe.test, signed by nobody.
pub fn certificate(folder: &Folder) {
    let (key, cert) = (folder.0.join("key"), folder.0.join("cert"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=probe.test",
            "-addext",
            "subjectAltName=DNS:probe.test",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .expect("openssl runs");
    assert!(made.status.success());
}
