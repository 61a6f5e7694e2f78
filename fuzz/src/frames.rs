//! Frames made by hand, layer by layer, for the corpus. Refuses to be exhaustive: mutations are.

/// LINKTYPE values.
const ETHERNET: u16 = 1;
const RAW: u16 = 101;

fn tcp(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from(5 + options.len() / 4).unwrap_or(15);
    let mut bytes = vec![0x9c, 0x40, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 2];
    bytes.extend([words << 4, flags, 0x01, 0xf6, 0, 0, 0, 0]);
    bytes.extend(options);
    bytes.extend(payload);
    bytes
}

fn ipv4(protocol: u8, body: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + body.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = vec![
        0x45, 0, total[0], total[1], 0x12, 0x34, 0x40, 0, 61, protocol, 0, 0,
    ];
    bytes.extend([10, 0, 0, 2, 10, 0, 0, 1]);
    bytes.extend(body);
    bytes
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 5, len[0], len[1], next, 59];
    for last in [2, 1] {
        bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    bytes.extend(body);
    bytes
}

fn ethernet(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    bytes.extend(kind.to_be_bytes());
    bytes.extend(body);
    bytes
}

fn udp(port: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 0];
    bytes.extend(port.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(body);
    bytes
}

fn behind(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, body].concat()
}

/// Every frame: its name, its link type, its bytes.
pub fn all() -> Vec<(&'static str, u16, Vec<u8>)> {
    let stamps = [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9];
    let syn = tcp(
        2,
        &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7],
        b"",
    );
    let odd = tcp(
        0x14,
        &[
            30, 4, 0x80, 3, 30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 28, 4, 0,
            60, 254, 6, 1, 2, 3, 4,
        ],
        b"",
    );
    let hello = tcp(0x18, &stamps, b"hello");
    let with = |payload: &[u8]| ethernet(0x0800, &ipv4(6, &tcp(0x18, &[], payload)));
    let (v4, v6) = (ipv4(6, &hello), ipv6(6, &hello));
    let inner = ethernet(0x0800, &v4);
    let quote = |kind: &[u8], packet: &[u8]| behind(kind, &packet[..packet.len().min(60)]);
    let tls = [
        &[22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3][..],
        &[7; 32],
        &[
            0, 0, 2, 0x13, 1, 1, 0, 0, 13, 0, 0, 0, 9, 0, 7, 0, 0, 4, b'a', b'.', b'd', b'e',
        ],
    ]
    .concat();
    vec![
        ("ethernet", ETHERNET, inner.clone()),
        ("ethernet-v6", ETHERNET, ethernet(0x86dd, &v6)),
        ("syn", ETHERNET, ethernet(0x0800, &ipv4(6, &syn))),
        ("options", ETHERNET, ethernet(0x86dd, &ipv6(6, &odd))),
        ("vlan", ETHERNET, ethernet(0x8100, &behind(&[0, 7, 8, 0], &v4))),
        (
            "qinq",
            ETHERNET,
            ethernet(0x88a8, &behind(&[0, 9, 0x81, 0, 0, 7, 8, 0], &v4)),
        ),
        (
            "mpls",
            ETHERNET,
            ethernet(0x8847, &behind(&[0, 1, 0, 64, 0, 2, 1, 64], &v6)),
        ),
        (
            "pppoe",
            ETHERNET,
            ethernet(0x8864, &behind(&[0x11, 0, 0, 1, 0, 9, 0, 0x21], &v4)),
        ),
        (
            "vxlan",
            ETHERNET,
            ethernet(
                0x0800,
                &ipv4(17, &udp(4789, &behind(&[8, 0, 0, 0, 0, 0, 42, 0], &inner))),
            ),
        ),
        (
            "geneve",
            ETHERNET,
            ethernet(
                0x86dd,
                &ipv6(
                    17,
                    &udp(
                        6081,
                        &behind(&[1, 0, 0x65, 0x58, 0, 0, 43, 0, 1, 2, 3, 4], &inner),
                    ),
                ),
            ),
        ),
        (
            "gre",
            ETHERNET,
            ethernet(0x0800, &ipv4(47, &behind(&[0x20, 0, 8, 0, 0, 0, 0, 44], &v4))),
        ),
        ("ip-in-ip", RAW, ipv4(4, &v4)),
        ("six-in-four", RAW, ipv4(41, &v6)),
        (
            "hop-by-hop",
            RAW,
            ipv6(0, &behind(&[6, 0, 1, 4, 0, 0, 0, 0], &hello)),
        ),
        (
            "first-fragment",
            RAW,
            ipv6(44, &behind(&[6, 0, 0, 1, 0, 0, 0, 5], &hello)),
        ),
        ("raw", RAW, v4.clone()),
        ("loopback", 0, behind(&[2, 0, 0, 0], &v4)),
        ("loop", 108, behind(&[0, 0, 0, 30], &v6)),
        ("ppp", 9, behind(&[0xff, 3, 0, 0x21], &v4)),
        (
            "cooked",
            113,
            behind(&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0], &v4),
        ),
        (
            "cooked-2",
            276,
            behind(&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 2, 0, 0], &v4),
        ),
        ("icmp", RAW, ipv4(1, &quote(&[11, 0, 0, 0, 0, 0, 0, 0], &v4))),
        ("icmp-v6", RAW, ipv6(58, &quote(&[1, 1, 0, 0, 0, 0, 0, 0], &v6))),
        ("http", ETHERNET, with(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("http-answer", ETHERNET, with(b"HTTP/1.1 413 Too Large\r\n\r\n")),
        ("http-2", ETHERNET, with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
        ("tls", ETHERNET, with(&tls)),
        ("alert", ETHERNET, with(&[21, 3, 3, 0, 2, 1, 0])),
        (
            "sealed-alert",
            ETHERNET,
            with(&behind(&[23, 3, 3, 0, 19], &[9; 19])),
        ),
        ("ssh", ETHERNET, with(b"SSH-2.0-OpenSSH\r\n")),
        ("greeting", ETHERNET, with(b"220 ready\r\n")),
        ("mysql", ETHERNET, with(b"\x4a\0\0\0\x0a8.0.1\0")),
        ("postgres", ETHERNET, with(&[0, 0, 0, 8, 4, 210, 22, 47])),
        ("redis", ETHERNET, with(b"*1\r\n$4\r\nPING\r\n")),
        ("proxy", ETHERNET, with(b"PROXY TCP4 10.0.0.2 10.0.0.1 1 2\r\n")),
    ]
}

/// A pcap file as pcapng, with a flags word and a count of losses in every packet.
pub fn pcapng(file: &[u8]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len() + 12).unwrap_or(0).to_le_bytes();
        [&kind.to_le_bytes(), &length[..], body, &length].concat()
    };
    let word = |at: usize| {
        let bytes = file.get(at..at + 4).and_then(|four| four.first_chunk::<4>());
        bytes.map_or(0, |four| u32::from_le_bytes(*four))
    };
    let section = [
        0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
    ];
    let mut interface = word(20).to_le_bytes().to_vec();
    // if_tsresol: nanoseconds.
    interface.extend([0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    let mut out = [block(0x0a0d_0d0a, &section), block(1, &interface)].concat();
    let mut at = 24;
    while at + 16 <= file.len() {
        let [secs, nanos, captured, wire] = [0, 4, 8, 12].map(|offset| word(at + offset));
        let time = u64::from(secs) * 1_000_000_000 + u64::from(nanos);
        let data = file.get(at + 16..).unwrap_or_default();
        let data = &data[..data.len().min(captured as usize)];
        let mut body = vec![0; 4];
        for half in [time >> 32, time & 0xffff_ffff] {
            body.extend(u32::try_from(half).unwrap_or(0).to_le_bytes());
        }
        body.extend(captured.to_le_bytes());
        body.extend(wire.to_le_bytes());
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend([
            2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]);
        out.extend(block(6, &body));
        at += 16 + captured as usize;
    }
    out
}
