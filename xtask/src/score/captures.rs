//! Holds what `whyreset read` makes of the captures that the runs left against the truth written
//! beside them. Refuses to drop a run of which the reader said nothing: whether a capture holds a
//! reset is asked of tcpdump.

mod section;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Run;
use crate::sh;

pub use self::section::write;

/// Where a run was captured, by the word in the file's name.
const PLACES: [&str; 3] = ["client", "router", "server"];

/// The files of the two ends, read together.
const ENDS: &str = "both ends";

/// All files of a run, read together.
const JOINED: &str = "joined";

/// How a rival is described that nothing in the capture speaks against. Any other rival was refused
/// by something that was seen.
const NOT_TOLD_APART: [&str; 3] = [
    "packets do not show it",
    "not refused: ",
    "fits all that was seen",
];

/// What made the reset of one run.
struct Truth {
    run: Run,
    cause: String,
    /// How, where `cause` says why.
    mechanism: Option<String>,
    /// What may be said as well.
    or: Vec<String>,
    from: Option<String>,
    server: SocketAddr,
    /// Packets that tcpdump had no room for, by place.
    lost: Value,
}

/// What was said of one reset about the run's server.
struct Verdict {
    cause: String,
    certainty: String,
    from: String,
    /// The rivals that packets cannot tell apart from the cause.
    rivals: Vec<String>,
    /// The rivals that were refused.
    refused: Vec<String>,
}

/// One run whose capture holds a reset about its server, or was said to.
struct Judged {
    truth: Truth,
    verdicts: Vec<Verdict>,
    /// Why it could not be read.
    broken: Option<String>,
}

/// What was made of the captures taken at one place.
pub struct View {
    name: &'static str,
    captures: usize,
    judged: Vec<Judged>,
    /// Which runs' captures are not whole, and how many packets each lacks.
    lost: Vec<(Run, u64)>,
}

impl Truth {
    fn is(&self, cause: &str) -> bool {
        self.cause == cause
            || self.mechanism.as_deref() == Some(cause)
            || self.or.iter().any(|or| or == cause)
    }

    /// `ID-vFAMILY.json` beside the captures. None for a run that used no server.
    fn read(path: &Path) -> Result<Option<Self>> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let value: Value =
            serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        let word = |key: &str| value[key].as_str().map(str::to_owned);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let Some((id, family)) = stem.rsplit_once("-v") else {
            bail!("{} is not named ID-vFAMILY.json", path.display());
        };
        let Some(server) = word("server") else {
            return Ok(None);
        };
        Ok(Some(Self {
            run: (id.to_owned(), family.to_owned()),
            cause: word("cause").with_context(|| format!("{} names no cause", path.display()))?,
            mechanism: word("mechanism"),
            or: value["or"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|or| or.as_str().map(str::to_owned))
                .collect(),
            from: word("from"),
            lost: value["lost"].clone(),
            server: server
                .parse()
                .with_context(|| format!("{server} in {} is no address", path.display()))?,
        }))
    }
}

impl Judged {
    /// One verdict at least names the sender.
    fn right_sender(&self) -> bool {
        self.verdicts
            .iter()
            .any(|verdict| self.truth.from.as_ref() == Some(&verdict.from))
    }

    /// One verdict at least names the cause, or the way that it came about.
    fn right_cause(&self) -> bool {
        self.verdicts.iter().any(|verdict| self.truth.is(&verdict.cause))
    }

    /// The same, or the truth stands among what packets cannot tell apart from the cause named.
    fn within_reach(&self) -> bool {
        let near = |verdict: &Verdict| verdict.rivals.iter().any(|rival| self.truth.is(rival));
        self.right_cause() || self.verdicts.iter().any(near)
    }

    /// The same, or the truth was weighed and refused: the reader misread a sign.
    fn mentioned(&self) -> bool {
        let refused = |verdict: &Verdict| verdict.refused.iter().any(|rival| self.truth.is(rival));
        self.within_reach() || self.verdicts.iter().any(refused)
    }

    fn certainly_wrong(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts
            .iter()
            .filter(|verdict| verdict.certainty == "certain" && !self.truth.is(&verdict.cause))
    }

    /// Something between was accused of what the host of an end sent.
    fn blames_a_box(&self) -> impl Iterator<Item = &Verdict> {
        let host = matches!(self.truth.from.as_deref(), Some("client" | "server"));
        self.verdicts
            .iter()
            .filter(move |verdict| host && verdict.from == "between")
    }
}

/// Reads every capture of the folder, alone and with the others of its run.
pub fn look(binary: &Path, folder: &Path) -> Result<Vec<View>> {
    let mut truths: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    truths.sort();
    let mut views: Vec<View> = PLACES
        .into_iter()
        .chain([ENDS, JOINED])
        .map(|name| View {
            name,
            captures: 0,
            judged: Vec::new(),
            lost: Vec::new(),
        })
        .collect();
    for path in truths {
        for view in &mut views {
            let together = [ENDS, JOINED].contains(&view.name);
            let files: Vec<PathBuf> = PLACES
                .into_iter()
                .filter(|place| match view.name {
                    JOINED => true,
                    ENDS => *place != "router",
                    one => one == *place,
                })
                .map(|place| capture(&path, place))
                .filter(|file| file.exists())
                .collect();
            if files.len() > usize::from(together)
                && let Some(truth) = Truth::read(&path)?
            {
                view.captures += 1;
                if let Some(count) = truth.lost[view.name].as_u64().filter(|&count| count > 0) {
                    view.lost.push((truth.run.clone(), count));
                }
                view.judged.extend(judge(binary, &files, truth)?);
            }
        }
    }
    Ok(views)
}

/// `STEM-PLACE.pcap` beside `STEM.json`.
fn capture(truth: &Path, place: &str) -> PathBuf {
    let stem = truth.file_stem().unwrap_or_default().to_string_lossy();
    truth.with_file_name(format!("{stem}-{place}.pcap"))
}

/// None where there is no reset, and none is told of.
fn judge(binary: &Path, files: &[PathBuf], truth: Truth) -> Result<Option<Judged>> {
    let mut reset = false;
    for file in files {
        reset = reset || holds_reset(file, truth.server)?;
    }
    let output = Command::new(binary)
        .arg("read")
        .args(files)
        .args(["-o", "json", "--all"])
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let broken = !matches!(output.status.code(), Some(0 | 1));
    let broken = broken.then(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("{}: {}", output.status, said.trim().replace('\n', "; "))
    });
    let verdicts = verdicts(&String::from_utf8_lossy(&output.stdout), truth.server)?;
    Ok(
        (reset || broken.is_some() || !verdicts.is_empty()).then_some(Judged {
            truth,
            verdicts,
            broken,
        }),
    )
}

/// Asks tcpdump, which knows nothing of causes.
fn holds_reset(file: &Path, server: SocketAddr) -> Result<bool> {
    // pcap-filter's `tcp[...]` does not look into IPv6: 6 is TCP, and its flags follow 40 bytes of
    // the header before.
    let filter = format!(
        "host {} and port {} and ((ip and tcp[13] & 4 != 0) or (ip6 and ip6[6] == 6 and ip6[53] & 4 != 0))",
        server.ip(),
        server.port()
    );
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.arg("-nr").arg(file).args(["-c", "1", &filter]);
    Ok(!sh::output(&mut tcpdump)?.is_empty())
}

/// The verdicts about this server. In a capture that begins late it may be taken for the client.
fn verdicts(lines: &str, server: SocketAddr) -> Result<Vec<Verdict>> {
    let mut found = Vec::new();
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let word = |pointer: &str| {
            let word = value.pointer(pointer).and_then(Value::as_str);
            word.unwrap_or_default().to_owned()
        };
        let is_server = |end: &str| word(end).parse() == Ok(server);
        if !is_server("/connection/server") && !is_server("/connection/client") {
            continue;
        }
        let all = value.pointer("/cause/rivals").and_then(Value::as_array);
        let all = all.into_iter().flatten();
        let (open, refused): (Vec<&Value>, Vec<&Value>) = all.partition(|rival| is_open(rival));
        let ids = |rivals: Vec<&Value>| -> Vec<String> {
            let ids = rivals.iter().filter_map(|rival| rival["id"].as_str());
            ids.map(str::to_owned).collect()
        };
        found.push(Verdict {
            cause: word("/cause/id"),
            certainty: word("/cause/certainty"),
            from: word("/reset/from"),
            rivals: ids(open),
            refused: ids(refused),
        });
    }
    Ok(found)
}

fn is_open(rival: &Value) -> bool {
    let because = rival["because"].as_str().unwrap_or_default();
    NOT_TOLD_APART.iter().any(|words| because.starts_with(words))
}

#[cfg(test)]
mod tests;
