//! A cause's page: the Markdown beside its declaration, read for its fixes and its runnable cases.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use whyreset_evidence::{Certainty, Dossier, RecordError, parse_dossier};

use crate::Cause;

/// A view of one cause's Markdown.
pub struct Page(&'static str);

/// A runnable case of a page: a fenced block whose info string is
/// ` ```trace verdict=ID [certainty=WORD] [party=WORD] [process=NAME] [mechanism=ID] [situation=ID] [rival=ID] `,
/// or for a near miss ` ```trace verdict=!ID because="REQUIREMENT TEXT" `.
pub struct Case {
    /// 1-based line of the opening fence in the page.
    pub line: usize,
    /// `key=value` pairs of the info string, in their order.
    pub expect: Vec<(&'static str, &'static str)>,
    /// The recorded facts, or the packets.
    pub facts: &'static str,
}

impl Page {
    /// The page of a cause.
    pub const fn of(cause: &Cause) -> Self {
        Self(cause.text)
    }

    /// The whole page as it is written.
    pub const fn markdown(&self) -> &'static str {
        self.0
    }

    /// The text of one `## ` section without its heading; empty where there is none.
    pub fn section(&self, title: &str) -> &'static str {
        let (mut body, mut at) = (None, 0);
        for line in self.0.split_inclusive('\n') {
            if let Some(heading) = line.strip_prefix("## ") {
                if let Some(start) = body {
                    return self.0[start..at].trim();
                }
                body = (heading.trim() == title).then_some(at + line.len());
            }
            at += line.len();
        }
        body.map_or("", |start| self.0[start..].trim())
    }

    /// What to change: the leading bullets of `## Fix`, one sentence each. What follows a blank
    /// line is for readers of the page.
    pub fn fixes(&self) -> impl Iterator<Item = String> {
        let mut bullets: Vec<String> = Vec::new();
        for line in self
            .section("Fix")
            .lines()
            .take_while(|line| !line.trim().is_empty())
        {
            match (line.strip_prefix("- "), bullets.last_mut()) {
                (Some(bullet), _) => bullets.push(bullet.trim().to_owned()),
                (None, Some(open)) => {
                    open.push(' ');
                    open.push_str(line.trim());
                }
                (None, None) => {}
            }
        }
        bullets.into_iter()
    }

    /// The causes that this one is taken for: ids in backticks of `## Not to be confused with`.
    pub fn neighbours(&self) -> impl Iterator<Item = &'static str> {
        self.section("Not to be confused with")
            .split('`')
            .skip(1)
            .step_by(2)
    }

    /// The runnable cases of the page.
    pub fn cases(&self) -> Vec<Case> {
        self.fenced("```trace")
    }

    /// The hand-written traces of packets of the page: blocks ` ```packets `, with the same pairs.
    pub fn packets(&self) -> Vec<Case> {
        self.fenced("```packets")
    }

    fn fenced(&self, fence_word: &str) -> Vec<Case> {
        let mut cases = Vec::new();
        let mut open: Option<(usize, &'static str, usize)> = None;
        let mut offset = 0;
        for (index, line) in self.0.split_inclusive('\n').enumerate() {
            let start = offset;
            offset += line.len();
            match (&open, line.trim_end()) {
                (None, fence) => {
                    if let Some(info) = fence.strip_prefix(fence_word) {
                        open = Some((index + 1, info, offset));
                    }
                }
                (Some((line, info, body)), "```") => {
                    cases.push(Case {
                        line: *line,
                        expect: pairs(info),
                        facts: &self.0[*body..start],
                    });
                    open = None;
                }
                (Some(_), _) => {}
            }
        }
        cases
    }
}

fn pairs(info: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut pairs = Vec::new();
    let mut rest = info.trim();
    while let Some((key, tail)) = rest.split_once('=') {
        let (value, after) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => tail.split_once(' ').unwrap_or((tail, "")),
        };
        pairs.push((key.trim(), value));
        rest = after.trim_start();
    }
    pairs
}

impl Case {
    /// The dossier that the case records.
    ///
    /// # Errors
    /// The first line that is not a fact.
    pub fn dossier(&self) -> Result<Dossier, RecordError> {
        parse_dossier(self.facts)
    }

    /// The value expected for `key`.
    pub fn expects(&self, key: &str) -> Option<&'static str> {
        self.expect
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, value)| *value)
    }

    /// The certainty expected, where the case says one.
    pub fn certainty(&self) -> Option<Certainty> {
        self.expects("certainty").and_then(Certainty::from_word)
    }
}
