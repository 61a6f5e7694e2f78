//! What all points say of a reset that one of them told. Refuses to take a point's silence for proof
//! where it lost packets, or does not reach so far.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use whyreset_evidence::{Acceptable, Join, Passed, Segment, Shape, Side};

use super::course::Course;
use super::echo;
use super::place::{self, Place};
use super::{Point, ResetSeen, Seen};
use crate::key::Key;
use crate::packet::{Flags, diff};
use crate::table::Told;

/// What the points say of one reset.
pub struct View {
    pub join: Join,
    pub cites: String,
    /// The group of a copy that was told before.
    pub group: Option<usize>,
    /// Point, connection and place of every copy of the reset.
    pub copies: Vec<(usize, Key, usize)>,
    pub here: Place,
    /// At the host behind it the end whose name it bears has another address.
    pub translated: bool,
    /// It did not send the reset, and went on at its own place as if there had been none.
    pub name_went_on: bool,
    /// The place nearest to its sender has none of its name's segments that passed here shortly
    /// before: whether its capture had begun by then.
    pub stranger: Option<bool>,
    /// Elsewhere it only came behind another one in its name, which its sender's own place lacks.
    pub is_echo: bool,
    pub from_client: bool,
}

/// What the other points say of a reset that `index` told.
pub fn view(points: &[Point], index: usize, one: &Told) -> Option<View> {
    let flow = one.dossier.flow;
    let (fact, passed) = one.dossier.passed()?;
    let (key, client) = Key::of(flow.client, flow.server);
    let here = points[index].flows.get(&key)?;
    let from_client = fact.side == Some(Side::Client);
    let mut group = None;
    let mut copies = Vec::new();
    // Every point that has the connection: where it stands, and whether the reset passed there.
    let mut saw: Vec<(Place, bool, Option<String>)> = Vec::new();
    for (other, point) in points.iter().enumerate() {
        let Some(there) = point.same(&key, here) else {
            continue;
        };
        let Some(seen) = point.flows.get(&there) else {
            continue;
        };
        let found = copy(seen, here, &passed.header, from_client, other != index);
        let mut changed = None;
        if let Some(found) = found {
            group = group.or(found.1.group);
            copies.push((other, there, found.0));
            changed = found.2.map(|what| format!("{what} at {}", point.name));
        }
        let direction = if there == key { Some(client) } else { seen.client };
        saw.push((
            Place::new(other, seen, direction, there == key),
            found.is_some(),
            changed,
        ));
    }
    let cites = cites(points, index, one, &copies);
    let mine = saw.iter().find(|(place, ..)| place.point == index)?.0;
    let alone = saw.len() < 2;
    let nearest = |client: bool| {
        saw.iter()
            .max_by(|(one, ..), (two, ..)| place::to_sender(one, two, client))
    };
    let mut name_went_on = false;
    let join = match (nearest(from_client), nearest(!from_client)) {
        _ if alone => Join::Alone,
        (Some((sender, sent, _)), Some((receiver, arrived, _)))
            if place::to_sender(sender, receiver, from_client).is_gt() =>
        {
            let changed = saw.iter().find_map(|(.., changed)| changed.clone());
            match (sent, arrived) {
                (true, true) => changed.map_or(Join::SentAndArrived, Join::Changed),
                (true, false) => match silent(points, receiver.point, index, one, &key) {
                    Err(why) => Join::Undecided(why),
                    Ok(_) => Join::NeverArrived,
                },
                (false, true) => match silent(points, sender.point, index, one, &key) {
                    Err(why) => Join::Undecided(why),
                    // Behind another address stands another host.
                    Ok(_) if !sender.same_name && passed.shape == Shape::Reply => Join::Translated,
                    Ok(on) => {
                        name_went_on = on;
                        Join::NeverSent
                    }
                },
                (false, false) => Join::Undecided("it passed between the two ends' captures only".into()),
            }
        }
        _ => Join::Undecided(
            "which capture stands at which end cannot be told: no handshake is in both, and no TTL differs"
                .into(),
        ),
    };
    let sender = nearest(from_client);
    let ordered = |(sender, ..): &&(Place, bool, Option<String>)| {
        nearest(!from_client).is_some_and(|(other, ..)| place::to_sender(sender, other, from_client).is_gt())
    };
    let translated = sender
        .filter(ordered)
        .is_some_and(|(sender, ..)| !sender.same_name);
    let stranger = sender
        .filter(|(_, sent, _)| *sent && join == Join::SentAndArrived)
        .and_then(|(sender, ..)| stranger(points, sender, &copies, passed, !from_client));
    let sent_at = sender
        .filter(ordered)
        .and_then(|(sender, sent, _)| sent.then_some(sender.point));
    let echo = sent_at.map(|sender| echo::of(points, index, sender, &copies));
    let is_echo = echo.as_ref().is_some_and(|echo| echo.is_behind_another);
    if let Some(echo) = echo {
        group = group.or(echo.group);
        copies.extend(echo.copies);
    }
    Some(View {
        join,
        translated,
        name_went_on,
        stranger,
        is_echo,
        cites,
        group,
        copies,
        here: mine,
        from_client,
    })
}

/// Whether the capture at this place had begun when its name's last segment passed elsewhere, of which
/// it has none; `None` where it has some, or none had passed.
fn stranger(
    points: &[Point],
    sender: &Place,
    copies: &[(usize, Key, usize)],
    passed: &Passed,
    of_server: bool,
) -> Option<bool> {
    let ago = passed.own.last_ago_ms?.saturating_mul(1_000_000);
    let point = points.get(sender.point)?;
    let (_, key, place) = copies.iter().find(|(point, ..)| *point == sender.point)?;
    let at = point.flows.get(key)?.resets.get(*place)?.at;
    let begun = point.lost == 0 && at.saturating_sub(ago) > point.first_at;
    (!sender.saw(usize::from(of_server))).then_some(begun)
}

/// The same reset among those of another point, its place there, and how it was changed.
fn copy<'a>(
    seen: &'a Seen,
    here: &Seen,
    header: &Segment,
    from_client: bool,
    elsewhere: bool,
) -> Option<(usize, &'a ResetSeen, Option<&'static str>)> {
    /// Numbers this near are one reset's that was changed on its way.
    const NEAR: u32 = 1 << 20;
    let shift = |side: usize| match (here.isn[side], seen.isn[side]) {
        (Some(one), Some(two)) => two.wrapping_sub(one),
        _ => 0,
    };
    let own = usize::from(!from_client);
    let (seq, ack) = (
        header.seq.wrapping_add(shift(own)),
        header.ack.wrapping_add(shift(1 - own)),
    );
    let with_ack = header.flags.has(whyreset_evidence::Flags::ACK);
    let of_its_name =
        |at: &Seen, reset: &ResetSeen| at.bears_client(reset.direction).unwrap_or(from_client) == from_client;
    let resets = seen
        .resets
        .iter()
        .enumerate()
        .filter(|(_, reset)| of_its_name(seen, reset));
    let numbered = |reset: &ResetSeen| reset.seq == seq && (!with_ack || reset.ack == ack);
    let unchanged = |reset: &ResetSeen| {
        numbered(reset) && reset.window == header.window && Flags(reset.flags).low() == header.flags
    };
    if let Some((place, reset)) = resets.clone().find(|(_, reset)| unchanged(reset)) {
        return Some((place, reset, None));
    }
    // What came here as it is there is none that was changed on its way here.
    let came_as_it_is = |reset: &ResetSeen| {
        here.resets.iter().any(|came| {
            let acks = Flags(came.flags).ack();
            of_its_name(here, came)
                && came.seq.wrapping_add(shift(own)) == reset.seq
                && (!acks || came.ack.wrapping_add(shift(1 - own)) == reset.ack)
                && (came.window, came.flags) == (reset.window, reset.flags)
        })
    };
    let mut resets = resets.filter(|(_, reset)| !came_as_it_is(reset));
    if let Some((place, reset)) = resets.clone().find(|(_, reset)| numbered(reset)) {
        return Some((place, reset, Some("window or flags differ")));
    }
    resets
        .find(|(_, reset)| diff(reset.seq, seq).unsigned_abs() < NEAR && elsewhere)
        .map(|(place, reset)| (place, reset, Some("its numbers differ")))
}

/// Whether a point's silence about a reset proves anything: where it does, whether the end whose name
/// it bears went on there as if it had sent none.
///
/// # Errors
/// Why it proves nothing.
fn silent(points: &[Point], place: usize, told_by: usize, one: &Told, key: &Key) -> Result<bool, String> {
    let unknown = || "the connection is not in both captures".to_string();
    let point = &points[place];
    if point.lost > 0 {
        return Err(format!("{} has {} lost packets", point.name, point.lost));
    }
    let here = points[told_by].flows.get(key).ok_or_else(unknown)?;
    let there = point
        .same(key, here)
        .and_then(|key| point.flows.get(&key))
        .ok_or_else(unknown)?;
    // The offset of the two clocks, as this connection's own handshake tells it.
    let at = one.dossier.time().0;
    let offset = match (here.syn_at, there.syn_at) {
        ([Some(one), _], [Some(two), _]) | ([_, Some(one)], [_, Some(two)]) if one <= at => {
            two.cast_signed().wrapping_sub(one.cast_signed())
        }
        _ => return Err("no handshake is in both captures: how their clocks differ is not known".into()),
    };
    let when = at.cast_signed().wrapping_add(offset);
    let margin = there
        .wait()
        .unwrap_or(0)
        .max(here.wait().unwrap_or(0))
        .cast_signed()
        + 1_000_000;
    let covered =
        when - margin >= point.first_at.cast_signed() && when - margin <= point.last_at.cast_signed();
    if !covered {
        return Err(format!("{} does not reach to that time", point.name));
    }
    let lacks = format!("{} lacks segments of this connection", point.name);
    let ([Some(_), Some(_)], Some((fact, passed))) = (there.isn, one.dossier.passed()) else {
        return Err(lacks);
    };
    let from_client = fact.side == Some(Side::Client);
    let shift = |side: usize| match (here.isn[side], there.isn[side]) {
        (Some(one), Some(two)) => two.wrapping_sub(one),
        _ => 0,
    };
    let (own, other) = (usize::from(!from_client), usize::from(from_client));
    let seq = passed.header.seq.wrapping_add(shift(own));
    let client = there.client.ok_or_else(unknown)?;
    let name = if from_client { client } else { client.other() };
    let course = &there.courses[name.index()];
    let active = passed.shape == Shape::Active && passed.acceptable == Acceptable::Exact;
    // What came of its name without having been sent was sent all the same, and is missing there.
    let named_here = here
        .client
        .map(|client| if from_client { client } else { client.other() });
    let course_here = named_here.map(|name| &here.courses[name.index()]);
    let came = here
        .resets
        .iter()
        .find(|reset| reset.at == at && reset.seq == passed.header.seq);
    let unsent = came.is_some_and(|reset| reset.still > course.still())
        || course_here.is_some_and(|came| course.lacks_the_fin_of(came, shift(own)));
    if there.courses.iter().any(Course::lacks) || unsent || active && course.ends_before(seq) {
        return Err(lacks);
    }
    let refused = passed.trigger.as_ref().filter(|trigger| trigger.segment.len > 0);
    let refused = refused.map(|trigger| {
        let end = trigger.segment.seq.wrapping_add(trigger.segment.len);
        end.wrapping_add(shift(other))
    });
    // What came to it later may have drawn the reset, and be missing where that was told.
    let refused = refused.filter(|&end| !there.courses[name.other().index()].goes_beyond(end));
    // A bare RST bears the number that was acknowledged to it: more may have been on its way long before.
    let with_ack = passed.header.flags.has(whyreset_evidence::Flags::ACK);
    let seq = with_ack.then_some(seq);
    // A clock that was set between handshake and reset makes what came before look later: both places
    // must have heard the name after the reset.
    let after = when.wrapping_add(margin).cast_unsigned();
    let heard_here = course_here.is_some_and(|came| {
        let after = at.saturating_add(margin.unsigned_abs());
        came.heard_after(one.frame, after, course, (shift(own), shift(other)))
    });
    let went_on = course.went_on(seq, refused) || course.sent_after(after) && heard_here;
    if point.lossy && !went_on {
        return Err(format!("{} lacks segments of its connections", point.name));
    }
    Ok(went_on)
}

fn cites(points: &[Point], index: usize, one: &Told, copies: &[(usize, Key, usize)]) -> String {
    let others = copies.iter().filter(|(point, ..)| *point != index);
    let mut out = String::new();
    for (point, key, place) in others {
        let at = points[*point]
            .flows
            .get(key)
            .and_then(|seen| Some(seen.resets.get(*place)?.at));
        if let Some(at) = at {
            let seconds = core::time::Duration::from_nanos(at.abs_diff(one.dossier.time().0)).as_secs_f64();
            _ = write!(
                out,
                ", {} ({seconds:.6} s apart by the clocks)",
                points[*point].name
            );
        }
    }
    out
}
