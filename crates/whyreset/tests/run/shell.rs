//! What a shell expects of a command that runs another: exit codes, streams, signals, the terminal.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::clients;
use crate::ground::{command, ran, script};

/// The exit code is the command's; where there is none, as a shell has it.
pub fn exit_codes() {
    for (words, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 9"], 9),
        (&["sh", "-c", "kill -TERM $$"], 128 + 15),
        (&["sh", "-c", "kill -KILL $$"], 128 + 9),
        (&["there-is-no-such-command"], 127),
        (&["./there-is-no-such-file"], 127),
        (&["/etc/passwd"], 126),
        (&["/"], 126),
    ] {
        let ran = ran(&["--by", "calls"], words);
        assert_eq!(ran.code, code, "{words:?}: {}", ran.stderr);
    }
}

/// Nothing is added to what the command writes, and it reads what it was given.
pub fn streams() {
    let mut child = command(&["--by", "calls"], &["sh", "-c", "cat; echo to stderr >&2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"in\0to\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"in\0to\n");
    assert_eq!(output.stderr, b"to stderr\n");
}

/// A signal for this program alone reaches the command.
pub fn a_signal_is_passed_on() {
    for by in ["calls", "kernel"] {
        if by == "kernel" && !rustix::process::geteuid().is_root() {
            continue;
        }
        let script = "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
        let mut command = if by == "kernel" {
            crate::ground::privileged(&[], &["sh", "-c", script])
        } else {
            command(&["--by", "calls"], &["sh", "-c", script])
        };
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "told");
        assert_eq!(child.wait().unwrap().code(), Some(5), "{by}");
    }
}

/// One that its sender gives to the whole group reaches the command once.
pub fn a_signal_for_the_group_is_told_once() {
    use std::os::unix::process::CommandExt as _;
    let file = script("counts.py", clients::COUNTS);
    let mut child = command(&["--by", "calls"], &["python3", &file])
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    line.clear();
    out.read_to_string(&mut line).unwrap();
    assert_eq!(line, "1\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Ctrl-Z, `fg` and Ctrl-C in an interactive shell.
pub fn a_terminal() {
    let file = script("terminal.py", clients::TERMINAL);
    let run = command(&["--by", "calls", "--"], &[]);
    let words = std::iter::once(run.get_program()).chain(run.get_args());
    let output = crate::ground::ordinary("python3")
        .arg(file)
        .args(words)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for word in ["up2", "Stopped", "fg", "code-130"] {
        assert!(said.contains(&format!("{word} True")), "{said}");
    }
}
