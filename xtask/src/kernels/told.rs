//! What a guest told: one JSON line a scenario, and the line that shows it came to its end. Lines of
//! the kernel's own between them are passed over; a line that begins as JSON and is none is an error.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Five resets on loopback and three between hosts, from three or four places each, and three by the
/// kernel itself from three places, all over IPv4 and IPv6: fewer lines mean that something did not run.
const LEAST: usize = 2 * (5 + 3 + 4 + 4 + 3 * 3);

/// Fails unless every scenario passed and the guest came to its end; gives a line to print.
pub fn hold(console: &str) -> Result<String> {
    let release = marked(console, "BOOTED ").context("the guest never came up")?;
    let mut lines = 0;
    let mut wrong = Vec::new();
    for line in console
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('{'))
    {
        let told: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        lines += 1;
        if told["pass"] != true {
            // The guest is gone with what it knew: what it said in full is all there is to learn from.
            wrong.push(format!(
                "{} {} {}: {}\n    {}",
                word(&told["scenario"]),
                word(&told["family"]),
                word(&told["vantage"]),
                word(&told["why"]),
                told["said"]
            ));
        }
    }
    let Some(status) = marked(console, "ENDED ") else {
        bail!("the guest's end is missing; the console said:\n{console}");
    };
    ensure!(
        wrong.is_empty(),
        "{release}: {} of {lines} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    ensure!(
        status == "0 0",
        "{release}: the lab ended with {status}; the console said:\n{console}"
    );
    ensure!(
        lines >= LEAST,
        "{release}: only {lines} lines of at least {LEAST}; the console said:\n{console}"
    );
    Ok(format!("{release}: {lines} verdicts, all right"))
}

fn marked<'a>(console: &'a str, mark: &str) -> Option<&'a str> {
    console.lines().find_map(|line| line.trim().strip_prefix(mark))
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(passes: &[bool], end: &str) -> String {
        let mut text = String::from("BIOS\nBOOTED 6.1.0\n");
        for pass in passes {
            text +=
                &serde_json::json!({"scenario": "s", "family": "v4", "pass": pass, "why": "w"}).to_string();
            text += "\n[ 1.0] a line of the kernel\n";
        }
        text + end
    }

    #[test]
    fn all_right_passes() {
        assert!(hold(&console(&[true; LEAST], "ENDED 0 0\n")).is_ok());
    }

    #[test]
    fn each_lack_fails() {
        let mut one = [true; LEAST];
        one[3] = false;
        assert!(
            hold(&console(&one, "ENDED 0 1\n"))
                .unwrap_err()
                .to_string()
                .contains("1 of 50 wrong")
        );
        assert!(hold(&console(&[true; LEAST], "ENDED 2 0\n")).is_err());
        assert!(hold(&console(&[true; LEAST], "")).is_err());
        assert!(hold(&console(&[true; LEAST - 1], "ENDED 0 0\n")).is_err());
        assert!(hold("ENDED 0 0\n").is_err());
        assert!(hold("BOOTED 6\n{\"cut\nENDED 0 0\n").is_err());
    }
}
