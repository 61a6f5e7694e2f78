//! The command line from outside: exit codes, replay, filter, policy, and quiet ends. Needs no
//! privileges; what the kernel shows is tested in `live.rs`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn whyreset(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyreset"));
    command
        .args(args)
        .env_remove("NO_COLOR")
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    whyreset(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A recording in a file of its own, removed when dropped.
struct Recording(PathBuf);

impl Recording {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("whyreset-cli-{}-{name}", std::process::id()));
        std::fs::File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

/// An unread close, a late TLS goodbye (benign), a refusal over IPv6.
const THREE: &str = "\
flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server
+0 server sent state=CLOSE shut=3 attached unread=3912 reason=TCP_ABORT_ON_CLOSE by=nginx[812]

flow 10.0.0.2:53212 > 10.0.0.1:443 watch=server
-3 server ended ESTABLISHED>FIN_WAIT1 shut=3 by=app[7]
+0 server sent state=TIME_WAIT mini sub=FIN_WAIT2 on=P. len=31 payload=150303001a reason=TCP_TIMEWAIT_SOCKET

flow [fd00::2]:53213 > [fd00::1]:9 watch=server
+0 server sent nosocket on=S seq=100 reason=NO_SOCKET
";

fn replayed(name: &str, extra: &[&str]) -> Output {
    let recording = Recording::new(name, THREE);
    let mut args = vec!["watch", "--replay", recording.path()];
    args.extend(extra);
    run(&args)
}

fn causes(output: &Output) -> Vec<String> {
    stdout(output)
        .lines()
        .map(|line| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            json["cause"]["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn the_benign_are_folded_away_without_all() {
    let output = replayed("benign", &["-o", "json"]);
    assert_eq!(causes(&output), ["unread-data", "no-listener"]);
    assert_eq!(output.status.code(), Some(0));
    let all = replayed("all", &["-o", "json", "--all"]);
    assert_eq!(causes(&all), ["unread-data", "write-after-close", "no-listener"]);
}

#[test]
fn filter_cause_count_and_pid_choose() {
    for (name, extra, expected) in [
        ("filter", &["port", "8080"][..], &["unread-data"][..]),
        ("filter6", &["ip6"], &["no-listener"]),
        ("not", &["not", "host", "10.0.0.1"], &["no-listener"]),
        ("src", &["src", "host", "10.0.0.2"], &[]),
        ("cause", &["--cause", "no-listener"], &["no-listener"]),
        ("count", &["-c", "1"], &["unread-data"]),
        ("pid", &["-p", "812"], &["unread-data"]),
    ] {
        let mut args = vec!["-o", "json"];
        args.extend(extra);
        assert_eq!(causes(&replayed(name, &args)), expected, "{name}");
    }
}

#[test]
fn the_policy_decides_the_exit_code() {
    assert_eq!(
        replayed("minded", &["--fail-on", "unread-data"]).status.code(),
        Some(1)
    );
    assert_eq!(replayed("any", &["--fail-on", "any"]).status.code(), Some(1));
    assert_eq!(
        replayed("unminded", &["--fail-on", "oom-killed"]).status.code(),
        Some(0)
    );
    assert_eq!(
        replayed("hidden", &["--fail-on", "write-after-close"])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn replay_is_the_same_byte_for_byte() {
    let (one, two) = (replayed("one", &[]), replayed("two", &[]));
    assert!(!one.stdout.is_empty());
    assert_eq!(one.stdout, two.stdout);
    let text = stdout(&one);
    assert!(text.starts_with("12:00:00.000  10.0.0.2:53211 -> 10.0.0.1:8080  reset by server  nginx[812]  unread-data  certain\n"), "{text}");
    assert_eq!(stdout(&replayed("quiet", &["-q"])).lines().count(), 2);
}

#[test]
fn colour_is_asked_for_or_absent() {
    assert!(
        !stdout(&replayed("auto", &[])).contains('\u{1b}'),
        "no terminal, no colour"
    );
    assert!(stdout(&replayed("always", &["--color", "always"])).contains('\u{1b}'));
    let recording = Recording::new("nocolor", THREE);
    let output = whyreset(&["watch", "--replay", recording.path()])
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!stdout(&output).contains('\u{1b}'));
}

#[test]
fn a_bad_command_line_or_recording_ends_with_2_and_says_why() {
    let damaged = Recording::new("damaged", "flow 10.0.0.2:1 > 10.0.0.1:2\n+0 server jumped\n");
    for (args, part) in [
        (&["watch", "port", "http"][..], "not a port number"),
        (&["--cause", "no-listner"], "did you mean no-listener?"),
        (&["watch", "--duration", "5x"], "not a unit"),
        (&["watch", "-c", "0"], "0 is not in 1.."),
        (&["explian"], "`whyreset --help` lists them"),
        (
            &["explain", "no-listner"],
            "did you mean `whyreset explain no-listener`?",
        ),
        (&["watch", "-o", "xml"], "xml"),
        (
            &["explain", "no-such-thing-at-all"],
            "neither a cause nor an error message",
        ),
        (&["watch", "--replay", "/nonexistent/file"], "/nonexistent/file"),
        (&["watch", "--replay", damaged.path()], "record 1 is damaged"),
        (&["watch", "--netns", "/nonexistent/ns"], "/nonexistent/ns"),
        (
            &["watch", "--record", "/nonexistent/dir/file"],
            "/nonexistent/dir/file",
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn explain_answers_for_every_cause_and_for_messages() {
    let list = stdout(&run(&["explain"]));
    for id in ["no-listener", "unread-data", "oom-killed", "mptcp-fastclose"] {
        assert!(list.contains(id), "{id}");
        let page = run(&["explain", id]);
        assert_eq!(page.status.code(), Some(0));
        assert!(
            stdout(&page).contains("WHAT IT MEANS") && stdout(&page).contains("FIX"),
            "{id}"
        );
    }
    let words = stdout(&run(&[
        "explain",
        "curl:",
        "(56)",
        "Recv",
        "failure:",
        "Connection",
        "reset",
        "by",
        "peer",
    ]));
    assert!(
        words.contains("ECONNRESET") && words.contains("unread-data"),
        "{words}"
    );
    for number in ["104", "-104"] {
        assert!(
            stdout(&run(&["explain", number])).starts_with("ECONNRESET"),
            "{number}"
        );
    }
}

#[test]
fn help_names_what_is_there_and_nothing_else() {
    let help = stdout(&run(&["--help"]));
    for command in [
        "watch", "read", "probe", "run", "proxy", "audit", "explain", "logs", "demo", "lab",
    ] {
        assert!(help.contains(&format!("\n  {command}")), "{help}");
    }
    for absent in ["\n  serve", "actor"] {
        assert!(!help.contains(absent), "{absent}: {help}");
    }
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn every_answer_ends_quietly_where_nobody_reads() {
    for args in [
        &["explain"][..],
        &["explain", "unread-data"],
        &["--help"],
        &["--version"],
        &["lab", "list"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = whyreset(args).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        assert!(output.stderr.is_empty(), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_record_in_a_stream_of_blank_lines_is_found() {
    let spaced = format!("\n\n\n{}\n\n\n", THREE.replace("\n\n", "\n\n\n\n"));
    let recording = Recording::new("spaced", &spaced);
    let output = run(&["watch", "-o", "json", "--all", "--replay", recording.path()]);
    assert_eq!(
        causes(&output),
        ["unread-data", "write-after-close", "no-listener"]
    );
    let nothing = Recording::new("nothing", "\n");
    let output = run(&["watch", "--replay", nothing.path()]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn a_reader_that_leaves_is_a_quiet_end() {
    let recording = Recording::new("pipe", &format!("{THREE}\n").repeat(5_000));
    let mut child = whyreset(&["watch", "-o", "json", "--replay", recording.path()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn a_full_disk_is_named() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: no /dev/full here");
        return;
    };
    let recording = Recording::new("full", THREE);
    let output = whyreset(&["watch", "--replay", recording.path()])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot write to standard output"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let hostile = THREE.replace("nginx[812]", "%1b[2J%0aforged%e2%80%ae[812]");
    let recording = Recording::new("hostile", &hostile);
    let text = stdout(&run(&["watch", "--replay", recording.path()]));
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
}
