//! `cargo xtask bpf`: the committed eBPF object is what its sources give. Building the product
//! needs no clang because of this check; the sums hold everywhere, the bytes where clang is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::{packages, sh, steps::Outcome};

const OBJECT: &str = "whyreset.bpf.o";
const FILES: [&str; 4] = ["whyreset.bpf.c", "abi.h", "core.h", OBJECT];
const TOOLS: [&str; 3] = ["clang-14", "llvm-objcopy-14", "llvm-strip-14"];

fn folder() -> PathBuf {
    sh::root().join("crates/whyreset-live/bpf")
}

/// Rebuilds the object and writes down what it was built from.
pub fn build() -> Result<()> {
    if let Some(why) = packages::lacking(&TOOLS) {
        bail!("{why}");
    }
    let folder = folder();
    sh::run(&mut Command::new(folder.join("build.sh")))?;
    let mut info = format!("clang {}\n", clang()?);
    for file in FILES {
        writeln!(info, "sha256 {} {file}", sum(&folder.join(file))?)?;
    }
    std::fs::write(folder.join("BUILD_INFO"), &info).context("cannot write BUILD_INFO")?;
    print!("{info}");
    Ok(())
}

/// Holds sources and object against BUILD_INFO, then against a build of now.
pub fn check() -> Result<Outcome> {
    let folder = folder();
    let text = std::fs::read_to_string(folder.join("BUILD_INFO")).context("cannot read BUILD_INFO")?;
    let info = Info::parse(&text)?;
    for file in FILES {
        let (is, said) = (sum(&folder.join(file))?, info.sum(file)?);
        ensure!(
            is == said,
            "{file} is not the one the object was built from ({is}, BUILD_INFO says {said}); run `cargo xtask bpf`"
        );
    }
    println!("{} files equal BUILD_INFO", FILES.len());
    if let Some(why) = packages::lacking(&TOOLS) {
        return Ok(Outcome::Skipped(format!("sums hold, bytes not compared: {why}")));
    }
    let clang = clang()?;
    println!("rebuilding with {clang}");
    let temp = tempfile::tempdir()?;
    sh::run(Command::new(folder.join("build.sh")).arg(temp.path()))?;
    let same = std::fs::read(temp.path().join(OBJECT))? == std::fs::read(folder.join(OBJECT))?;
    if same {
        println!("the rebuilt object is the committed one, byte for byte");
        return Ok(Outcome::Passed);
    }
    if clang != info.clang {
        let why = format!(
            "bytes differ, as they may: built by {:?}, this machine has {clang:?}",
            info.clang
        );
        return Ok(Outcome::Skipped(why));
    }
    bail!("the same sources and the same clang gave other bytes than {OBJECT}; run `cargo xtask bpf`");
}

/// BUILD_INFO as read.
struct Info<'a> {
    clang: &'a str,
    sums: Vec<(&'a str, &'a str)>,
}

impl<'a> Info<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let (mut clang, mut sums) = (None, Vec::new());
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("clang", version)) => clang = Some(version),
                Some(("sha256", rest)) => sums.push(rest.split_once(' ').context("a sum without a file")?),
                _ => bail!("BUILD_INFO has a line that is neither clang nor sha256: {line:?}"),
            }
        }
        Ok(Self {
            clang: clang.context("BUILD_INFO names no clang")?,
            sums,
        })
    }

    fn sum(&self, file: &str) -> Result<&'a str> {
        let found = self.sums.iter().find(|(_, name)| *name == file);
        Ok(found
            .with_context(|| format!("BUILD_INFO has no sum of {file}"))?
            .0)
    }
}

/// The compiler's own first line, which names its version.
fn clang() -> Result<String> {
    let text = sh::output(Command::new(TOOLS[0]).arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn sum(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_info_is_read_line_by_line() {
        let info = Info::parse("clang X version 1\nsha256 abc a.h\n").unwrap();
        assert_eq!((info.clang, info.sum("a.h").unwrap()), ("X version 1", "abc"));
        assert!(info.sum("b.h").is_err());
        assert!(Info::parse("clang X\nmd5 1 a.h\n").is_err());
        assert!(Info::parse("sha256 abc a.h\n").is_err());
    }
}
