//! The `ip` tool (iproute2), run in batches. Refuses to go on after a failed line.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::sys;

/// Runs the lines as one batch, inside `netns` where one is named.
pub(crate) fn batch(netns: Option<&str>, lines: &[String]) -> anyhow::Result<()> {
    let mut command = Command::new("ip");
    if let Some(name) = netns {
        command.args(["-n", name]);
    }
    command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = sys::ends_with_us(&mut command)
        .spawn()
        .context("cannot run `ip`; install iproute2")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all((lines.join("\n") + "\n").as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`ip` failed (root or CAP_NET_ADMIN needed?): {}\n{}",
            said.trim(),
            lines.join("\n")
        );
    }
    Ok(())
}

/// Removes a named namespace; silent where it is gone already.
pub(crate) fn forget(name: &str) {
    let _ = Command::new("ip")
        .args(["netns", "del", name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Runs another program inside a namespace to its end (`ss`, `nft`); its error is told.
pub(crate) fn run_in(netns: &str, program: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let words = [&["netns", "exec", netns, program], arguments].concat();
    run("ip", &words, input)
}

/// Runs a program where this thread stands, to its end; its error is told.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = sys::ends_with_us(&mut command)
        .spawn()
        .with_context(|| format!("cannot run `{program}`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "`{program} {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
