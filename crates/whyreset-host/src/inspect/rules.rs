//! Rules of the packet filter that answer with a reset, as `nft` and `iptables-legacy-save` list
//! them. Refuses to say which packets a rule meets, and to wait for a tool longer than [`LONGEST`].

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The longest answer that is waited for.
const LONGEST: Duration = Duration::from_secs(3);
/// Bytes of a ruleset that are read.
const ANSWER: u64 = 8 << 20;
/// Rules of one namespace that are kept.
const MOST: usize = 1_000;

/// A rule that answers with a reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetRule {
    /// Its text.
    pub text: String,
    /// Where it stands: table and chain.
    pub place: String,
    /// The command that deletes it.
    pub delete: String,
    /// Packets that it met, where it counts.
    pub packets: Option<u64>,
}

/// Asks in the namespace that this thread is in.
///
/// # Errors
/// Why the ruleset could not be read, with the tool's own words.
pub(super) fn list() -> Result<Vec<ResetRule>, String> {
    let mut all = Vec::new();
    match answer("nft", &["-a", "list", "ruleset"]) {
        Ok(text) => all.extend(nft(&text)),
        // Without the tool there are mostly no rules.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("nft: {error}")),
    }
    for (tool, names) in [
        ("iptables-legacy", "/proc/thread-self/net/ip_tables_names"),
        ("ip6tables-legacy", "/proc/thread-self/net/ip6_tables_names"),
    ] {
        // Asking would make the tables.
        let used = std::fs::read_to_string(Path::new(names)).is_ok_and(|names| !names.trim().is_empty());
        if used && let Ok(text) = answer(&format!("{tool}-save"), &["-c"]) {
            all.extend(legacy(&text, tool));
        }
    }
    all.truncate(MOST);
    Ok(all)
}

fn answer(program: &str, arguments: &[&str]) -> io::Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (tell, told) = mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::spawn(move || {
        let mut text = Vec::new();
        _ = out.map(|out| out.take(ANSWER).read_to_end(&mut text));
        let mut why = Vec::new();
        _ = err.map(|err| err.take(1_000).read_to_end(&mut why));
        _ = tell.send((text, why));
    });
    let told = told.recv_timeout(LONGEST);
    if told.is_err() {
        _ = child.kill();
    }
    let status = child.wait()?;
    let (text, why) = told.map_err(|_| io::Error::other("it did not answer in time"))?;
    if !status.success() {
        let why = String::from_utf8_lossy(&why);
        let first = why.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("{status}, {first}")));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// `table inet t { # handle 1`, `chain c { # handle 2`, `... reject with tcp reset # handle 3`.
fn nft(text: &str) -> Vec<ResetRule> {
    let (mut table, mut chain) = ("", "");
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let opened = line.split(" {").next().unwrap_or_default();
        if let Some(name) = opened.strip_prefix("table ") {
            table = name;
        } else if let Some(name) = opened.strip_prefix("chain ") {
            chain = name;
        } else if line.contains("reject with tcp reset") {
            let (rule, handle) = line.rsplit_once(" # handle ").unwrap_or((line, ""));
            let handle = handle.split_whitespace().next().unwrap_or_default();
            found.push(ResetRule {
                text: rule.to_owned(),
                place: format!("{table} {chain}"),
                delete: if is_plain(&format!("{table}{chain}{handle}")) {
                    format!("nft delete rule {table} {chain} handle {handle}")
                } else {
                    "nft -a list ruleset".to_owned()
                },
                packets: after(rule, "counter packets ").and_then(|number| number.parse().ok()),
            });
        }
    }
    found
}

/// `*filter`, `[7:420] -A INPUT -p tcp -j REJECT --reject-with tcp-reset`.
fn legacy(text: &str, tool: &str) -> Vec<ResetRule> {
    let mut table = "";
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
            numbers.clear();
        } else if let Some((count, rule)) = line.split_once("] ")
            && let Some(rest) = rule.strip_prefix("-A ")
        {
            let chain = rest.split_whitespace().next().unwrap_or_default();
            let number = numbers.entry(chain).or_default();
            *number += 1;
            if !rest.contains("--reject-with tcp-reset") {
                continue;
            }
            let packets = count.trim_start_matches('[').split(':').next();
            found.push(ResetRule {
                text: rule.to_owned(),
                place: format!("{table} {chain}"),
                delete: if is_plain(&format!("{table}{chain}")) {
                    format!("{tool} -t {table} -D {chain} {number}")
                } else {
                    format!("{tool}-save")
                },
                packets: packets.and_then(|number| number.parse().ok()),
            });
        }
    }
    found
}

/// Whether a shell takes these names as they stand.
fn is_plain(names: &str) -> bool {
    names
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || " -_.".contains(c))
}

fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.split_once(words)?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_reset_are_found_with_their_place() {
        let text = "table inet a { # handle 9\n\tchain in { # handle 1\n\t\ttype filter hook input priority filter; policy accept;\n\
            \t\ttcp dport 81 counter packets 7 bytes 420 reject with tcp reset # handle 4\n\
            \t\ttcp dport 82 reject # handle 5\n\t}\n}\n\
            table ip b {\n\tchain c {\n\t\tip saddr 10.0.0.1 reject with tcp reset\n\t}\n}\n";
        let found = nft(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].delete, "nft delete rule inet a in handle 4");
        assert_eq!(found[0].packets, Some(7));
        assert_eq!((found[1].place.as_str(), found[1].packets), ("ip b c", None));
    }

    #[test]
    fn legacy_rules_too() {
        let text = "*filter\n:INPUT ACCEPT [0:0]\n[1:40] -A INPUT -j ACCEPT\n[3:180] -A INPUT -p tcp -m tcp --dport 83 -j REJECT --reject-with tcp-reset\n\
            [0:0] -A INPUT -p tcp -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n";
        let found = legacy(text, "iptables-legacy");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].packets, Some(3));
        assert_eq!(found[0].delete, "iptables-legacy -t filter -D INPUT 2");
    }

    #[test]
    fn any_text_is_taken() {
        for text in [
            "",
            "table",
            "chain",
            "reject with tcp reset",
            "*\n] -A",
            "] -A --reject-with tcp-reset",
        ] {
            _ = (nft(text), legacy(text, "x"));
        }
    }
}
