//! What a search has learned, in a file, so that one of two hours can go on after a break. Refuses
//! to go on with what was learned of another endpoint.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Direction, Fate, Kind, Sample, ms};

const SCHEMA: &str = "whyreset/probe-idle-state/1";
/// Bytes of a file that is believed to be one of ours.
const LARGEST: u64 = 4 << 20;

#[derive(Deserialize, Serialize)]
struct State {
    schema: String,
    target: String,
    first: String,
    samples: Vec<SampleJson>,
}

#[derive(Deserialize, Serialize)]
struct SampleJson {
    silence_ms: u64,
    fate: String,
}

/// Reads what was learned; nothing where there is no such file yet.
///
/// # Errors
/// It cannot be read, is none of ours, or belongs to another search.
pub fn load(path: &Path, target: &str, direction: &Direction) -> Result<Vec<Sample>, String> {
    let at = path.display();
    let size = match fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot read {at}: {error}")),
    };
    if size > LARGEST {
        return Err(format!("{at} has {size} bytes and is no state of a search"));
    }
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {at}: {error}"))?;
    let state: State = serde_json::from_str(&text).map_err(|error| {
        format!("{at} is no state of a search ({error}); name another file, or remove it")
    })?;
    if state.schema != SCHEMA || state.target != target || state.first != direction.as_str() {
        return Err(format!(
            "{at} belongs to a search of {} where the {} speaks first; name another file, or remove it",
            crate::words::escaped(state.target.as_bytes(), 300),
            crate::words::escaped(state.first.as_bytes(), 20),
        ));
    }
    let samples = state.samples.iter().filter_map(|sample| {
        let fate = match &*sample.fate {
            "alive" => Fate::Alive,
            "spoke" => Fate::Spoke,
            word => Fate::Ended(Kind::from_word(word)?),
        };
        Some(Sample::new(Duration::from_millis(sample.silence_ms), fate))
    });
    Ok(samples.collect())
}

/// Writes what was learned, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn save(path: &Path, target: &str, direction: &Direction, samples: &[Sample]) -> Result<(), String> {
    let samples = samples.iter().filter_map(|sample| {
        Some(SampleJson {
            silence_ms: ms(sample.silence),
            fate: word(&sample.fate)?.to_owned(),
        })
    });
    let state = State {
        schema: SCHEMA.to_owned(),
        target: target.to_owned(),
        first: direction.as_str().to_owned(),
        samples: samples.collect(),
    };
    let text = serde_json::to_string(&state).map_err(|error| error.to_string())?;
    let beside = path.with_added_extension("new");
    let write = || {
        let mut file = fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// A fate worth keeping, in one word.
pub fn word(fate: &Fate) -> Option<&'static str> {
    match fate {
        Fate::Alive => Some("alive"),
        Fate::Spoke => Some("spoke"),
        Fate::Ended(kind) => Some(kind.as_str()),
        Fate::Cut | Fate::Failed(_) => None,
    }
}
