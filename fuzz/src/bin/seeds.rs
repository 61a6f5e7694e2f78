//! Writes the hand-made part of the corpus: `seeds FOLDER` puts frames into `wire`, scripts into `flow`
//! and pairs of captures into `joined`. Refuses to overwrite what fuzzing found: its files have names.

use std::path::Path;
use std::{env, fs, io};

use whyreset_fuzz::{frames, joined, pairs, stories};

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "corpus".to_owned());
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    for (name, link, frame) in frames::all() {
        let mut bytes = link.to_be_bytes().to_vec();
        bytes.extend(u32::try_from(frame.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(frame);
        put("wire", name, &bytes)?;
    }
    for (name, script) in stories::all() {
        put("flow", name, &script)?;
    }
    for (name, how, apart, script) in pairs::all() {
        let mut bytes = vec![how, apart];
        bytes.extend(script);
        put("joined", name, &bytes)?;
    }
    // The same as files, for mutations that a script cannot say.
    for (name, how, apart, script) in pairs::all().into_iter().take(8) {
        let mut bytes = vec![how | 1, apart];
        bytes.extend(script);
        let [one, two] = joined::files(&bytes);
        put("joined", &format!("{name}-pcap"), &raw(&one, &two))?;
        let [one, two] = [one, two].map(|file| frames::pcapng(&file));
        put("joined", &format!("{name}-pcapng"), &raw(&one, &two))?;
    }
    Ok(())
}

fn raw(one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(u16::try_from(one.len()).unwrap_or(0).to_le_bytes());
    bytes.extend(one);
    bytes.extend(two);
    bytes
}
