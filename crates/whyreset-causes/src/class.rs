//! Resets that get the same verdict but for their numbers. For captures with hundreds of thousands
//! of resets: one of a class is judged, the others are counted with it. Refuses to guess: whatever
//! a rule of a capture asks is part of the class.

use alloc::vec::Vec;

use core::hash::{Hash, Hasher};
use core::mem::{Discriminant, discriminant};

use whyreset_evidence::{
    Acceptable, Certainty, Dossier, Half, Join, Missing, Passed, Reason, Shape, Side, Sign, Speaks, Stage,
    Teller, Trigger, Way,
};

use crate::wire;
use crate::{idle, pattern};

/// The class of a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    from: Option<Side>,
    kind: (Shape, Stage, Acceptable),
    signs: Vec<(Discriminant<Sign>, bool)>,
    told: Option<(Teller, Reason)>,
    join: Discriminant<Join>,
    own: HalfClass,
    other: HalfClass,
    trigger: Option<TriggerClass>,
    way: Way,
    /// One bit each, in the order of [`facts`]: they are hashed for every reset.
    facts: u32,
    /// Ports that expect a protocol are classes of their own.
    port: Option<u16>,
}

/// In few words: it is asked for each of hundreds of thousands.
impl Hash for Class {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self {
            from,
            kind: (shape, stage, acceptable),
            signs,
            told,
            join,
            own,
            other,
            trigger,
            way,
            facts,
            port,
        } = self;
        hasher.write_u64(u64::from(own.facts) << 32 | u64::from(other.facts));
        let drawn = trigger.as_ref().map_or(0, |trigger| {
            1 << 16 | u64::from(trigger.flags) << 8 | u64::from(trigger.facts)
        });
        hasher.write_u64(u64::from(*facts) << 32 | drawn);
        let few = [
            from.map_or(0, |from| 1 + from as u8),
            *shape as u8,
            *stage as u8,
            *acceptable as u8,
            *way as u8,
            own.unacked << 4 | other.unacked,
        ];
        let few = few.into_iter().fold(0, |few, one| few << 8 | u64::from(one));
        hasher.write_u64(few << 16 | u64::from(port.unwrap_or(0)));
        if own.speaks.is_some() || other.speaks.is_some() {
            (own.speaks, other.speaks).hash(hasher);
        }
        if !signs.is_empty() || told.is_some() || *join != discriminant(&Join::Alone) {
            (signs, told, join).hash(hasher);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct HalfClass {
    /// One bit each, in the order of [`half`].
    facts: u32,
    /// 0, 1, more: what stands out beside a FIN.
    unacked: u8,
    speaks: Option<Speaks>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TriggerClass {
    flags: u8,
    /// One bit each, in the order of [`trigger`].
    facts: u32,
}

/// One bit each.
fn bits<const COUNT: usize>(facts: [bool; COUNT]) -> u32 {
    const { assert!(COUNT <= 32, "there are so many bits") };
    facts
        .into_iter()
        .fold(0, |bits, holds| bits << 1 | u32::from(holds))
}

fn half(half: &Half) -> HalfClass {
    let quiet = half.data_ago_ms.zip(half.fin_ago_ms);
    HalfClass {
        facts: bits([
            half.opened,
            half.syn_repeats > 0,
            half.full_syn,
            half.syn_cut,
            half.reopens,
            half.zero_window,
            half.fin_ago_ms.is_some(),
            half.fin_acked,
            half.bytes > 0,
            half.last_ago_ms.is_some(),
            half.bytes >= pattern::UPLOAD,
            half.unanswered > 0,
            half.unacked >= half.bytes,
            half.retransmits >= wire::GAVE_UP_AFTER,
            half.probes >= wire::PROBED,
            half.alert,
            quiet.is_some_and(|(data, fin)| data.saturating_sub(fin) >= idle::LONG_MS),
        ]),
        unacked: u8::try_from(half.unacked).unwrap_or(2).min(2),
        speaks: half.speaks,
    }
}

/// What else the rules ask.
fn facts(passed: &Passed) -> u32 {
    let Missing {
        lost,
        gaps,
        damaged,
        cut,
    } = passed.missing;
    let just_answered =
        |ago: u64| ago <= wire::JUST_ANSWERED_MS && passed.silence_ms <= wire::JUST_ANSWERED_MS;
    bits([
        passed.header.window == 0,
        passed.own_acked_beyond,
        wire::is_a_timer(passed),
        passed.age_ms.is_some_and(|age| age <= wire::SOON_MS),
        passed.window_grew >= wire::ROOM,
        passed.own.data_ago_ms.is_some_and(just_answered),
        passed.age_ms.is_some_and(|age| age > wire::AT_ONCE_MS),
        wire::was_just_there(passed),
        passed.port_answers,
        passed.untranslated,
        wire::read_at_once(passed),
        passed.after.went_on,
        lost > 0,
        gaps,
        damaged,
        cut > 0,
        passed.translated,
        passed.name_went_on,
        passed.silence_ms >= wire::SETTLED_MS,
        wire::stopped_early(passed),
        wire::answers_the_fins_ack(passed),
        wire::is_small_and_whole(passed),
        wire::comes_from_nearer(passed),
        wire::many_guesses(passed).is_some(),
    ])
}

fn trigger(trigger: &Trigger) -> TriggerClass {
    TriggerClass {
        flags: trigger.segment.flags.0,
        facts: bits([
            trigger.segment.len > 0,
            trigger.knew_fin,
            trigger.foreign_numbers,
            trigger.old_timestamp,
        ]),
    }
}

impl Class {
    /// The class of a reset that passed a capture point; `None` for any other dossier.
    pub fn of(dossier: &Dossier) -> Option<Self> {
        let (_, passed): (_, &Passed) = dossier.passed()?;
        let port = dossier.flow.server.port();
        Some(Self {
            from: dossier.from(),
            kind: (passed.shape, passed.stage, passed.acceptable),
            signs: passed
                .signs
                .iter()
                .map(|sign| (discriminant(sign), sign.is_strong()))
                .collect(),
            told: passed.told.as_ref().map(|told| (told.by, told.reason)),
            join: discriminant(&passed.join),
            own: half(&passed.own),
            other: half(&passed.other),
            trigger: passed.trigger.as_ref().map(trigger),
            way: passed.way,
            facts: facts(passed),
            port: wire::expects(port).map(|_| port),
        })
    }
}

/// What is counted of a verdict without judging again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gist {
    /// The cause's id.
    pub cause: &'static str,
    /// How sure.
    pub certainty: Certainty,
    /// The situation's id.
    pub situation: Option<&'static str>,
    /// Harms nobody.
    pub benign: bool,
}

impl Gist {
    /// Of a verdict.
    pub fn of(verdict: &whyreset_evidence::Verdict) -> Self {
        Self {
            cause: verdict.cause.id,
            certainty: verdict.cause.certainty,
            situation: verdict.cause.situation,
            benign: verdict.reset.benign,
        }
    }
}
