//! What is not right must not be counted as right.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::Runs;
use super::{Judged, Truth, View, look, verdicts, write};

const SERVER: &str = "198.18.0.2:80";

fn judged(cause: &str, mechanism: Option<&str>, said: &str) -> Judged {
    let server = SERVER.parse().expect("an address");
    Judged {
        truth: Truth {
            run: ("one".to_owned(), "4".to_owned()),
            cause: cause.to_owned(),
            mechanism: mechanism.map(str::to_owned),
            or: vec!["wrong-protocol".to_owned()],
            from: Some("server".to_owned()),
            server,
            lost: serde_json::Value::Null,
        },
        verdicts: verdicts(said, server).expect("verdicts"),
        broken: None,
    }
}

fn verdict(cause: &str, certainty: &str, from: &str, rivals: &str) -> String {
    format!(
        r#"{{"connection":{{"client":"198.18.0.1:4000","server":"{SERVER}"}},"reset":{{"from":"{from}"}},"cause":{{"id":"{cause}","certainty":"{certainty}","rivals":[{rivals}]}}}}"#
    )
}

fn table(judged: Judged) -> String {
    let view = View {
        name: "client",
        captures: 3,
        judged: vec![judged],
        lost: vec![(("two".to_owned(), "6".to_owned()), 7)],
    };
    let mut page = String::new();
    write(&mut page, &[view], &Runs::new(), &[]);
    page
}

#[test]
fn a_rival_that_was_refused_is_not_within_reach() {
    let rivals = r#"{"id":"process-killed","because":"packets do not show it"},{"id":"linger-abort","because":"the server had sent no FIN"}"#;
    let said = verdict("unread-data", "possible", "server", rivals);
    let killed = judged("process-killed", None, &said);
    assert!(!killed.right_cause() && killed.within_reach());
    let linger = judged("linger-abort", None, &said);
    assert!(!linger.right_cause() && !linger.within_reach() && linger.mentioned());
    assert!(judged("process-killed", Some("unread-data"), &said).right_cause());
    let or = verdict("wrong-protocol", "likely", "server", "");
    assert!(judged("process-killed", None, &or).right_cause());
}

#[test]
fn what_is_wrong_is_listed_by_name() {
    let said = verdict("injected-reset", "certain", "between", "");
    let page = table(judged("unread-data", None, &said));
    assert!(
        page.contains("| client | 3 | 1 | 0 of 1 (0.0 %) | 0 of 1 (0.0 %) | 0 (0.0 %) | 0 (0.0 %) | 1 | 1 |"),
        "{page}"
    );
    let line = "- one v4, client: injected-reset (certain, from between); it was unread-data, from server\n";
    assert_eq!(page.matches(line).count(), 2, "{page}");
    let missed = "- one v4 (from server): client: injected-reset from between\n";
    assert!(page.contains(missed), "{page}");
    assert!(
        page.contains("| unread-data | injected-reset (certain) x 1 |"),
        "{page}"
    );
}

#[test]
fn a_run_of_which_nothing_was_said_counts() {
    let page = table(judged("unread-data", None, ""));
    assert!(
        page.contains("| client | 3 | 1 | 0 of 1 (0.0 %) | 0 of 1 (0.0 %) |"),
        "{page}"
    );
    assert!(page.contains("| unread-data | nothing x 1 |"), "{page}");
    assert!(
        page.contains("- one v4 (from server): client: nothing\n"),
        "{page}"
    );
    assert!(
        page.contains("- two v6, client: tcpdump lost 7 packets\n"),
        "{page}"
    );
}

#[test]
fn verdicts_on_other_servers_do_not_count() {
    let said = verdict("unread-data", "possible", "server", "").replace(SERVER, "198.18.0.2:81");
    assert!(judged("unread-data", None, &said).verdicts.is_empty());
}

/// One RST from the server, as raw IPv4 in a pcap file.
fn capture(path: &Path, flags: u8) {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101, 0, 0, 40, 40] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([
        0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 198, 18, 0, 2, 198, 18, 0, 1,
    ]);
    bytes.extend([
        0, 80, 0x0f, 0xa0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0, 0, 0, 0, 0, 0,
    ]);
    std::fs::write(path, bytes).expect("a capture");
}

#[test]
fn whether_there_was_a_reset_is_not_asked_of_the_reader() {
    if crate::sh::find("tcpdump").is_none() {
        eprintln!("skipped: tcpdump is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    // A reader that is silent, and one that ends with an error.
    let reader = |name: &str, code: u8| {
        let path = at(name);
        std::fs::write(&path, format!("#!/bin/sh\nexit {code}\n")).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        path
    };
    let truth = format!(r#"{{"cause":"unread-data","mechanism":null,"from":"server","server":"{SERVER}"}}"#);
    for name in ["reset-v4", "none-v4"] {
        std::fs::write(at(&format!("{name}.json")), &truth).expect("a file");
    }
    capture(&at("reset-v4-client.pcap"), 0x14);
    capture(&at("reset-v4-server.pcap"), 0x14);
    capture(&at("none-v4-client.pcap"), 0x10);
    let counts = |views: &[View]| -> Vec<(&str, usize, usize)> {
        let count = |view: &View| (view.name, view.captures, view.judged.len());
        views.iter().map(count).collect()
    };
    let views = look(&reader("silent", 0), folder.path()).expect("views");
    assert_eq!(
        counts(&views),
        [
            ("client", 2, 1),
            ("router", 0, 0),
            ("server", 1, 1),
            ("both ends", 1, 1),
            ("joined", 1, 1)
        ]
    );
    let views = look(&reader("fails", 2), folder.path()).expect("views");
    assert_eq!(
        counts(&views),
        [
            ("client", 2, 2),
            ("router", 0, 0),
            ("server", 1, 1),
            ("both ends", 1, 1),
            ("joined", 1, 1)
        ]
    );
    let mut page = String::new();
    write(&mut page, &views, &Runs::new(), &[]);
    assert!(page.contains("- none v4, client: exit status: 2"), "{page}");
}
