//! Packs the scenario files: each as its name, a line feed, its text and a zero byte, in the order of
//! the names.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;

const FOLDER: &str = "scenarios";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let packed = File::create(Path::new(&folder).join("scenarios.z"))?;
    let mut packed = ZlibEncoder::new(packed, Compression::best());
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    for file in files {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        write!(
            packed,
            "{}\n{}\0",
            name.to_string_lossy(),
            fs::read_to_string(&file)?
        )?;
    }
    packed.finish()?;
    Ok(())
}
