//! How often systemd restarted a unit. Asks `systemctl show`, for no file tells. Refuses to wait for
//! it longer than [`LONGEST`], and to ask for names that are none of a unit.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The longest answer that is waited for.
const LONGEST: Duration = Duration::from_secs(3);
/// Units that are asked for.
const MOST: usize = 200;
/// Bytes of the answer.
const ANSWER: u64 = 256 << 10;

/// A unit that was restarted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    /// Its name.
    pub unit: String,
    /// Times that systemd started it again by itself since it was started by hand.
    pub times: u64,
    /// How the last one ended: `signal`, `oom-kill`, `exit-code`, `timeout`, `watchdog`.
    pub result: String,
}

/// Asks for these units; `None` where no systemd answers.
pub fn restarts<'a>(units: impl Iterator<Item = &'a str>) -> Option<Vec<Restarts>> {
    if !Path::new("/run/systemd/system").exists() {
        return None;
    }
    let names: Vec<&str> = units.filter(|name| is_name(name)).take(MOST).collect();
    if names.is_empty() {
        return Some(Vec::new());
    }
    let mut child = Command::new("systemctl")
        .args(["show", "--property=Id,NRestarts,Result", "--"])
        .args(names)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let out = child.stdout.take()?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        _ = out.take(ANSWER).read_to_end(&mut text);
        _ = tell.send(text);
    });
    let text = told.recv_timeout(LONGEST);
    _ = child.kill();
    _ = child.wait();
    Some(parse(&String::from_utf8_lossy(&text.ok()?)))
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    !name.is_empty() && name.len() < 256 && name.chars().all(good) && name.contains('.')
}

/// Paragraphs of `Name=value`.
fn parse(text: &str) -> Vec<Restarts> {
    let mut all: Vec<Restarts> = text
        .split("\n\n")
        .map(|paragraph| {
            let value = |name: &str| {
                let mut found = paragraph.lines().filter_map(|line| line.split_once('='));
                found.find(|(key, _)| *key == name).map(|(_, value)| value)
            };
            Restarts {
                unit: value("Id").unwrap_or_default().to_owned(),
                times: value("NRestarts")
                    .and_then(|times| times.parse().ok())
                    .unwrap_or(0),
                result: value("Result").unwrap_or_default().to_owned(),
            }
        })
        .collect();
    all.retain(|one| !one.unit.is_empty() && one.times > 0);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_counted_and_the_rest_is_left_out() {
        let text = "Id=a.service\nNRestarts=3\nResult=oom-kill\n\nId=b.service\nNRestarts=0\nResult=success\n\nNRestarts=9\n";
        let all = parse(text);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].unit.as_str(), all[0].times), ("a.service", 3));
        assert_eq!(all[0].result, "oom-kill");
        for text in ["", "=", "Id\n\n\n", "NRestarts=x\nId=a.service\n"] {
            assert!(parse(text).is_empty());
        }
    }

    #[test]
    fn only_names_of_units_are_asked_for() {
        for good in ["nginx.service", "user@1000.service", "a\\x2d.scope"] {
            assert!(is_name(good));
        }
        for bad in ["", "nginx", "a b.service", "$(x).service", "a\n.service"] {
            assert!(!is_name(bad));
        }
    }
}
