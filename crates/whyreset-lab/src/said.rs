//! One line of `whyreset watch -o json`, read as a stranger reads it: by the names of verdict v1.
//! Refuses lines that are not of that contract.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use serde_json::Value;
use toml::value::Datetime;
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

    /// The same, told with the true roles: who did not see the start says that it guesses which end
    /// is the server, and is held to addresses, not to that guess.
    #[must_use]
    pub fn with_server(mut self, server: SocketAddr) -> Self {
        let known = self
            .value
            .pointer("/connection/roles_known")
            .and_then(Value::as_bool);
        let guessed_client: Option<SocketAddr> = self.text("/connection/client").parse().ok();
        if known == Some(true) || guessed_client != Some(server) {
            return self;
        }
        let other = match self.text("/reset/from") {
            "client" => "server",
            "server" => "client",
            word => word,
        };
        let (from, client, guessed_server) = (
            Value::from(other),
            self.value["connection"]["client"].take(),
            self.value["connection"]["server"].take(),
        );
        self.value["reset"]["from"] = from;
        self.value["connection"]["client"] = guessed_server;
        self.value["connection"]["server"] = client;
        self
    }

    /// When it happened; none where that is no UTC time of this epoch.
    pub fn time(&self) -> Option<SystemTime> {
        let stamp: Datetime = self.text("/time").parse().ok()?;
        let (date, time) = (stamp.date?, stamp.time?);
        let days = days_since_epoch(date.year.into(), date.month.into(), date.day.into())?;
        let hours = days * 24 + u64::from(time.hour);
        let minutes = hours * 60 + u64::from(time.minute);
        let seconds = minutes * 60 + u64::from(time.second.unwrap_or(0));
        Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, time.nanosecond.unwrap_or(0)))
    }

    /// The cause's id.
    pub fn cause(&self) -> &str {
        self.text("/cause/id")
    }

    /// The number at a JSON pointer.
    pub fn number(&self, pointer: &str) -> Option<u64> {
        self.value.pointer(pointer).and_then(Value::as_u64)
    }

    /// Whether a program at the client's end held the connection when it was reset or refused, or
    /// reset it itself by what it asked of its socket.
    pub fn met_by_client(&self) -> bool {
        let is_there = |pointer| self.value.pointer(pointer).is_some_and(Value::is_object);
        let ended = matches!(self.text("/outcome"), "reset" | "refused");
        ended
            && match self.text("/reset/from") {
                // What a rule sends in the client's name, its server meets.
                "between" if self.text("/cause/summary").contains("in the client's name") => false,
                "server" | "between" => is_there("/victim/process") && !self.benign(),
                "client" => matches!(self.cause(), "unread-data" | "linger-abort" | "disconnect-abort"),
                _ => false,
            }
    }

    /// The address of an end (`client` or `server`) of the connection.
    pub fn address(&self, end: &str) -> Option<SocketAddr> {
        self.text(&format!("/connection/{end}")).parse().ok()
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

    /// Whether it says that both ends had closed in good order before.
    pub fn is_after_goodbye(&self) -> bool {
        self.benign() && self.text("/cause/situation") == "after-goodbye"
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

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days_since_epoch(year: u64, month: usize, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let past = year.checked_sub(1)?;
    let leap_days = |years: u64| years / 4 - years / 100 + years / 400;
    let is_leap = leap_days(year) > leap_days(past);
    let leap_day = u64::from(is_leap && month > 2);
    let days = past * 365 + leap_days(past) + BEFORE_MONTH.get(month.checked_sub(1)?)? + leap_day + day;
    // Of 0001-01-01, counted from 1, to 1970-01-01.
    days.checked_sub(719_163)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::Said;

    #[test]
    fn a_guessed_role_is_no_accusation_and_a_known_one_is() {
        let told = |known: bool, client: &str, server: &str| {
            let line = format!(
                r#"{{"schema":"whyreset/verdict/1","cause":{{"certainty":"likely"}},"reset":{{"from":"client"}},
                    "connection":{{"client":"{client}","server":"{server}","roles_known":{known}}}}}"#
            );
            let server = "[fd00::2]:80".parse().expect("an address");
            let said = Said::read(&line).expect("a verdict").with_server(server);
            (said.text("/reset/from").to_owned(), said.port("server"))
        };
        let server = |port| ("server".to_owned(), Some(port));
        let client = |port| ("client".to_owned(), Some(port));
        assert_eq!(told(false, "[fd00::2]:80", "[fd00::1]:9"), server(80));
        assert_eq!(told(false, "[fd00::1]:9", "[fd00::2]:80"), client(80));
        assert_eq!(told(true, "[fd00::2]:80", "[fd00::1]:9"), client(9));
    }

    #[test]
    fn the_time_is_read() {
        let at = |time: &str| {
            let line = format!(
                r#"{{"schema":"whyreset/verdict/1","time":"{time}","cause":{{"certainty":"likely"}}}}"#
            );
            Said::read(&line).expect("a verdict").time()
        };
        for (time, seconds, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:00:00.5Z", 951_825_600, 500_000_000),
            ("2026-11-23T08:36:47.857496764Z", 1_795_423_007, 857_496_764),
        ] {
            assert_eq!(
                at(time),
                Some(UNIX_EPOCH + Duration::new(seconds, nanoseconds)),
                "{time}"
            );
        }
        assert_eq!(at("yesterday"), None);
    }
}
