//! Findings that settings and rules make, where they can bite.

use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use super::space::{Space, settle};

pub fn overflow_aborts() {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_abort_on_overflow", "1");
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    let _listener = space.listen(80, 511);
    assert_eq!(space.audit(&[]).severity("abort-on-overflow"), "possible");
    space.sysctl("net.ipv4.tcp_abort_on_overflow", "0");
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
}

pub fn queues_are_cut() {
    let space = Space::new();
    space.sysctl("net.core.somaxconn", "300");
    let short = space.listen(80, 128);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    let _long = space.listen(81, 511);
    let audit = space.audit(&[]);
    assert!(
        audit.one("somaxconn")["fix"]
            .to_string()
            .contains("somaxconn=4096")
    );
    drop(short);
}

pub fn half_open_handshakes() {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_max_syn_backlog", "8");
    space.sysctl("net.ipv4.tcp_syncookies", "0");
    let listener = space.listen(80, 511);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    space.nft(
        "add table ip t; add chain ip t c { type filter hook output priority 0; }; \
         add rule ip t c tcp flags & (syn|ack) == syn|ack drop",
    );
    let begun: Vec<_> = (0..6).map(|_| space.connecting(&listener)).collect();
    settle();
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("syn-backlog"), "likely");
    assert!(
        audit.one("syn-backlog")["fix"]
            .to_string()
            .contains("tcp_syncookies=1")
    );
    drop(begun);
}

pub fn fin_timeout() {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_fin_timeout", "20");
    let listener = space.listen(80, 511);
    let (client, server) = space.connect(&listener);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    drop(server);
    settle();
    assert_eq!(space.audit(&[]).ids(), ["fin-timeout"]);
    drop(client);
}

pub fn retries2() {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_retries2", "3");
    let listener = space.listen(80, 511);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    let _pair = space.connect(&listener);
    assert_eq!(space.audit(&[]).ids(), ["retries2"]);
}

pub fn keepalive_hasty() {
    let space = Space::new();
    for (name, value) in [("time", "10"), ("intvl", "1"), ("probes", "3")] {
        space.sysctl(&format!("net.ipv4.tcp_keepalive_{name}"), value);
    }
    let listener = space.listen(80, 511);
    let (client, _server) = space.connect(&listener);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    SockRef::from(&client).set_keepalive(true).unwrap();
    let audit = space.audit(&[]);
    let summary = audit.one("keepalive-hasty")["summary"].as_str().unwrap();
    assert!(summary.contains("after 13 s"), "{summary}");
}

pub fn tracking_forgets() {
    let space = Space::new();
    space.nft(
        "add table ip t; add chain ip t c { type filter hook input priority 0; }; \
         add rule ip t c ct state established accept",
    );
    let listener = space.listen(80, 511);
    let _pair = space.connect(&listener);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    space.sysctl("net.netfilter.nf_conntrack_tcp_timeout_established", "2");
    assert_eq!(space.audit(&[]).severity("conntrack-timeout"), "possible");
    // Another connection keeps tracking in use while this one is forgotten.
    std::thread::sleep(Duration::from_millis(2_500));
    space.sysctl("net.netfilter.nf_conntrack_tcp_timeout_established", "432000");
    let _other = space.connect(&listener);
    space.sysctl("net.netfilter.nf_conntrack_tcp_timeout_established", "2");
    assert_eq!(space.audit(&[]).severity("conntrack-timeout"), "likely");
}

pub fn rules_of_iptables() {
    let space = Space::new();
    let rule = |words: &[&str]| {
        let status = space
            .command("iptables")
            .args(["-A", "INPUT", "-p", "tcp", "-j", "REJECT"])
            .args(words)
            .status();
        assert!(status.expect("iptables runs").success(), "{words:?}");
    };
    rule(&["--dport", "82"]);
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    rule(&["--dport", "81", "--reject-with", "tcp-reset"]);
    assert!(space.inside(|| TcpStream::connect(("10.98.0.1", 81))).is_err());
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("reset-rules"), "happened");
    let fix = audit.one("reset-rules")["fix"].to_string();
    assert!(fix.contains("-t filter -D INPUT 2"), "{fix}");
}

pub fn rules_that_reset() {
    let space = Space::new();
    space.nft(
        "add table ip t; add chain ip t c { type filter hook input priority 0; }; \
         add rule ip t c tcp dport 82 counter reject; add rule ip t c tcp dport 83 drop",
    );
    assert_eq!(space.audit(&[]).ids(), [""; 0]);
    space.nft("add rule ip t c tcp dport 81 counter reject with tcp reset");
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("reset-rules"), "possible");
    let fix = audit.one("reset-rules")["fix"].to_string();
    assert!(fix.contains("nft delete rule ip t c handle"), "{fix}");
    assert!(space.inside(|| TcpStream::connect(("10.98.0.1", 81))).is_err());
    assert_eq!(space.audit(&[]).severity("reset-rules"), "happened");
}
