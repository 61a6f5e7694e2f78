//! What takes certainty from a verdict: broken checksums, cut frames, routers' errors. Each connection is
//! judged without it first. Refuses to test what packets lost mean (`losses.rs`).

use serde_json::Value;

use super::{ACK, FIN, Folder, PSH, RST, SYN, Tap, late_write, run, verdicts};

/// The one verdict on these records.
fn told(name: &str, bytes: &[u8]) -> Value {
    let folder = Folder::new(&format!("lowered-{name}"));
    let file = folder.put("some.pcap", bytes);
    let mut said = verdicts(&run(&[&file, "-o", "json", "--all"]));
    assert_eq!(said.len(), 1, "{name}: {said:?}");
    said.remove(0)
}

fn is(verdict: &Value, cause: &str, certainty: &str) {
    assert_eq!(verdict["cause"]["id"], cause, "{verdict}");
    assert_eq!(verdict["cause"]["certainty"], certainty, "{verdict}");
}

fn says(verdict: &Value, words: &str) {
    assert!(verdict.to_string().contains(words), "no {words:?} in {verdict}");
}

/// Begins of the records of a legacy capture.
fn records(bytes: &[u8]) -> Vec<usize> {
    let mut at = 24;
    let mut begins = Vec::new();
    while at < bytes.len() {
        begins.push(at);
        at += 16 + length(bytes, at);
    }
    begins
}

fn length(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize
}

/// Fills in the checksum of every segment.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    for at in records(&bytes) {
        let packet = at + 16..at + 16 + length(&bytes, at);
        let packet = &mut bytes[packet];
        let segment = u32::try_from(packet.len() - 20).unwrap();
        let words = packet[12..].chunks(2).map(|word| {
            let low = word.get(1).copied().unwrap_or(0);
            u32::from(u16::from_be_bytes([word[0], low]))
        });
        let mut sum = words.sum::<u32>() + 6 + segment;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let sum = !u16::try_from(sum).unwrap();
        packet[36..38].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

#[test]
fn a_reset_whose_checksum_does_not_hold_is_nobodys_word() {
    let sound = with_checksums(late_write());
    is(&told("sound", &sound), "write-after-close", "likely");
    let mut damaged = sound;
    let last = *records(&damaged).last().unwrap();
    damaged[last + 16 + 36] ^= 0x5a;
    let verdict = told("damaged", &damaged);
    is(&verdict, "write-after-close", "possible");
    says(&verdict, "its checksum does not hold");
}

/// The capture kept so many bytes of each packet.
fn cut(bytes: &[u8], snaplen: usize) -> Vec<u8> {
    let mut out = bytes[..24].to_vec();
    for at in records(bytes) {
        let kept = length(bytes, at).min(snaplen);
        out.extend(&bytes[at..at + 8]);
        out.extend(u32::try_from(kept).unwrap().to_le_bytes());
        out.extend(&bytes[at + 12..at + 16 + kept]);
    }
    out
}

#[test]
fn a_reason_that_the_capture_cut_off_is_not_taken_for_none() {
    let mut tap = Tap::new();
    tap.opened(1_000, 64, 61)
        .segment(2_000, true, PSH | ACK, 901, 119, b"HTTP/1.1 200 OK\r\n\r\n", 61)
        .segment(2_100, false, ACK, 119, 920, b"", 64)
        .segment(
            9_000,
            true,
            RST | ACK,
            920,
            119,
            b"BIG-IP: [0x11c5672:3045] {peer} TCP RST from remote system",
            61,
        );
    let whole = told("reason", &tap.bytes);
    says(&whole, "RST from remote system");
    let verdict = told("cut-reason", &cut(&tap.bytes, 40));
    says(&verdict, "of the reset's payload were cut off by the capture");
    is(&verdict, "unknown", "unknown");
}

#[test]
fn options_that_the_capture_cut_off_are_not_taken_for_none() {
    // A SYN as a scanner makes it, without any option, and one whose options are not there.
    let mut tap = Tap::new();
    tap.segment(0, false, SYN, 100, 0, b"", 64)
        .segment(1_000, true, SYN | ACK, 900, 101, b"", 61)
        .segment(1_010, false, RST, 101, 0, b"", 64);
    let bare = told("bare", &tap.bytes);
    let mut with_options = Tap::new();
    with_options.segment(0, false, SYN, 100, 0, &[2, 4, 5, 180, 1, 3, 3, 7], 64);
    // What was put there as payload is options.
    with_options.bytes[24 + 16 + 32] = 0x70;
    with_options
        .segment(1_000, true, SYN | ACK, 900, 101, b"", 61)
        .segment(1_010, false, RST, 101, 0, b"", 64);
    let cut = told("cut-options", &cut(&with_options.bytes, 40));
    is(&bare, "scan-or-healthcheck", "likely");
    is(&cut, "unknown", "unknown");
    says(&cut, "cut off by the capture");
}

/// A router at 172.16.0.1 says of the client's packet at this record that it is not passed on.
fn error(bytes: &[u8], at: usize, kind: [u8; 2]) -> Vec<u8> {
    let quoted = &bytes[at + 16..at + 16 + 28];
    let mut packet = vec![
        0x45, 0, 0, 56, 0, 1, 0, 0, 60, 1, 0, 0, 172, 16, 0, 1, 10, 0, 0, 2,
    ];
    packet.extend([kind[0], kind[1], 0, 0, 0, 0, 0, 0]);
    packet.extend(quoted);
    let mut record = bytes[at..at + 8].to_vec();
    record.extend([56_u32.to_le_bytes(); 2].concat());
    record.extend(packet);
    record
}

#[test]
fn a_routers_error_about_what_drew_a_reset_takes_it_from_its_name() {
    let mut tap = Tap::new();
    tap.opened(1_000, 64, 61)
        .segment(2_000, true, PSH | ACK, 901, 119, b"HTTP/1.1 200 OK\r\n\r\n", 61)
        .segment(2_100, false, ACK, 119, 920, b"", 64)
        .segment(9_000, true, FIN | ACK, 920, 119, b"", 61)
        .segment(9_100, false, ACK, 119, 921, b"", 64)
        .segment(20_000, false, PSH | ACK, 119, 921, b"more", 64)
        .segment(21_000, true, RST, 921, 0, b"", 61);
    let begins = records(&tap.bytes);
    let [late, reset] = begins[begins.len() - 2..] else {
        unreachable!()
    };
    let told_with = |name: &str, of: usize, kind: [u8; 2]| {
        let error = error(&tap.bytes, of, kind);
        told(name, &[&tap.bytes[..reset], &error, &tap.bytes[reset..]].concat())
    };
    is(&told("no-error", &tap.bytes), "write-after-close", "likely");
    // It ended on its way, or was not let through: the server never had it.
    for (name, kind) in [
        ("exceeded", [11, 0]),
        ("prohibited", [3, 13]),
        ("no-route", [3, 1]),
    ] {
        let verdict = told_with(name, late, kind);
        assert_ne!(verdict["cause"]["id"], "write-after-close", "{name}: {verdict}");
        says(&verdict, "a router's ICMP error answers the same segment");
    }
    // Too long for the next link, or about another segment.
    is(&told_with("too-big", late, [3, 4]), "write-after-close", "likely");
    is(
        &told_with("another", begins[3], [11, 0]),
        "write-after-close",
        "likely",
    );
}
