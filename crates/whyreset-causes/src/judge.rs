//! Holds every cause against a dossier and says which one stands, how sure it is, and what
//! refused the others.
//!
//! The rule in full: a cause is refused by the first requirement that is `Absent` or exclusion
//! that is `Seen`. What remains stands as high as `at_most` and as the lowest `if_blind` of what
//! could not be seen. The highest one is named; a cause that explains another one takes its place
//! and names it as the mechanism. Where several stand equally high and none explains the rest,
//! nothing is proved and the answer is `unknown`, with each of them as a rival.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use whyreset_evidence::{Certainty, Dossier, EvidenceLine, Finding, Mark, Named, Party, Rival, Verdict};

use crate::catalog::{CATALOG, UNKNOWN};
use crate::cause::{Accuse, Cause, Requirement};
use crate::{reading, service, testimony};

/// What the judge thinks of one cause.
pub struct Opinion {
    /// The cause.
    pub cause: &'static Cause,
    /// Whether it stands.
    pub standing: Standing,
    /// The answers to its requirements, in their order, up to the one that refused it.
    pub findings: Vec<Finding>,
}

/// Whether a cause stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stands this high.
    Holds(Certainty),
    /// This requirement refused it.
    Refused {
        /// The requirement's text.
        requirement: &'static str,
        /// What was seen.
        because: String,
    },
}

impl Opinion {
    /// How high it stands; `Unknown` where it was refused.
    pub const fn certainty(&self) -> Certainty {
        match self.standing {
            Standing::Holds(certainty) => certainty,
            Standing::Refused { .. } => Certainty::Unknown,
        }
    }

    /// Whether anything speaks for it.
    fn holds(&self) -> bool {
        matches!(self.standing, Standing::Holds(certainty) if certainty > Certainty::Unknown)
    }

    fn refused(&self) -> bool {
        matches!(self.standing, Standing::Refused { .. })
    }

    /// How many of its requirements were seen: the nearness of a refused rival.
    fn seen(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_seen()).count()
    }

    pub(crate) fn explains(&self, dossier: &Dossier, id: &str) -> bool {
        let rules = self.cause.rules(dossier.source);
        rules.is_some_and(|rules| rules.explains.contains(&id))
    }

    fn because(&self) -> String {
        match &self.standing {
            Standing::Refused { because, .. } => because.clone(),
            Standing::Holds(_) => {
                let blind = self.findings.iter().find(|f| matches!(f, Finding::Blind { .. }));
                blind.map_or_else(
                    || "fits all that was seen".to_owned(),
                    |f| format!("not refused: {}", f.text()),
                )
            }
        }
    }
}

fn weigh(cause: &'static Cause, dossier: &Dossier) -> Opinion {
    let mut findings = Vec::new();
    let Some(rules) = cause.rules(dossier.source) else {
        return Opinion {
            cause,
            standing: Standing::Refused {
                requirement: "packets show it",
                because: "packets do not show it".to_owned(),
            },
            findings,
        };
    };
    let mut certainty = rules.at_most;
    let refused = |requirement: &Requirement, because: &str| Standing::Refused {
        requirement: requirement.text,
        because: because.to_owned(),
    };
    for requirement in rules.requires {
        let finding = (requirement.check)(dossier);
        match &finding {
            Finding::Seen { .. } => {}
            Finding::Absent { what, .. } => {
                let standing = refused(requirement, what);
                return Opinion {
                    cause,
                    standing,
                    findings,
                };
            }
            Finding::Blind { .. } => certainty = certainty.min(requirement.if_blind),
        }
        findings.push(finding);
    }
    for exclusion in rules.excludes {
        let finding = (exclusion.check)(dossier);
        match &finding {
            Finding::Seen { what, .. } => {
                let standing = refused(exclusion, what);
                return Opinion {
                    cause,
                    standing,
                    findings,
                };
            }
            Finding::Absent { .. } => {}
            Finding::Blind { .. } => certainty = certainty.min(exclusion.if_blind),
        }
        findings.push(finding);
    }
    if dossier.passed().is_some_and(|(_, passed)| passed.missing.damaged) {
        // A damaged header is nobody's word.
        certainty = certainty.min(Certainty::Possible);
    }
    if let Some(contradiction) = contradicted(cause, dossier) {
        certainty = certainty.min(Certainty::Likely);
        findings.push(contradiction);
    }
    Opinion {
        cause,
        standing: Standing::Holds(certainty),
        findings,
    }
}

/// The kernel's own reason is never taken for the cause, but where it belongs to other causes
/// and not to this one, something was misread.
fn contradicted(cause: &Cause, dossier: &Dossier) -> Option<Finding> {
    let (fact, sent) = dossier.sent()?;
    let reason = sent.reason.as_deref()?;
    let fits = |cause: &Cause| cause.kernel.contains(&reason);
    let known = CATALOG.iter().any(|other| fits(other));
    (known && !fits(cause)).then(|| {
        Finding::absent(
            format!("the kernel's reason {reason} speaks for another cause"),
            &*fact.cite,
        )
    })
}

/// What the judge thinks of every cause, in the catalogue's order.
pub fn opinions(dossier: &Dossier) -> Vec<Opinion> {
    CATALOG.iter().map(|cause| weigh(cause, dossier)).collect()
}

/// The verdict on one dossier.
pub fn judge(dossier: &Dossier) -> Verdict {
    let opinions = opinions(dossier);
    let top = opinions
        .iter()
        .filter(|o| o.holds())
        .map(Opinion::certainty)
        .max();
    let standing: Vec<&Opinion> = opinions
        .iter()
        .filter(|o| o.holds() && Some(o.certainty()) == top)
        .collect();
    let explained = |o: &Opinion| standing.iter().any(|other| other.explains(dossier, o.cause.id));
    let roots: Vec<&Opinion> = standing.iter().copied().filter(|o| !explained(o)).collect();
    match roots.as_slice() {
        [named] => {
            let mechanism = opinions
                .iter()
                .filter(|o| o.holds() && named.explains(dossier, o.cause.id))
                .max_by_key(|o| o.certainty());
            verdict(dossier, &opinions, Some(named), mechanism)
        }
        _ => verdict(dossier, &opinions, None, None),
    }
}

fn verdict(
    dossier: &Dossier,
    opinions: &[Opinion],
    named: Option<&Opinion>,
    mechanism: Option<&Opinion>,
) -> Verdict {
    let cause = named.map_or(&UNKNOWN, |o| o.cause);
    let kernels = service::sender(dossier).filter(|_| matches!(cause.accuse, Accuse::Closer | Accuse::Owner));
    let rules = cause.rules(dossier.source);
    let situation = rules
        .map_or([].as_slice(), |rules| rules.situations)
        .iter()
        // Everyday cases are of programs.
        .filter(|_| kernels.is_none())
        .map(|situation| (situation, (situation.check)(dossier)))
        .find(|(_, finding)| finding.is_seen());
    let mut evidence = Vec::new();
    for opinion in [named, mechanism].into_iter().flatten() {
        for finding in &opinion.findings {
            push_line(&mut evidence, finding);
        }
    }
    if let Some((_, finding)) = &situation {
        push_line(&mut evidence, finding);
    }
    let heard = testimony::heard(dossier, opinions, named);
    for finding in &heard.findings {
        push_line(&mut evidence, finding);
    }
    for finding in reading::background(dossier) {
        push_line(&mut evidence, &finding);
    }
    let mut fix: Vec<String> = Vec::new();
    if let Some((situation, _)) = &situation {
        fix.extend(situation.fix.iter().map(|&line| line.to_owned()));
    }
    let everyday = heard
        .everyday
        .filter(|_| situation.is_none() && kernels.is_none());
    if let Some((_, lines)) = everyday {
        fix.extend(lines.iter().map(|&line| line.to_owned()));
    }
    fix.extend(kernels.as_ref().map(|used| used.fix().to_owned()));
    if kernels.is_none() || cause.party != Party::Application {
        fix.extend(crate::Page::of(cause).fixes());
    }
    let rivals = rivals(opinions, named, mechanism);
    let name = Named {
        id: cause.id,
        summary: rules.map_or(cause.sentence, |rules| rules.sentence)(dossier),
        certainty: heard.certainty.unwrap_or(Certainty::Unknown),
        situation: situation
            .as_ref()
            .map(|(situation, _)| situation.id)
            .or(everyday.map(|(id, _)| id))
            .or(kernels.map(|_| service::SITUATION)),
        mechanism: mechanism.map(|o| o.cause.id),
        rivals,
    };
    let benign = situation.is_some_and(|(situation, _)| situation.benign);
    reading::assemble(dossier, cause, name, evidence, fix, benign)
}

/// The rivals worth naming: all that still stand, then what the cause is commonly taken for and
/// what refused it; for the unknown, the refused ones that came nearest.
fn rivals(opinions: &[Opinion], named: Option<&Opinion>, mechanism: Option<&Opinion>) -> Vec<Rival> {
    const REFUSED_SHOWN: usize = 3;
    let is_named = |o: &Opinion| {
        [named, mechanism]
            .into_iter()
            .flatten()
            .any(|n| core::ptr::eq(n.cause, o.cause))
    };
    let rival = |o: &Opinion| Rival {
        id: o.cause.id,
        because: o.because(),
    };
    // What is certain leaves no room for what merely was not looked at.
    let certain = named.is_some_and(|o| o.certainty() == Certainty::Certain);
    let least = if certain {
        Certainty::Likely
    } else {
        Certainty::Possible
    };
    let mut standing: Vec<&Opinion> = opinions
        .iter()
        .filter(|o| o.holds() && o.certainty() >= least && !is_named(o))
        .collect();
    standing.sort_by_key(|o| core::cmp::Reverse(o.certainty()));
    let refused: Vec<&Opinion> = if let Some(named) = named {
        crate::Page::of(named.cause)
            .neighbours()
            .filter_map(|id| {
                opinions
                    .iter()
                    .find(|o| o.cause.id == id && o.refused() && !is_named(o))
            })
            .collect()
    } else {
        let mut near: Vec<&Opinion> = opinions.iter().filter(|o| o.refused() && o.seen() > 0).collect();
        near.sort_by_key(|o| core::cmp::Reverse(o.seen()));
        near
    };
    standing
        .into_iter()
        .chain(refused.into_iter().take(REFUSED_SHOWN))
        .map(rival)
        .collect()
}

fn push_line(evidence: &mut Vec<EvidenceLine>, finding: &Finding) {
    let (mark, what, cite) = match finding {
        Finding::Seen { what, cite } => (Mark::Seen, what, cite),
        Finding::Absent { what, cite } => (Mark::Absent, what, cite),
        Finding::Blind { why, cure } => (Mark::Blind, why, cure),
    };
    let line = EvidenceLine {
        finding: mark,
        what: what.clone(),
        cite: cite.clone(),
    };
    if !evidence.contains(&line) {
        evidence.push(line);
    }
}
