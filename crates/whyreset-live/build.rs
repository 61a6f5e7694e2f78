//! Packs the committed eBPF object: unpacked it would be a fortieth of the whole program.

use std::fs::File;
use std::path::Path;
use std::{env, io};

use flate2::Compression;
use flate2::write::ZlibEncoder;

const OBJECT: &str = "bpf/whyreset.bpf.o";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={OBJECT}");
    let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let packed = File::create(Path::new(&folder).join("whyreset.bpf.o.z"))?;
    let mut packed = ZlibEncoder::new(packed, Compression::best());
    io::copy(&mut File::open(OBJECT)?, &mut packed)?;
    packed.finish()?;
    Ok(())
}
