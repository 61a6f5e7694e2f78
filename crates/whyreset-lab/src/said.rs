//! One line of `whyreset watch -o json`, read as a stranger reads it: by the names of verdict v1.
//! Refuses lines that are not of that contract.

use anyhow::{Context, bail};
use serde_json::Value;
use whyreset_evidence::Certainty;

/// A verdict as it was printed.
#[derive(Clone, Debug)]
pub struct Said {
    value: Value,
    /// How sure it says it is.
    pub certainty: Certainty,
}

impl Said {
    /// Reads one line.
    ///
    /// # Errors
    /// The line is not a verdict v1.
    pub fn read(line: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        if value.get("schema").and_then(Value::as_str) != Some("whyreset/verdict/1") {
            bail!("not a verdict v1: {line}");
        }
        let word = value
            .pointer("/cause/certainty")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let certainty = Certainty::from_word(word).with_context(|| format!("no certainty: {line}"))?;
        Ok(Self { value, certainty })
    }

    /// The string at a JSON pointer; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The cause's id.
    pub fn cause(&self) -> &str {
        self.text("/cause/id")
    }

    /// The name of the process it accuses.
    pub fn accused(&self) -> Option<&str> {
        self.value.pointer("/sender/process/name").and_then(Value::as_str)
    }

    /// Whether it says that nobody is harmed.
    pub fn benign(&self) -> bool {
        self.value
            .pointer("/reset/benign")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Whether some line of evidence holds these words, whatever their case.
    pub fn cites(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        let lines = self.value.get("evidence").and_then(Value::as_array);
        lines.into_iter().flatten().any(|line| {
            ["what", "cite"]
                .iter()
                .filter_map(|key| line.get(key).and_then(Value::as_str))
                .any(|text| text.to_lowercase().contains(&words))
        })
    }

    /// The port at an end (`client` or `server`) of the connection.
    pub fn port(&self, end: &str) -> Option<u16> {
        self.text(&format!("/connection/{end}"))
            .rsplit(':')
            .next()?
            .parse()
            .ok()
    }

    /// For messages: cause, certainty, who, and the summary.
    pub fn brief(&self) -> String {
        format!(
            "{} ({}, {}, from {}, {} {}: {})",
            self.cause(),
            self.certainty.as_str(),
            self.text("/outcome"),
            self.text("/reset/from"),
            self.text("/sender/party"),
            self.accused().unwrap_or("-"),
            self.text("/cause/summary"),
        )
    }

    /// The whole object.
    pub const fn value(&self) -> &Value {
        &self.value
    }
}
