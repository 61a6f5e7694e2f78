//! Whole texts, compared whole. `UPDATE=1 cargo test -p whyreset-report` writes them anew: read
//! the difference before you keep it.

use std::path::Path;
use std::time::Duration;

use whyreset_causes::judge;
use whyreset_evidence::{Side, parse_dossier};
use whyreset_report::ladder::{Rung, draw};
use whyreset_report::text::{Style, verdict};

fn style() -> Style {
    Style {
        colour: false,
        width: Some(100),
        brief: false,
        verbose: false,
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn snapshot(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, got).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == got,
        "{name} differs\n--- expected\n{expected}\n--- got\n{got}"
    );
}

const UNREAD: &str = "flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server\n\
    +0 server sent state=CLOSE shut=3 attached unread=3912 bytes-received=70120 age=12 reason=TCP_ABORT_ON_CLOSE \
    by=nginx[812] exe=/usr/sbin/nginx unit=nginx.service";
const LATE: &str = "flow [fd00::2]:53211 > [fd00::1]:443 watch=client,server\n\
    -250 server ended ESTABLISHED>FIN_WAIT1 shut=3 by=app[812]\n\
    +0 server sent state=TIME_WAIT mini sub=FIN_WAIT2 on=P. len=5 reason=TCP_TIMEWAIT_SOCKET\n\
    +0.1 client received state=CLOSE_WAIT unacked=5 sent-ago=0 heard-ago=250\n\
    +0.1 client owner curl[9012]";
const FROM_AFAR: &str = "flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=client\n\
    +0 client received state=ESTABLISHED unacked=120 sent-ago=3 heard-ago=3500 bytes-acked=70\n\
    +0 client owner curl[9012]";

#[test]
fn texts() {
    for (name, facts) in [
        ("unread.txt", UNREAD),
        ("late.txt", LATE),
        ("from_afar.txt", FROM_AFAR),
    ] {
        snapshot(name, &verdict(&judge(&parse_dossier(facts).unwrap()), &style()));
    }
}

#[test]
fn the_head_line_says_what_happened_and_where() {
    const V4: &str = "flow 10.0.0.2:53211 > 10.0.0.1:8080";
    for (watch, facts, expected) in [
        (
            "server",
            "+0 server sent nosocket on=S seq=100 reason=NO_SOCKET",
            "refused by server  (kernel)  no-listener  certain",
        ),
        (
            "client",
            "-0.1 client dropped reason=NETFILTER_DROP on=S len=0\n+0 client received state=SYN_SENT\n\
             +0.01 client errored ECONNREFUSED",
            "refused between  (firewall)  firewall-reject  likely",
        ),
        (
            "client,server",
            "+0 client received state=ESTABLISHED unacked=517\n+0.01 client errored ECONNRESET",
            "reset between  (middlebox)  injected-reset  likely",
        ),
        (
            "client",
            "+0 client ended ESTABLISHED>CLOSE attached keepalive probes=9 error=ETIMEDOUT\n\
             +0.01 client errored ETIMEDOUT",
            "timed out at client  (kernel)  keepalive-timeout  certain",
        ),
        (
            "client",
            "+0 client ended SYN_SENT>CLOSE attached error=ECONNABORTED\n+0.01 client errored ECONNABORTED",
            "aborted by client  (operator)  admin-abort  certain",
        ),
        (
            "client",
            "+0 client received state=ESTABLISHED",
            "reset received  unknown",
        ),
        (
            "server",
            "-3 server ended ESTABLISHED>FIN_WAIT1 shut=3 by=app[812]\n\
             +0 server sent state=TIME_WAIT mini sub=FIN_WAIT2 on=P. len=31 payload=150303001a",
            "reset by server  app[812]  write-after-close/late-close-notify  certain  (benign)",
        ),
    ] {
        let dossier = parse_dossier(&format!("{V4} watch={watch}\n{facts}")).unwrap();
        let brief = Style {
            brief: true,
            ..style()
        };
        let head = verdict(&judge(&dossier), &brief);
        let (_, said) = head.split_once("10.0.0.1:8080  ").unwrap();
        assert_eq!(said.trim_end(), expected, "{facts}");
    }
}

#[test]
fn no_line_of_reasons_passes_the_terminal() {
    for columns in [48, 80, 132] {
        let narrow = Style {
            width: Some(columns),
            ..style()
        };
        for facts in [UNREAD, LATE, FROM_AFAR] {
            let text = verdict(&judge(&parse_dossier(facts).unwrap()), &narrow);
            for line in text.lines().skip(1) {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }
}

#[test]
fn brief_is_one_line_and_colour_only_adds() {
    let judged = judge(&parse_dossier(UNREAD).unwrap());
    let brief = verdict(
        &judged,
        &Style {
            brief: true,
            ..style()
        },
    );
    assert_eq!(brief.lines().count(), 1, "{brief}");
    let coloured = verdict(
        &judged,
        &Style {
            colour: true,
            ..style()
        },
    );
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, verdict(&judged, &style()));
}

#[test]
fn no_escape_of_a_process_reaches_the_screen() {
    let hostile = UNREAD
        .replace("by=nginx[812]", "by=%1b[2J%e2%80%ae[812]")
        .replace("/usr/sbin/nginx", "/tmp/%1b[31m%0ax");
    let text = verdict(&judge(&parse_dossier(&hostile).unwrap()), &style());
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(text.contains("\\u{1b}"), "{text}");
}

#[test]
fn the_ladder_shows_who_sent_the_reset() {
    let rung = |ms, from, label: &str, reset: bool| Rung {
        at: Duration::from_millis(ms),
        from,
        label: label.to_owned(),
        note: reset.then(|| "100 bytes were never read".to_owned()),
        reset,
    };
    let rungs = [
        rung(0, Side::Client, "S", false),
        rung(0, Side::Server, "S.", false),
        rung(0, Side::Client, ".", false),
        rung(1, Side::Client, "P. 100 bytes", false),
        rung(51, Side::Server, "R.", true),
    ];
    snapshot(
        "ladder.txt",
        &draw("127.0.0.1:50000", "127.0.0.1:8080", &rungs, &style()),
    );
}
