//! Prints the facts of every reset on this host as they are recorded: the watcher without judge.

use std::time::Duration;

use whyreset_evidence::{Holdings, Process, write_dossier};
use whyreset_live::{Holders, Options, Watcher};

struct Nobody;

impl Holders for Nobody {
    fn holder_of(&mut self, _: u64, _: Option<u32>) -> Option<Process> {
        None
    }
    fn holdings(&mut self, _: &Process) -> Option<Holdings> {
        None
    }

    fn describe(&mut self, _: &mut Process, _: Option<u64>) {}
}

fn main() -> Result<(), whyreset_live::AttachError> {
    let mut watcher = Watcher::attach(&Options::default(), Box::new(Nobody))?;
    for missing in watcher.missing() {
        eprintln!("not seen: {} ({})", missing.what, missing.cure);
    }
    loop {
        watcher.poll(Duration::from_secs(1), &mut |dossier| {
            println!("{}", write_dossier(dossier));
            true
        });
    }
}
