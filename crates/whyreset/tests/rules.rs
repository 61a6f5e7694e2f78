//! Which rule is named where rules change from one reset to the next. Needs root, `ip` and `nft`; says so
//! where it cannot run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

/// A network namespace, removed when dropped.
struct Ground(String);

impl Ground {
    fn new(test: &str) -> Option<Self> {
        let name = format!("whyreset-{test}-{}", std::process::id());
        let made = Command::new("ip")
            .args(["netns", "add", &name])
            .stderr(Stdio::null())
            .status();
        let ground = made.is_ok_and(|status| status.success()).then_some(Self(name))?;
        let up = ground.run(&["ip", "link", "set", "lo", "up"], "");
        (up && ground.run(&["nft", "-f", "-"], "flush ruleset\n")).then_some(ground)
    }

    fn run(&self, line: &[&str], input: &str) -> bool {
        let child = Command::new("ip")
            .args(["netns", "exec", &self.0])
            .args(line)
            .stdin(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else { return false };
        let fed = child
            .stdin
            .take()
            .is_some_and(|mut stdin| stdin.write_all(input.as_bytes()).is_ok());
        fed && child.wait().is_ok_and(|status| status.success())
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.0)
    }

    /// Puts the calling thread into it.
    fn enter(&self) {
        let file = std::fs::File::open(self.path()).expect("it is there");
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("it can be entered");
    }

    /// One rule on all that this host sends to a port, in place of the one before.
    fn reject(&self, port: u16, how: &str) {
        let rules = format!(
            "flush ruleset
             table inet lab {{
               chain output {{ type filter hook output priority 0; tcp dport {port} {how} reject with tcp reset; }}
             }}\n"
        );
        assert!(self.run(&["nft", "-f", "-"], &rules), "nft refused: {rules}");
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// Ended when dropped.
struct Watch(Child);

impl Watch {
    fn start(ground: &Ground) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_whyreset"))
            .args(["watch", "-o", "json", "--netns"])
            .arg(ground.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stderr = child.stderr.take().expect("a pipe");
        let ready = BufReader::new(stderr)
            .lines()
            .map_while(Result::ok)
            .any(|line| line.contains("watching"));
        assert!(ready, "it does not watch");
        Self(child)
    }

    /// The rule of each of the next verdicts.
    fn rules(&mut self, count: usize) -> Vec<String> {
        let stdout = self.0.stdout.take().expect("a pipe");
        BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .map(|line| serde_json::from_str::<Value>(&line).expect("JSON"))
            .map(|verdict| verdict["sender"]["rule"].as_str().unwrap_or_default().to_owned())
            .take(count)
            .collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Both ends of an open connection.
fn connected(listener: &TcpListener, to: SocketAddr) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(to).expect("it listens");
    (client, listener.accept().expect("it is there").0)
}

#[test]
fn a_rule_that_took_anothers_place_a_moment_ago_is_the_one_that_is_named() {
    let Some(ground) = Ground::new("replaced") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    let mut watch = Watch::start(&ground);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            ground.enter();
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let to = listener.local_addr().expect("it is bound");
            let mut ends = [connected(&listener, to), connected(&listener, to)];
            ground.reject(to.port(), "meta mark 0");
            // Long enough to be read unasked.
            sleep(Duration::from_secs(1));
            let [(first, _), (second, _)] = &mut ends;
            let reset = |client: &mut TcpStream| {
                client
                    .write_all(b"hello")
                    .expect("it is sent, as far as it knows");
                client.read_exact(&mut [0]).expect_err("it is reset");
            };
            reset(first);
            // Both are judged after the change.
            ground.reject(to.port(), "counter");
            reset(second);
            sleep(Duration::from_secs(1));
        });
        let rules = watch.rules(2);
        let right = rules[0].contains("meta mark") && rules[1].contains("counter");
        assert!(right, "{rules:?}");
    });
}
