//! `whyreset logs` as a stranger runs it: what it finds, its exit codes, and hostile logs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn logs(args: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whyreset"))
        .arg("logs")
        .args(args)
        .arg(file)
        .env("TZ", "UTC")
        .output()
        .unwrap()
}

const LOG: &str = "\
2026/11/23 10:00:00 [error] 812#812: *1 recv() failed (104: Connection reset by peer) while reading response header from upstream, client: 10.0.0.2, upstream: \"http://10.0.0.1:8080/x\"
2026/11/23 10:00:05 [error] 812#812: *2 recv() failed (104: Connection reset by peer) while reading response header from upstream, client: 10.0.0.3, upstream: \"http://10.0.0.1:8080/y\"
2026/11/23 10:00:06 [notice] nothing of interest
[2026-11-23 10:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)
";

#[test]
fn errors_are_grouped_and_said_with_what_they_can_mean() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("error.log");
    fs::write(&file, LOG).unwrap();
    let output = logs(&[], &file);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "2x  nginx-recv-104",
        "to 10.0.0.1:8080 with 10.0.0.2, 10.0.0.3",
        "2026-11-23 10:00:00 to 2026-11-23 10:00:05",
        "cannot  orderly close, refused, timeout",
        "whyreset probe 10.0.0.1:8080 --idle",
        "error.log:1:",
        "gunicorn names the case worker-killed",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(output.status.code(), Some(0));
    let json = String::from_utf8(logs(&["-o", "json"], &file).stdout).unwrap();
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["id"], &lines[0]["count"]),
        (&"nginx-recv-104".into(), &2.into())
    );
    assert_eq!(lines[1]["states"]["situation"], "worker-killed");
    assert_eq!(lines[2]["lines"], 4);
}

#[test]
fn exit_codes_follow_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    fs::write(&file, LOG).unwrap();
    for (args, code) in [
        (&["--fail-on", "any"][..], 1),
        (&["--fail-on", "nginx-recv-104"], 1),
        (&["--fail-on", "worker-killed"], 1),
        (&["--fail-on", "econnrefused"], 0),
        (&["--fail-on", "no-such-thing"], 2),
    ] {
        assert_eq!(logs(args, &file).status.code(), Some(code), "{args:?}");
    }
    let gone = logs(&["--fail-on", "any"], Path::new("/nonexistent/log"));
    assert_eq!(gone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("cannot open /nonexistent/log"));
    assert_eq!(logs(&[], folder.path()).status.code(), Some(2));
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let mut text =
        b"\x1b]0;owned\x07\x1b[2J 10.0.0.9:80 read: Connection reset by peer \xff\xfe\xe2\x80\xae\n".to_vec();
    text.extend(vec![0; 3 << 20]);
    text.extend_from_slice(b"\nlast: Connection reset by peer");
    fs::write(&file, text).unwrap();
    for args in [&[][..], &["-o", "json"]] {
        let output = logs(args, &file);
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(told.contains("econnreset"), "{told}");
        let harmful = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!told.contains(harmful), "{told:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("1 lines are longer"));
    }
}
