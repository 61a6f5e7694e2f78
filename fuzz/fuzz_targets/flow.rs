//! A script of segments through the flow table, the judge and the faces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use whyreset_flow::{Silences, Table};
use whyreset_fuzz::script;
use whyreset_fuzz::verdicts::Verdicts;

/// The fewest that a table takes; scripts with more connections make some give way.
const CONNECTIONS: usize = 16;

fuzz_target!(|data: &[u8]| {
    let mut table = Table::new(CONNECTIONS, "");
    let mut told = Vec::new();
    for (frame, step) in (1..).zip(&script::read(data)) {
        if step.icmp {
            table.icmp(step.at, step.source, step.destination, Some(step.seq));
        } else {
            table.add(&step.packet(frame), &mut |one| told.push(one));
        }
    }
    table.finish(&mut |one| told.push(one));
    let counters = table.counters();
    assert!(
        told.len() as u64 <= counters.resets,
        "{} told: {counters:?}",
        told.len()
    );
    let mut silences = Silences::default();
    for one in &told {
        silences.note(&one.dossier);
    }
    let mut verdicts = Verdicts::default();
    for one in &mut told {
        silences.tell(&mut one.dossier);
        verdicts.hold(one);
    }
});
