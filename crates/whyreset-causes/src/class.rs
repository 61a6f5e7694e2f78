//! Resets that get the same verdict but for their numbers. For captures with hundreds of thousands
//! of resets: one of a class is judged, the others are counted with it. Refuses to guess: whatever
//! a rule of a capture asks is part of the class.

use alloc::vec::Vec;

use core::mem::{Discriminant, discriminant};

use whyreset_evidence::{
    Acceptable, Certainty, Dossier, Half, Join, Missing, Passed, Reason, Shape, Side, Sign, Speaks, Stage,
    Teller, Trigger, Way,
};

use crate::wire;
use crate::{idle, pattern};

/// The class of a reset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    from: Option<Side>,
    kind: (Shape, Stage, Acceptable),
    windowless: bool,
    signs: Vec<(Discriminant<Sign>, bool)>,
    told: Option<(Teller, Reason)>,
    join: Discriminant<Join>,
    own: HalfClass,
    other: HalfClass,
    acked_beyond: bool,
    trigger: Option<TriggerClass>,
    timer: bool,
    soon: bool,
    window_grew: bool,
    just_answered: bool,
    stood: bool,
    just_there: bool,
    port_answers: bool,
    untranslated: bool,
    read_at_once: bool,
    went_on: bool,
    way: Way,
    /// One bit each, in the order of [`rare`].
    rare: u16,
    /// Ports that expect a protocol are classes of their own.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct HalfClass {
    opened: bool,
    syn_repeated: bool,
    full_syn: bool,
    syn_cut: bool,
    reopens: bool,
    zero_window: bool,
    fin: bool,
    fin_acked: bool,
    spoke: bool,
    passed: bool,
    upload: bool,
    unanswered: bool,
    /// 0, 1, more: what stands out beside a FIN.
    unacked: u64,
    all_unacked: bool,
    in_vain: bool,
    probed: bool,
    speaks: Option<Speaks>,
    alert: bool,
    idle_close: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TriggerClass {
    flags: u8,
    data: bool,
    knew_fin: bool,
    foreign: bool,
    old: bool,
}

fn half(half: &Half) -> HalfClass {
    let quiet = half.data_ago_ms.zip(half.fin_ago_ms);
    HalfClass {
        opened: half.opened,
        syn_repeated: half.syn_repeats > 0,
        full_syn: half.full_syn,
        syn_cut: half.syn_cut,
        reopens: half.reopens,
        zero_window: half.zero_window,
        fin: half.fin_ago_ms.is_some(),
        fin_acked: half.fin_acked,
        spoke: half.bytes > 0,
        passed: half.last_ago_ms.is_some(),
        upload: half.bytes >= pattern::UPLOAD,
        unanswered: half.unanswered > 0,
        unacked: half.unacked.min(2),
        all_unacked: half.unacked >= half.bytes,
        in_vain: half.retransmits >= wire::GAVE_UP_AFTER,
        probed: half.probes >= wire::PROBED,
        speaks: half.speaks,
        alert: half.alert,
        idle_close: quiet.is_some_and(|(data, fin)| data.saturating_sub(fin) >= idle::LONG_MS),
    }
}

/// What is seldom so, as bits: they are hashed for every reset.
fn rare(passed: &Passed) -> u16 {
    let Missing {
        lost,
        gaps,
        damaged,
        cut,
    } = passed.missing;
    [
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
    ]
    .into_iter()
    .fold(0, |bits, holds| bits << 1 | u16::from(holds))
}

fn trigger(trigger: &Trigger) -> TriggerClass {
    TriggerClass {
        flags: trigger.segment.flags.0,
        data: trigger.segment.len > 0,
        knew_fin: trigger.knew_fin,
        foreign: trigger.foreign_numbers,
        old: trigger.old_timestamp,
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
            windowless: passed.header.window == 0,
            signs: passed
                .signs
                .iter()
                .map(|sign| (discriminant(sign), sign.is_strong()))
                .collect(),
            told: passed.told.as_ref().map(|told| (told.by, told.reason)),
            join: discriminant(&passed.join),
            own: half(&passed.own),
            other: half(&passed.other),
            acked_beyond: passed.own_acked_beyond,
            trigger: passed.trigger.as_ref().map(trigger),
            timer: wire::is_a_timer(passed),
            soon: passed.age_ms.is_some_and(|age| age <= wire::SOON_MS),
            window_grew: passed.window_grew >= wire::ROOM,
            just_answered: passed
                .own
                .data_ago_ms
                .is_some_and(|ago| ago <= wire::JUST_ANSWERED_MS)
                && passed.silence_ms <= wire::JUST_ANSWERED_MS,
            stood: passed.age_ms.is_some_and(|age| age > wire::AT_ONCE_MS),
            just_there: wire::was_just_there(passed),
            port_answers: passed.port_answers,
            untranslated: passed.untranslated,
            read_at_once: wire::read_at_once(passed),
            went_on: passed.after.went_on,
            way: passed.way,
            rare: rare(passed),
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
