//! One connection in every link layer, tunnel and header that the program knows: the verdict is the same.
//! Refuses to test what a reset means.

use super::{Folder, late_write, run, stderr, verdicts};

/// A record of the connection: microseconds since the epoch, and its IPv4 packet.
pub type Record = (u64, Vec<u8>);

pub fn records() -> Vec<Record> {
    let bytes = late_write();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut records = Vec::new();
    let mut at = 24;
    while at < bytes.len() {
        let length = word(at + 8) as usize;
        let time = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        records.push((time, bytes[at + 16..at + 16 + length].to_vec()));
        at += 16 + length;
    }
    records
}

/// A legacy capture of this link.
fn pcap(link: u32, packets: impl Iterator<Item = Record>) -> Vec<u8> {
    let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    bytes.extend(link.to_le_bytes());
    for (time, packet) in packets {
        let length = u32::try_from(packet.len()).unwrap();
        let [seconds, micros] = [time / 1_000_000, time % 1_000_000].map(|part| u32::try_from(part).unwrap());
        for word in [seconds, micros, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(packet);
    }
    bytes
}

pub fn is_told(name: &str, bytes: &[u8], frame: u64) {
    let folder = Folder::new(&format!("links-{name}"));
    let file = folder.put("some.pcap", bytes);
    let output = run(&[&file, "-o", "json"]);
    let said = verdicts(&output);
    assert_eq!(said.len(), 1, "{name}: {said:?} {}", stderr(&output));
    let verdict = &said[0];
    assert_eq!(verdict["cause"]["id"], "write-after-close", "{name}: {verdict}");
    assert_eq!(verdict["cause"]["certainty"], "likely", "{name}: {verdict}");
    assert_eq!(verdict["reset"]["from"], "server", "{name}: {verdict}");
    assert_eq!(verdict["reset"]["frame"], frame, "{name}: {verdict}");
    assert!(
        verdict["time"]
            .as_str()
            .unwrap()
            .starts_with("2023-11-14T22:13:20.021"),
        "{name}: {verdict}"
    );
}

/// Something around, or in the place of, an IPv4 packet.
type Wrap = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn before(head: &'static [u8]) -> Wrap {
    Box::new(move |packet| [head, packet].concat())
}

fn ethernet(kind: u16, inner: Wrap) -> Wrap {
    Box::new(move |packet| {
        let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        [&addresses[..], &kind.to_be_bytes(), &inner(packet)].concat()
    })
}

/// Another IPv4 header around it, between two tunnel ends.
fn v4(protocol: u8, inner: Wrap) -> Wrap {
    Box::new(move |packet| {
        let body = inner(packet);
        let total = u16::try_from(20 + body.len()).unwrap().to_be_bytes();
        let head = [
            0x45, 0, total[0], total[1], 0, 9, 0, 0, 60, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        ];
        [&head[..], &body].concat()
    })
}

fn v6(next: u8, inner: Wrap) -> Wrap {
    Box::new(move |packet| {
        let body = inner(packet);
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        let head = [0x60, 0, 0, 0, length[0], length[1], next, 60];
        [&head[..], &address(1), &address(2), &body].concat()
    })
}

fn udp(port: u16, inner: Wrap) -> Wrap {
    Box::new(move |packet| {
        let body = inner(packet);
        let length = u16::try_from(8 + body.len()).unwrap();
        let head = [0xc000, port, length, 0].map(u16::to_be_bytes).concat();
        [&head[..], &body].concat()
    })
}

/// The same segment behind an IPv6 header, and extension headers of which the first one is `next`.
fn as_v6(next: u8, extensions: &'static [u8]) -> Wrap {
    Box::new(move |packet| {
        let body = [extensions, &packet[20..]].concat();
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        let address =
            |at: usize| [&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &packet[at..at + 4]].concat();
        let head = [0x60, 0, 0, 0, length[0], length[1], next, packet[8]];
        [&head[..], &address(12), &address(16), &body].concat()
    })
}

/// The same with IPv4 options: a router alert, and the end of the list.
fn with_options(packet: &[u8]) -> Vec<u8> {
    let mut out = packet.to_vec();
    out.splice(20..20, [148, 4, 0, 0, 7, 3, 4, 0]);
    out[0] = 0x47;
    let total = u16::try_from(out.len()).unwrap();
    out[2..4].copy_from_slice(&total.to_be_bytes());
    out
}

/// A wrapped connection: name, link type, what is around it.
type Wrapped = (&'static str, u32, Wrap);

fn plain() -> Wrap {
    before(&[])
}

/// In an Ethernet frame of its own, behind these bytes.
fn framed(head: &'static [u8]) -> Wrap {
    let inner = ethernet(0x0800, plain());
    Box::new(move |packet| [head, &inner(packet)].concat())
}

/// Every link, and what may stand between it and the packet.
fn links() -> Vec<Wrapped> {
    vec![
        ("ethernet", 1, framed(&[])),
        ("vlan", 1, ethernet(0x8100, before(&[0, 7, 8, 0]))),
        ("qinq", 1, ethernet(0x88a8, before(&[0, 9, 0x81, 0, 0, 7, 8, 0]))),
        (
            "old-qinq",
            1,
            ethernet(0x9100, before(&[0, 9, 0x81, 0, 0, 7, 8, 0])),
        ),
        (
            "pppoe",
            1,
            ethernet(0x8864, before(&[0x11, 0, 0, 1, 0, 0, 0, 0x21])),
        ),
        ("mpls", 1, ethernet(0x8847, before(&[0, 2, 1, 64]))),
        ("mpls-2", 1, ethernet(0x8848, before(&[0, 1, 0, 64, 0, 2, 1, 64]))),
        ("ppp", 9, before(&[0xff, 3, 0, 0x21])),
        ("ppp-short", 9, before(&[0x21])),
        ("ppp-hdlc", 50, before(&[0xff, 3, 0, 0x21])),
        ("ppp-ether", 51, before(&[0x11, 0, 0, 1, 0, 0, 0, 0x21])),
        ("raw-12", 12, plain()),
        ("raw-14", 14, plain()),
        ("raw-101", 101, plain()),
        ("raw-228", 228, plain()),
        ("raw-229", 229, as_v6(6, &[])),
        ("null-little", 0, before(&[2, 0, 0, 0])),
        ("null-big", 0, before(&[0, 0, 0, 2])),
        ("loop", 108, before(&[0, 0, 0, 2])),
        (
            "cooked",
            113,
            before(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0]),
        ),
        (
            "cooked-2",
            276,
            before(&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0]),
        ),
    ]
}

/// Every tunnel.
fn tunnels() -> Vec<Wrapped> {
    vec![
        (
            "vxlan",
            101,
            v4(17, udp(4789, framed(&[8, 0, 0, 0, 0, 0, 42, 0]))),
        ),
        (
            "old-vxlan",
            101,
            v6(17, udp(8472, framed(&[8, 0, 0, 0, 0, 0, 42, 0]))),
        ),
        (
            "geneve",
            101,
            v4(
                17,
                udp(6081, framed(&[1, 0, 0x65, 0x58, 0, 0, 43, 0, 1, 2, 3, 4])),
            ),
        ),
        (
            "geneve-ip",
            101,
            v4(17, udp(6081, before(&[0, 0, 8, 0, 0, 0, 43, 0]))),
        ),
        ("gre", 101, v4(47, before(&[0, 0, 8, 0]))),
        ("gre-key", 101, v4(47, before(&[0x20, 0, 8, 0, 0, 0, 0, 44]))),
        (
            "gre-all",
            101,
            v6(47, before(&[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 44, 0, 0, 0, 9])),
        ),
        ("gre-ethernet", 101, v4(47, framed(&[0, 0, 0x65, 0x58]))),
        ("ip-in-ip", 101, v4(4, plain())),
        ("four-in-six", 101, v6(4, plain())),
        ("six-in-four", 101, v4(41, as_v6(6, &[]))),
        ("six-in-six", 101, v6(41, as_v6(6, &[]))),
        ("in-ethernet", 1, ethernet(0x0800, v4(4, plain()))),
    ]
}

/// Every network header.
fn headers() -> Vec<Wrapped> {
    vec![
        ("v4-options", 101, Box::new(with_options)),
        ("v6", 1, ethernet(0x86dd, as_v6(6, &[]))),
        ("hop-by-hop", 101, as_v6(0, &[6, 0, 5, 2, 0, 0, 1, 0])),
        (
            "destination",
            101,
            as_v6(60, &[6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
        ("routing", 101, as_v6(43, &[6, 0, 4, 0, 0, 0, 0, 0])),
        (
            "authentication",
            101,
            as_v6(51, &[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]),
        ),
        (
            "all-extensions",
            101,
            as_v6(
                0,
                &[
                    43, 0, 5, 2, 0, 0, 1, 0, 60, 0, 4, 0, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0,
                ],
            ),
        ),
        // An atomic fragment (RFC 6946).
        ("fragment-alone", 101, as_v6(44, &[6, 0, 0, 0, 0, 0, 0, 9])),
    ]
}

#[test]
fn every_link_tunnel_and_header_leads_to_the_verdict() {
    for (name, link, wrap) in links().into_iter().chain(tunnels()).chain(headers()) {
        let packets = records().into_iter().map(|(time, packet)| (time, wrap(&packet)));
        is_told(name, &pcap(link, packets), 10);
    }
}

/// Payload in a second fragment: its header went with the first.
#[test]
fn fragments_are_one_segment() {
    let mut out = Vec::new();
    for (time, packet) in records() {
        if packet.len() <= 44 {
            out.push((time, packet));
            continue;
        }
        // Lengths in the first fragment's header are its own: 24 bytes, more to come.
        let mut first = packet[..44].to_vec();
        first[2..4].copy_from_slice(&44_u16.to_be_bytes());
        first[6..8].copy_from_slice(&0x2000_u16.to_be_bytes());
        let mut later = [&packet[..20], &packet[44..]].concat();
        let length = u16::try_from(later.len()).unwrap();
        later[2..4].copy_from_slice(&length.to_be_bytes());
        later[6..8].copy_from_slice(&3_u16.to_be_bytes());
        out.extend([(time, first), (time + 1, later)]);
    }
    let folder = Folder::new("links-fragments");
    let file = folder.put("some.pcap", &pcap(101, out.into_iter()));
    let output = run(&[&file, "-o", "json"]);
    let said = verdicts(&output);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0]["reset"]["from"], "server", "{}", said[0]);
    assert_ne!(said[0]["cause"]["certainty"], "certain", "{}", said[0]);
    let party = said[0]["sender"]["party"].as_str().unwrap();
    assert!(!["middlebox", "firewall"].contains(&party), "{}", said[0]);
}
