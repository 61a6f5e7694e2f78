//! Each format as its program writes it, against what `date` says.

use super::*;

const NOON: i64 = 1_763_899_200; // 2025-11-23T12:00:00Z
const S: i64 = 1_000_000_000;

fn clock() -> Clock {
    Clock {
        zone: TimeZone::fixed(Offset::from_seconds(3600).unwrap()),
        reference: (NOON + 100) * S,
        boot: Some((NOON - 1000) * S),
    }
}

/// Lines whose time is noon UTC, half a second later where there are digits for it.
const LINES: &[(&str, Written, u64)] = &[
    ("2025-11-23T12:00:00.500Z INFO x", Written::Whole, 1_000_000),
    ("2025-11-23T13:00:00.500000+01:00 x", Written::Whole, 1_000),
    ("2025-11-23T12:00:00.500000000Z stdout F msg", Written::Whole, 1),
    (
        "2025-11-23T12:00:00.500123Z  WARN hyper: x",
        Written::Whole,
        1_000,
    ),
    ("2025-11-23 07:00:00.5-05 x", Written::Whole, 100_000_000),
    (
        "2025-11-23 12:00:00.500 UTC [812] LOG:  x",
        Written::Whole,
        1_000_000,
    ),
    (
        "2025-11-23 13:00:00,500 ERROR [main] c.e.X - x",
        Written::NoZone,
        1_000_000,
    ),
    ("ERROR 2025-11-23 13:00:00.500 x", Written::NoZone, 1_000_000),
    (
        "[2025-11-23T12:00:00.500Z] \"GET / HTTP/1.1\" 503 UC",
        Written::Whole,
        1_000_000,
    ),
    (
        "[2025-11-23 13:00:00.500][12][debug][http] x",
        Written::NoZone,
        1_000_000,
    ),
    (
        "[2025-11-23 12:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)",
        Written::Whole,
        1_000_000_000,
    ),
    (
        "2025/11/23 13:00:00 [error] 812#812: *1 recv() failed",
        Written::NoZone,
        1_000_000_000,
    ),
    ("2025/11/23 13:00:00.500000 http: x", Written::NoZone, 1_000),
    (
        "10.0.0.2 - - [23/Nov/2025:12:00:00 +0000] \"GET /\" 499 0",
        Written::Whole,
        1_000_000_000,
    ),
    (
        "Nov 23 13:00:00 h haproxy[1]: 10.0.0.2:5 [23/Nov/2025:13:00:00.500] f b/s 0/0/0 0 SD 1/1",
        Written::NoYear,
        1_000_000_000,
    ),
    (
        "10.0.0.2:5 [23/Nov/2025:13:00:00.500] f b/s 0/0/0 0 SD 1/1",
        Written::NoZone,
        1_000_000,
    ),
    (
        "812:M 23 Nov 2025 13:00:00.500 # Client id=1",
        Written::NoZone,
        1_000_000,
    ),
    (
        "23-Nov-2025 13:00:00.500 SEVERE [http] x",
        Written::NoZone,
        1_000_000,
    ),
    (
        "2025-11-23T12:00:00.500000Z 8 [Note] Aborted connection",
        Written::Whole,
        1_000,
    ),
    (
        "251123 13:00:00 [Warning] Aborted connection",
        Written::NoZone,
        1_000_000_000,
    ),
    (
        "Nov 23 13:00:00 host sshd[812]: x",
        Written::NoYear,
        1_000_000_000,
    ),
    (
        "<34>1 2025-11-23T12:00:00.500Z host app 1 - - x",
        Written::Whole,
        1_000_000,
    ),
    ("<34>Nov 23 13:00:00 host app: x", Written::NoYear, 1_000_000_000),
    (
        "[Sun Nov 23 13:00:00.500000 2025] [core:error] [pid 7] x",
        Written::NoZone,
        1_000,
    ),
    (
        "E1123 13:00:00.500000       1 reflector.go:7] x",
        Written::NoYear,
        1_000,
    ),
    (
        "{\"level\":\"error\",\"ts\":1763899200.5,\"msg\":\"x\"}",
        Written::Whole,
        100_000_000,
    ),
    (
        "{\"level\":50,\"time\":1763899200500,\"pid\":7}",
        Written::Whole,
        1_000_000,
    ),
    (
        "{\"@timestamp\":\"2025-11-23T12:00:00.500Z\",\"message\":\"x\"}",
        Written::Whole,
        1_000_000,
    ),
    (
        "{\"log\":\"x\\n\",\"stream\":\"stderr\",\"time\":\"2025-11-23T12:00:00.500000000Z\"}",
        Written::Whole,
        1,
    ),
    (
        "{\"t\":{\"$date\":\"2025-11-23T13:00:00.500+01:00\"},\"s\":\"I\"}",
        Written::Whole,
        1_000_000,
    ),
    (
        "{ \"timestamp\" : \"2025-11-23 13:00:00.500\" }",
        Written::NoZone,
        1_000_000,
    ),
    (
        "{\"__REALTIME_TIMESTAMP\":\"1763899200500000\",\"MESSAGE\":\"x\"}",
        Written::Whole,
        1_000,
    ),
    (
        "1763899200.500   1 10.0.0.2 TCP_MISS/502",
        Written::Whole,
        1_000_000,
    ),
    (
        "\u{1b}[2m2025-11-23T12:00:00.500Z\u{1b}[0m ERROR x",
        Written::Whole,
        1_000_000,
    ),
    ("13:00:00.500 [main] ERROR c.e.X - x", Written::NoDate, 1_000_000),
    (
        "[ 1000.500000] TCP: too many orphaned sockets",
        Written::SinceBoot,
        1_000,
    ),
];

#[test]
fn each_format_is_read() {
    for (line, written, resolution) in LINES {
        let stamp = parse(line.as_bytes(), &clock()).unwrap_or_else(|| panic!("{line}: not read"));
        assert_eq!(
            (stamp.written, stamp.resolution),
            (*written, *resolution),
            "{line}"
        );
        let late = stamp.ns - NOON * S;
        let half = *resolution < 1_000_000_000;
        let expected = if half { 500_000_000..=500_123_000 } else { 0..=0 };
        assert!(expected.contains(&late), "{line}: {late}");
    }
}

#[test]
fn what_is_no_time_is_none() {
    for line in [
        "",
        "hello",
        "2025-13-23T12:00:00Z",
        "2025-11-23T25:00:00Z",
        "Nov 31 13:00:00 host x",
        "version 10.2.3 started",
        "123456 12:99:00",
        "{",
        "{\"time\":",
        "{\"time\":\"\"}",
        "\u{1b}[",
        "99999999999999999999",
        "[99999999999999999999.123456] x",
    ] {
        assert_eq!(parse(line.as_bytes(), &clock()), None, "{line}");
    }
    for length in 0..300 {
        for byte in [b'0', b'[', b'{', b' ', 0xff, b'2'] {
            _ = parse(&vec![byte; length], &clock());
        }
    }
}

#[test]
fn a_line_of_december_read_in_january_is_of_last_year() {
    let new_year = Clock {
        zone: TimeZone::UTC,
        reference: 1_767_225_600 * S, // 2026-01-01T00:00:00Z
        boot: None,
    };
    let stamp = parse(b"Dec 31 23:59:59 host x: y", &new_year).unwrap();
    assert_eq!(stamp.ns, 1_767_225_599 * S);
    let leap = parse(b"2024-02-29 12:00:60 x", &new_year).unwrap();
    assert_eq!(leap.ns, 1_709_208_059 * S);
}
