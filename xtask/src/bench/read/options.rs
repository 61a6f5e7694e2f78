//! What was asked for on the command line of `bench read`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::make::Kind;

pub const USAGE: &str = "usage: cargo xtask bench read [OPTION]...
  --scale X        captures of X times the full size (default 1; the smaller captures keep theirs)
  --only KIND      small, full, one or scan alone (may be given several times)
  --smaller N      packets of the smaller captures, for programs that would take hours for the whole ones
                   (default 6000000; the more, the slower these are a packet)
  --rounds N       runs of each program (default 3)
  --dir DIR        where the captures lie meanwhile (default: the folder for temporary files)
  --binary FILE    this whyreset instead of the one built here
  --memory         instead: memory over a stream of 20 GB, times the scale
  --write KIND F   instead: write that capture to the file F and end
  --pipe GB        instead: write so many GB of the small kind to standard output and end";

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Task {
    #[default]
    Speed,
    Memory,
    Write(Kind, PathBuf),
    Pipe(f64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub task: Task,
    pub scale: f64,
    pub kinds: Vec<Kind>,
    /// Packets.
    pub smaller: f64,
    pub rounds: usize,
    pub folder: PathBuf,
    pub binary: Option<PathBuf>,
}

impl Options {
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            task: Task::default(),
            scale: 1.0,
            kinds: Vec::new(),
            smaller: 6_000_000.0,
            rounds: 3,
            folder: std::env::temp_dir(),
            binary: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut next = || {
                words
                    .next()
                    .with_context(|| format!("{word} wants a value\n{USAGE}"))
            };
            match *word {
                "--scale" => options.scale = positive(word, next()?)?,
                "--only" => options.kinds.push(kind(next()?)?),
                "--smaller" => {
                    let packets: u32 = next()?.parse().context("--smaller wants a number of packets")?;
                    options.smaller = packets.max(1).into();
                }
                "--rounds" => options.rounds = next()?.parse().context("--rounds wants a number")?,
                "--dir" => options.folder = next()?.into(),
                "--binary" => options.binary = Some(next()?.into()),
                "--memory" => options.task = Task::Memory,
                "--write" => options.task = Task::Write(kind(next()?)?, next()?.into()),
                "--pipe" => options.task = Task::Pipe(positive(word, next()?)?),
                _ => bail!("no option {word:?}\n{USAGE}"),
            }
        }
        if options.kinds.is_empty() {
            options.kinds = Kind::ALL.to_vec();
        }
        ensure!(options.rounds > 0, "--rounds wants at least 1");
        Ok(options)
    }
}

fn kind(name: &str) -> Result<Kind> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    found.with_context(|| format!("no capture {name:?}; one of small, full, one, scan"))
}

fn positive(option: &str, word: &str) -> Result<f64> {
    let value: f64 = word
        .parse()
        .with_context(|| format!("{option} wants a number, not {word:?}"))?;
    ensure!(
        value > 0.0 && value <= 1000.0,
        "{option} wants more than 0 and at most 1000"
    );
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_to_options() {
        let options = Options::parse(&["--scale", "0.1", "--only", "one", "--only", "scan"]).unwrap();
        assert_eq!(options.kinds, [Kind::One, Kind::Scan]);
        assert!((options.scale - 0.1).abs() < 1e-12);
        let options = Options::parse(&["--smaller", "3000000"]).unwrap();
        assert!((options.smaller - 3e6).abs() < 1e-6);
        let options = Options::parse(&["--write", "small", "f"]).unwrap();
        assert_eq!(options.task, Task::Write(Kind::Small, "f".into()));
        assert_eq!(options.kinds, Kind::ALL);
        for wrong in [
            &["--scale", "-1"][..],
            &["--scale", "NaN"],
            &["--scale"],
            &["--only", "big"],
            &["--smaller", "0.1"],
            &["--rounds", "0"],
            &["more"],
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
