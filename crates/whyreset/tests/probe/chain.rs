//! Client, routers and server as network namespaces in a row. Removes them, also where a check failed.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::net::fresh;

/// Client, routers and server in a row. Host `i` has `10.99.i.2` towards the client and
/// `10.99.i+1.1` towards the server, and `fd00:99:i::2`, `fd00:99:i+1::1`.
pub struct Chain {
    names: Vec<String>,
}

impl Chain {
    pub fn new(routers: usize) -> Self {
        let number = fresh();
        let chain = Self {
            names: (0..routers + 2)
                .map(|host| format!("wrp-{}-{number}-{host}", std::process::id()))
                .collect(),
        };
        let last = chain.names.len() - 1;
        let mut lines: Vec<String> = chain
            .names
            .iter()
            .map(|name| format!("netns add {name}"))
            .collect();
        for link in 0..last {
            lines.push(format!(
                "link add forth netns {} type veth peer name back netns {}",
                chain.names[link],
                chain.names[link + 1]
            ));
        }
        batch(None, &lines);
        for (host, name) in chain.names.iter().enumerate() {
            if host > 0 && host < last {
                sysctl(name, "net/ipv4/ip_forward", "1");
                sysctl(name, "net/ipv6/conf/all/forwarding", "1");
            }
            let mut lines = vec!["link set lo up".to_owned()];
            if host > 0 {
                lines.push(format!("addr add 10.99.{host}.2/24 dev back"));
                lines.push(format!("addr add fd00:99:{host}::2/64 dev back nodad"));
                lines.push("link set back up".to_owned());
            }
            if host < last {
                lines.push(format!("addr add 10.99.{}.1/24 dev forth", host + 1));
                lines.push(format!("addr add fd00:99:{}::1/64 dev forth nodad", host + 1));
                lines.push("link set forth up".to_owned());
            }
            for far in 1..=last {
                if far < host {
                    lines.push(format!("route add 10.99.{far}.0/24 via 10.99.{host}.1"));
                    lines.push(format!("route add fd00:99:{far}::/64 via fd00:99:{host}::1"));
                } else if far > host + 1 {
                    lines.push(format!("route add 10.99.{far}.0/24 via 10.99.{}.2", host + 1));
                    lines.push(format!(
                        "route add fd00:99:{far}::/64 via fd00:99:{}::2",
                        host + 1
                    ));
                }
            }
            batch(Some(name), &lines);
        }
        chain.wait_for_ways();
        chain
    }

    /// The kernel tells a new cable's carrier up to a second late.
    fn wait_for_ways(&self) {
        let place = File::open(Path::new("/run/netns").join(self.client())).expect("the namespace");
        let servers = [self.server(), self.server_v6()];
        let wait = move || {
            move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network)).expect("root");
            let begun = Instant::now();
            for server in servers {
                // Nothing listens there yet, and its refusal says that there is a way.
                let refused = || {
                    let answer = TcpStream::connect_timeout(&(server, 1).into(), Duration::from_millis(200));
                    answer.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
                };
                while !refused() {
                    assert!(begun.elapsed() < Duration::from_secs(20), "no way to {server}");
                    thread::sleep(Duration::from_millis(20));
                }
            }
        };
        thread::spawn(wait).join().expect("there is a way");
    }

    pub fn client(&self) -> &str {
        &self.names[0]
    }

    /// The host after so many hops.
    pub fn hop(&self, number: usize) -> &str {
        &self.names[number]
    }

    pub fn last(&self) -> &str {
        self.names.last().expect("hosts")
    }

    pub fn server(&self) -> std::net::IpAddr {
        format!("10.99.{0}.2", self.names.len() - 1)
            .parse()
            .expect("an address")
    }

    pub fn server_v6(&self) -> std::net::IpAddr {
        format!("fd00:99:{0}::2", self.names.len() - 1)
            .parse()
            .expect("an address")
    }

    /// Loads a ruleset on one host.
    pub fn rules(&self, hop: usize, rules: &str) {
        let mut child = Command::new("ip")
            .args(["netns", "exec", self.hop(hop), "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("nft runs");
        child
            .stdin
            .take()
            .expect("its input")
            .write_all(format!("{rules}\n").as_bytes())
            .expect("rules are written");
        assert!(child.wait().expect("nft ends").success(), "{rules}");
    }

    pub fn sysctl(&self, hop: usize, key: &str, value: &str) {
        sysctl(self.hop(hop), key, value);
    }

    /// Waits until something takes connections on this port of the last host.
    pub fn until_it_listens(&self, port: u16) {
        let begun = Instant::now();
        let filter = format!("sport = :{port}");
        loop {
            let out = Command::new("ip")
                .args(["netns", "exec", self.last(), "ss", "-Hltn", &filter])
                .output()
                .expect("ss runs");
            if !out.stdout.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(15),
                "nothing listens on port {port}"
            );
            thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        for name in &self.names {
            run(None, &["ip", "netns", "del", name]);
        }
    }
}

fn sysctl(netns: &str, key: &str, value: &str) {
    let script = format!("echo {value} > /proc/sys/{key}");
    assert!(run(Some(netns), &["sh", "-c", &script]), "{key} = {value}");
}

fn run(netns: Option<&str>, words: &[&str]) -> bool {
    let mut all = match netns {
        Some(name) => vec!["ip", "netns", "exec", name],
        None => Vec::new(),
    };
    all.extend(words);
    Command::new(all[0])
        .args(&all[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn batch(netns: Option<&str>, lines: &[String]) {
    let mut command = Command::new("ip");
    if let Some(name) = netns {
        command.args(["-n", name]);
    }
    let mut child = command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("`ip` runs; install iproute2");
    let mut input = child.stdin.take().expect("its input");
    input
        .write_all((lines.join("\n") + "\n").as_bytes())
        .expect("lines are written");
    drop(input);
    assert!(child.wait().expect("`ip` ends").success(), "{lines:?}");
}
