//! Protocols by their first bytes, and checksums.

use whyreset_wire::checksum::{Checksum, check};
use whyreset_wire::hint::{Protocol, last_tls_record, protocol};
use whyreset_wire::{LinkType, Transport, decode};

/// A ClientHello that asks for this name.
fn hello(name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let size = u8::try_from(name.len()).unwrap();
    let mut extension = vec![0, 0, 0, size + 5, 0, size + 3, 0, 0, size];
    extension.extend(name);
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0, 0, u8::try_from(extension.len()).unwrap()]);
    body.extend(extension);
    let mut record = vec![22, 3, 1, 0, u8::try_from(body.len() + 4).unwrap(), 1, 0, 0];
    record.push(u8::try_from(body.len()).unwrap());
    record.extend(body);
    record
}

#[test]
fn first_bytes_name_a_protocol() {
    let mysql = [74, 0, 0, 0, 10, b'8', b'.', b'0'];
    for (payload, expected) in [
        (
            &b"GET / HTTP/1.1\r\n"[..],
            Protocol::HttpRequest { method: "GET" },
        ),
        (
            b"HTTP/1.1 413 Too Large\r\n",
            Protocol::HttpResponse { status: 413 },
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM", Protocol::Http2Preface),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Protocol::Ssh),
        (b"220 mail ESMTP\r\n", Protocol::Greeting(220)),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", Protocol::ProxyHeader),
        (b"*1\r\n$4\r\nPING\r\n", Protocol::Redis),
        (&[0, 0, 0, 8, 4, 210, 22, 47], Protocol::PostgresStartup),
        (&mysql, Protocol::MysqlGreeting),
        (
            &[21, 3, 3, 0, 2, 2, 40],
            Protocol::TlsAlert {
                level: Some(2),
                description: Some(40),
            },
        ),
        (&[23, 3, 3, 0, 19, 1], Protocol::TlsRecord(23)),
    ] {
        assert_eq!(protocol(payload), Some(expected));
    }
    for nothing in [
        &b""[..],
        b"G",
        b"GETTING",
        b"HTTP/1.1 abc",
        &[22, 9, 9],
        b"\xff\xff\xff",
    ] {
        assert_eq!(protocol(nothing), None, "{nothing:?}");
    }
}

#[test]
fn the_name_that_a_client_asks_for_is_read() {
    let record = hello("example.org");
    let sni = Some("example.org");
    assert_eq!(protocol(&record), Some(Protocol::TlsClientHello { sni }));
    for len in 9..record.len() {
        assert_eq!(
            protocol(&record[..len]),
            Some(Protocol::TlsClientHello { sni: None }),
            "cut at {len}"
        );
    }
    let hostile = hello("a\u{1b}[2Jb");
    assert_eq!(protocol(&hostile), Some(Protocol::TlsClientHello { sni: None }));
}

#[test]
fn an_alert_ends_a_payload() {
    assert!(last_tls_record(&[21, 3, 3, 0, 2, 1, 0]));
    assert!(last_tls_record(&[&[0; 50][..], &[21, 3, 3, 0, 2, 1, 0]].concat()));
    assert!(last_tls_record(&[&[23, 3, 3, 0, 19][..], &[9; 19]].concat()));
    assert!(!last_tls_record(&[23, 3, 3, 0, 40, 1, 2, 3]));
    assert!(!last_tls_record(b""));
}

#[test]
fn checksums_hold_fail_or_are_left_to_the_card() {
    let mut bytes = vec![
        0x45, 0, 0, 42, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0,
        0, 0, 2, 0x50, 0x18, 1, 0, 0, 0, 0, 0, b'h', b'i',
    ];
    let verdict = |bytes: &[u8]| {
        let packet = decode(LinkType::RAW, bytes, 42).unwrap();
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("no TCP")
        };
        check(&packet.ip, &tcp)
    };
    // RFC 1071, word by word.
    let words = |bytes: &[u8]| -> u32 {
        bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
            .sum()
    };
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let pseudo = fold(words(&bytes[12..20]) + 6 + 22);
    let put = |bytes: &mut Vec<u8>, sum: u16| bytes[36..38].copy_from_slice(&sum.to_be_bytes());
    let good = !u16::try_from(fold(pseudo + words(&bytes[20..]))).unwrap();
    put(&mut bytes, good);
    assert_eq!(verdict(&bytes), Checksum::Good);
    put(&mut bytes, good ^ 0x10);
    assert_eq!(verdict(&bytes), Checksum::Bad);
    put(&mut bytes, u16::try_from(pseudo).unwrap());
    assert_eq!(verdict(&bytes), Checksum::Partial);
    assert_eq!(verdict(&bytes[..41]), Checksum::Partial);
    put(&mut bytes, good);
    assert_eq!(verdict(&bytes[..41]), Checksum::Unknown);
}

/// Whatever its length, and with as many carries as there can be.
#[test]
fn a_checksum_is_that_of_its_words() {
    for (byte, len) in (0..=90)
        .map(|len| (0xff, len))
        .chain((0..=90).map(|len| (0xa7, len)))
    {
        let mut bytes = [
            &[0x45, 0, 0, 40 + len, 0, 0, 0, 0, 64, 6, 0, 0][..],
            &[0xff; 20],
            &[0x50, 0x18, 0xff, 0xff, 0, 0, 0xff, 0xff],
        ]
        .concat();
        bytes.extend((0..len).map(|at| byte ^ at));
        let mut sum: u32 = 6 + 20 + u32::from(len);
        for pair in bytes[12..].chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        bytes[36..38].copy_from_slice(&(!u16::try_from(sum).unwrap()).to_be_bytes());
        for (right, flip) in [(Checksum::Good, 0), (Checksum::Bad, 1)] {
            bytes[20] ^= flip;
            let packet = decode(LinkType::RAW, &bytes, 40 + u32::from(len)).unwrap();
            let Transport::Tcp(tcp) = packet.transport else {
                panic!("no TCP")
            };
            assert_eq!(check(&packet.ip, &tcp), right, "{len} bytes of {byte}");
        }
    }
}
