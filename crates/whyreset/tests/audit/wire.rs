//! Findings that segments make which no program sends by itself: made by hand, through raw sockets, in
//! a namespace of its own.

use super::space::{CLIENT, SERVER, Space, settle};

/// `segment(flags, seq, ack, ports)` sends one from the client's address to the server's; `pair` is a
/// connection from port 40000, its listener kept.
const PRELUDE: &str = r#"
import socket, struct, sys
SERVER, CLIENT, PORT = sys.argv[1], sys.argv[2], 40000
def total(data):
    if len(data) % 2: data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
own, other = socket.inet_aton(CLIENT), socket.inet_aton(SERVER)
def segment(flags, seq, ack=0, source=PORT, to=80):
    head = struct.pack("!HHIIBBHHH", source, to, seq, ack, 5 << 4, flags, 500, 0, 0)
    check = total(own + other + struct.pack("!HH", 6, len(head)) + head)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    raw.bind((CLIENT, 0))
    raw.sendto(head[:16] + struct.pack("!H", check) + head[18:], (SERVER, 0))
def pair():
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((SERVER, 80)); l.listen(8)
    c = socket.socket(); c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); c.bind((CLIENT, PORT)); c.connect((SERVER, 80))
    return l, c, l.accept()[0]
"#;

/// Nothing is found before, and this afterwards.
fn makes(space: &Space, finding: &str, cause: &str, script: &str) {
    let before = space.audit(&[]);
    assert!(!before.ids().contains(&finding), "{:?}", before.ids());
    let output = space
        .command("python3")
        .args(["-c", &format!("{PRELUDE}{script}"), SERVER, CLIENT])
        .output()
        .expect("python3 runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    settle();
    let audit = space.audit(&[]);
    assert!(audit.ids().contains(&finding), "{:?}", audit.ids());
    let causes = audit.one(finding)["causes"].as_array().expect("causes").clone();
    assert!(causes.iter().any(|one| one == cause), "{causes:?}");
}

pub fn a_syn_in_an_open_connection() {
    let space = Space::new();
    makes(
        &space,
        "challenged",
        "stray-syn",
        "l, c, s = pair(); segment(2, 12345)\nimport time; time.sleep(.2)",
    );
}

pub fn an_error_about_foreign_numbers() {
    let space = Space::new();
    makes(
        &space,
        "foreign-icmp",
        "injected-reset",
        r#"
l, c, s = pair()
# What the server would have sent, quoted with numbers of nobody.
quoted = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + other + own + struct.pack("!HHI", 80, PORT, 77)
icmp = struct.pack("!BBHI", 3, 1, 0, 0) + quoted
icmp = icmp[:2] + struct.pack("!H", total(icmp)) + icmp[4:]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw.bind((CLIENT, 0)); raw.sendto(icmp, (SERVER, 0))
import time; time.sleep(.2)
"#,
    );
}

pub fn a_wrong_cookie() {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_syncookies", "2");
    makes(
        &space,
        "syncookies-failed",
        "bad-handshake-ack",
        "l, c, s = pair(); segment(16, 5, 99, source=41000)\nimport time; time.sleep(.2)",
    );
}

pub fn linger_two() {
    let space = Space::new();
    makes(
        &space,
        "linger2",
        "linger2-abort",
        r"
l, c, s = pair()
TCP_LINGER2 = 8
s.setsockopt(socket.IPPROTO_TCP, TCP_LINGER2, -1)
import time
s.shutdown(socket.SHUT_WR); time.sleep(.2); s.close(); time.sleep(.1)
",
    );
}

pub fn too_many_remembered() {
    let space = Space::new();
    space.sysctl("net.ipv4.tcp_max_tw_buckets", "1");
    makes(
        &space,
        "time-wait-buckets",
        "time-wait-overflow",
        r"
import time
l = socket.create_server((SERVER, 80))
for _ in range(5):
    c = socket.create_connection((SERVER, 80)); s = l.accept()[0]
    c.close(); time.sleep(.05); s.close(); time.sleep(.05)
",
    );
}

pub fn a_segment_that_is_invalid() {
    let space = Space::new();
    space.nft("add table ip t; add chain ip t c { type filter hook input priority 0; ct state established accept; }");
    space.sysctl("net.ipv4.ip_forward", "1");
    makes(
        &space,
        "conntrack-invalid",
        "nat-state-lost",
        // Some of these numbers are far above the window, wherever it is.
        "l, c, s = pair()\nfor seq in range(8): segment(16, seq << 29, seq << 29)\nimport time; time.sleep(.2)",
    );
}
