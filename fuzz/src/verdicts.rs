//! What must hold of every reset that is told, whatever was captured. Refuses to know which cause is
//! the right one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use jiff::tz::TimeZone;
use whyreset_causes::{Class, Gist, judge};
use whyreset_evidence::{Certainty, Join, Sign, Source, Verdict};
use whyreset_flow::Told;
use whyreset_report::ladder;
use whyreset_report::text::Style;

/// Verdicts of one input, class by class.
#[derive(Default)]
pub struct Verdicts(HashMap<Class, Gist>);

impl Verdicts {
    /// Judges and prints a reset.
    ///
    /// # Panics
    /// Where a verdict claims more than packets can show, breaks its contract, or sends the terminal
    /// more than text.
    pub fn hold(&mut self, told: &Told) {
        let dossier = &told.dossier;
        let verdict = judge(dossier);
        assert_eq!(dossier.source, Source::Capture);
        if verdict.cause.certainty == Certainty::Certain {
            let (_, passed) = dossier.passed().expect("a reset passed");
            let many = |sign: &Sign| matches!(sign, Sign::Guesses(count) if *count > 3);
            let proved = passed.name_went_on || passed.signs.iter().any(many);
            assert!(
                passed.join == Join::NeverSent && proved && !passed.missing.damaged,
                "certain, and no second place proves it: {verdict:?}\n{passed:?}"
            );
        }
        let gist = Gist::of(&verdict);
        let class = Class::of(dossier).expect("a reset that passed has a class");
        match self.0.entry(class) {
            Entry::Occupied(known) => {
                assert_eq!(
                    *known.get(),
                    gist,
                    "one class, two verdicts: {:?}",
                    dossier.passed()
                );
            }
            // Printing costs more than judging: one of each class.
            Entry::Vacant(free) => {
                free.insert(gist);
                show(told, &verdict);
            }
        }
    }
}

fn show(told: &Told, verdict: &Verdict) {
    let line = whyreset_report::json_v1::line(verdict);
    assert!(!line.contains('\n'), "more than one line");
    let json: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(json["cause"]["certainty"], verdict.cause.certainty.as_str());
    for (width, verbose) in [(None, true), (Some(40), false)] {
        let style = Style {
            colour: false,
            width,
            brief: false,
            verbose,
            zone: TimeZone::UTC,
        };
        clean(&whyreset_report::text::verdict(verdict, &style));
        clean(&diagram(told, &style));
    }
}

fn diagram(told: &Told, style: &Style) -> String {
    let first = told.ladder.first().map(|rung| rung.at).unwrap_or_default();
    let rungs: Vec<ladder::Rung> = told
        .ladder
        .iter()
        .map(|rung| ladder::Rung {
            at: rung.at.since(first).min(Duration::from_secs(1 << 40)),
            from: rung.from,
            label: rung.segment.flags.to_string(),
            note: None,
            reset: rung.frame == told.frame,
        })
        .collect();
    ladder::draw("client", "server", &rungs, style)
}

fn clean(text: &str) {
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control), "a control character: {text:?}");
}
