//! What a reset is when it passes: its kind, what it answers, whether it counts, and what about it
//! its name cannot have done. Refuses to name a cause.

use alloc::vec::Vec;

use whyreset_evidence::{
    Acceptable, After, Half, Join, Missing, Passed, Reason, Segment, Shape, Sign, Stage, Teller, Told,
    Trigger, Way, hops, initial_ttl,
};

use crate::half::{Last, Sent};
use crate::netscaler;
use crate::packet::{Flags, Packet, diff};
use crate::trail::Step;

mod time;

/// What comes later than this answers nothing, nanoseconds: a round trip, and the time in which the
/// next hop's address is asked for (RFC 4861 §10, three times a second).
const ANSWER_NS: u64 = 4_000_000_000;

/// Within this a box answers what it sees pass, nanoseconds.
const AT_ONCE_NS: u64 = 200_000_000;

/// What is known of the connection when a reset passes.
pub struct Scene<'a> {
    pub own: &'a Sent,
    pub other: &'a Sent,
    pub first_at: u64,
    /// The reset bears the client's name.
    pub from_client: bool,
    /// TTLs of other connections of the same address, for a name that has sent nothing here.
    pub borrowed_ttl: Option<(u8, u8)>,
    /// Which way the reset went at the capturing host.
    pub way: Way,
    /// A router's ICMP error just answered a segment of the other end.
    pub icmp: bool,
    /// The silence before the connection's newest segment, milliseconds.
    pub silence_ms: u32,
    /// What its name's part of the handshake took on its side of the capture at least, milliseconds; 0
    /// where that is not known.
    pub trip_ms: u32,
    /// A SYN with another initial number came last from the other end, within the connection.
    pub stray_syn: bool,
    /// The same of the end whose name it bears.
    pub own_stray_syn: bool,
    /// It bears another link-layer address than its name's segments.
    pub other_device: Option<bool>,
}

/// A reset with the other end's segments of late, the newest first.
pub fn passed<'a>(
    packet: &Packet<'_>,
    scene: &Scene<'_>,
    mut lately: impl Iterator<Item = &'a Step>,
) -> Passed {
    let (shape, trigger) = shape(packet, scene, &mut lately);
    // A SYN comes before whatever draws the reset of a connection. Looked for where it is asked: the trail
    // lies far and wide in memory.
    let mut opening = || {
        lately
            .find(|step| Flags(step.flags).syn())
            .map(|step| step.window)
    };
    let at = packet.at;
    let silence_ms = match &trigger {
        Some(_) if scene.other.last.at >= scene.own.last.at => scene.silence_ms.into(),
        Some(_) => 0,
        None => at.saturating_sub(scene.own.last.at.max(scene.other.last.at)) / 1_000_000,
    };
    let anything = scene.own.passed() || scene.other.passed();
    Passed {
        frame: packet.frame,
        header: header(packet),
        shape,
        acceptable: acceptable(packet, scene),
        stage: stage(scene),
        silence_ms: if anything { silence_ms } else { 0 },
        age_ms: anything.then(|| at.saturating_sub(scene.first_at) / 1_000_000),
        own: Half {
            reopens: scene.own_stray_syn,
            ..scene.own.tell(scene.other, at, scene.first_at)
        },
        window_grew: window_grew(packet, scene.own),
        other_device: scene.other_device,
        port_answers: false,
        untranslated: false,
        translated: false,
        name_went_on: false,
        other: scene.other.tell(scene.own, at, scene.first_at),
        own_acked_beyond: scene.own.acks()
            && (!scene.other.opened() || diff(scene.own.acked, scene.other.isn.wrapping_add(1)) > 0),
        near: None,
        way: scene.way,
        routed: scene.own.last.tap.is_passed_on() || scene.other.last.tap.is_passed_on(),
        missing: missing(packet, scene),
        signs: signs(packet, scene, shape, trigger.as_ref(), &mut opening),
        told: told(packet).or_else(|| netscaler::told(packet.window, packet.ttl, scene.own)),
        trigger,
        repeats: 0,
        reactions: 0,
        after: After::default(),
        join: Join::Alone,
        silence: None,
        conn_state: conn_state(scene),
    }
}

/// What the capture lacks; losses that it counts are added where all of them are known.
fn missing(packet: &Packet<'_>, scene: &Scene<'_>) -> Missing {
    let taps = [scene.own.last.tap, scene.other.last.tap];
    // What was passed over and is acknowledged all the same had come: it is missing here.
    let hole =
        |one: &Sent, two: &Sent| one.last.tap.has_hole() && two.acks() && diff(two.acked, one.nxt) >= 0;
    Missing {
        lost: 0,
        gaps: taps.iter().any(|tap| tap.has_missed())
            || no_syn_ack(scene)
            || packet.flags.ack()
                && packet.seq != 0
                && packet.options.timestamps.is_some()
                && !scene.own.opened()
            || hole(scene.own, scene.other)
            || hole(scene.other, scene.own),
        damaged: scene.own.last.tap.is_damaged(packet),
        cut: packet
            .len
            .saturating_sub(u32::try_from(packet.payload.len()).unwrap_or(u32::MAX)),
    }
}

/// The client goes on as after a SYN-ACK, and none was captured.
fn no_syn_ack(scene: &Scene<'_>) -> bool {
    let (client, server) = if scene.from_client {
        (scene.own, scene.other)
    } else {
        (scene.other, scene.own)
    };
    client.opened() && client.acks() && !server.opened()
}

/// Bytes that came free between the last ordinary segment and the reset.
fn window_grew(packet: &Packet<'_>, own: &Sent) -> u64 {
    let grew = packet.window.saturating_sub(own.last.window);
    if own.passed() && !Flags(own.last.flags).syn() {
        u64::from(grew) << own.scale()
    } else {
        0
    }
}

fn header(packet: &Packet<'_>) -> Segment {
    Segment {
        flags: packet.flags.low(),
        seq: packet.seq,
        ack: packet.ack,
        len: packet.len,
        window: packet.window,
        ttl: packet.ttl,
        payload: packet.payload.iter().copied().take(64).collect(),
    }
}

fn is_open(flags: u16) -> bool {
    Flags(flags).syn() && !Flags(flags).ack()
}

fn shape<'a>(
    packet: &Packet<'_>,
    scene: &Scene<'_>,
    lately: &mut impl Iterator<Item = &'a Step>,
) -> (Shape, Option<Trigger>) {
    let last = &scene.other.last;
    if packet.flags.ack() {
        let after_syn = scene.other.passed() && is_open(last.flags);
        let answers = packet.ack == last.seq.wrapping_add(1).wrapping_add(last.len);
        let in_handshake = scene.own.opened() && scene.own.acks();
        // Timestamps in it were agreed on, and its number was acknowledged, in a handshake that was not
        // captured.
        let acknowledged = scene.other.acks() && scene.other.acked == packet.seq;
        let agreed = packet.seq != 0 && (packet.options.timestamps.is_some() || acknowledged);
        if after_syn && answers && !agreed && (!in_handshake || packet.seq == 0) {
            return (Shape::Refusal, Some(drawn_by_last(packet, scene)));
        }
        return (Shape::Active, None);
    }
    let fits = |at: u64, flags: u16, ack: u32| {
        Flags(flags).ack() && ack == packet.seq && packet.at.saturating_sub(at) <= ANSWER_NS
    };
    if scene.other.passed() && fits(last.at, last.flags, last.ack) {
        return (Shape::Reply, Some(drawn_by_last(packet, scene)));
    }
    if let Some(step) = lately.find(|step| fits(step.at, step.flags, step.ack)) {
        return (Shape::Reply, Some(drawn_by(packet, scene, step)));
    }
    // What it answers was not captured.
    let fits_itself = !scene.other.passed() || scene.own.started() && packet.seq == scene.own.nxt;
    let shape = if packet.window == 0 && fits_itself {
        Shape::Reply
    } else {
        Shape::Odd
    };
    (shape, None)
}

fn ago(packet: &Packet<'_>, at: u64) -> f64 {
    let ago = core::time::Duration::from_nanos(packet.at.saturating_sub(at));
    ago.as_secs_f64() * 1e3
}

/// The whole number of a frame that is not later than `now`, of its lower half.
const fn whole(low: u32, now: u64) -> u64 {
    let guess = now & !0xffff_ffff | low as u64;
    if guess > now {
        guess.wrapping_sub(1 << 32)
    } else {
        guess
    }
}

fn drawn_by_last(packet: &Packet<'_>, scene: &Scene<'_>) -> Trigger {
    let last: &Last = &scene.other.last;
    Trigger {
        segment: segment(last.flags, last.seq, last.ack, last.len, last.window, last.ttl),
        ago_ms: ago(packet, last.at),
        frame: whole(last.frame, packet.frame),
        knew_fin: knew_fin(scene, last.ack),
        foreign_numbers: scene.other.foreign() || scene.stray_syn || scene.own_stray_syn,
        old_timestamp: scene.other.old(),
    }
}

fn drawn_by(packet: &Packet<'_>, scene: &Scene<'_>, step: &Step) -> Trigger {
    Trigger {
        segment: segment(step.flags, step.seq, step.ack, step.len, step.window, step.ttl),
        ago_ms: ago(packet, step.at),
        frame: step.frame,
        knew_fin: knew_fin(scene, step.ack),
        foreign_numbers: false,
        old_timestamp: false,
    }
}

fn knew_fin(scene: &Scene<'_>, ack: u32) -> bool {
    scene.own.fin() && diff(ack, scene.own.nxt) >= 0
}

fn segment(flags: u16, seq: u32, ack: u32, len: u32, window: u16, ttl: u8) -> Segment {
    Segment {
        flags: Flags(flags).low(),
        seq,
        ack,
        len,
        window,
        ttl,
        payload: Vec::new(),
    }
}

/// RFC 9293 §3.10.7.3 before the handshake is complete, RFC 5961 §3.2 afterwards.
fn acceptable(packet: &Packet<'_>, scene: &Scene<'_>) -> Acceptable {
    let (own, other) = (scene.own, scene.other);
    if other.opened() && !own.opened() && !own.acks() {
        return if packet.flags.ack() && packet.ack == other.nxt {
            Acceptable::Exact
        } else if packet.flags.ack() {
            Acceptable::Ignored
        } else {
            Acceptable::Unknown
        };
    }
    if !other.acks() {
        return Acceptable::Unknown;
    }
    let next = other.acked;
    let window = i64::from(other.last.window) << if own.scaled() { other.scale() } else { 0 };
    let ahead = i64::from(diff(packet.seq, next));
    // What the receiver took since its last acknowledgment is not seen from here.
    let under_way = own.started() && packet.seq == own.nxt;
    if ahead == 0 || under_way {
        Acceptable::Exact
    } else if (1..window.max(1)).contains(&ahead) {
        Acceptable::Challenged
    } else {
        Acceptable::Ignored
    }
}

fn stage(scene: &Scene<'_>) -> Stage {
    let (client, server) = if scene.from_client {
        (scene.own, scene.other)
    } else {
        (scene.other, scene.own)
    };
    match (client.passed() || server.passed(), client.fin(), server.fin()) {
        (false, ..) => Stage::Unknown,
        (_, true, true) => Stage::Closed,
        (_, false, false) => {
            // A client that acknowledges anything has had its SYN-ACK, captured or not.
            let greeted = client.opened() && !client.acks();
            let answered_only = server.opened() && !client.opened() && !client.acks();
            if greeted || answered_only {
                Stage::Handshake
            } else {
                Stage::Established
            }
        }
        _ => Stage::Closing,
    }
}

/// Zeek's word.
fn conn_state(scene: &Scene<'_>) -> &'static str {
    let (client, server) = if scene.from_client {
        (scene.own, scene.other)
    } else {
        (scene.other, scene.own)
    };
    match (client.opened(), server.opened(), scene.from_client) {
        (true, true, _) if client.fin() && server.fin() => "SF",
        (true, true, true) => "RSTO",
        (true, true, false) => "RSTR",
        (true, false, true) => "RSTOS0",
        (true, false, false) if !client.acks() => "REJ",
        (false, true, false) => "RSTRH",
        _ => "OTH",
    }
}

fn signs(
    packet: &Packet<'_>,
    scene: &Scene<'_>,
    shape: Shape,
    trigger: Option<&Trigger>,
    opening: &mut dyn FnMut() -> Option<u16>,
) -> Vec<Sign> {
    let (own, last) = (scene.own, &scene.other.last);
    let mut signs = Vec::new();
    // What leaves is measured before its first hop, what came in behind its last one.
    let comparable = match scene.way {
        Way::Untold => true,
        Way::Came => !own.last.tap.only_leaves(),
        Way::Left | Way::MadeHere => false,
    };
    if let Some(usual) = own
        .passed()
        .then_some(own.ttl)
        .or(scene.borrowed_ttl)
        .filter(|_| comparable)
    {
        signs.extend(distance(packet.ttl, usual).filter(|_| !beside_a_hop(packet, own, usual)));
        let (handshake, data) = (own.syn_ttl, own.last.ttl);
        if own.opened() && own.data() && handshake != data && hops(handshake).abs_diff(hops(data)) > 1 {
            signs.push(Sign::Proxied { handshake, data });
        }
    }
    // Which windows its name uses is not known where none of its segments passed; a refusal has none.
    let known = own.passed() || shape != Shape::Active;
    let mirrored = scene.other.passed()
        && known
        && packet.window == last.window
        && packet.window != 0
        && !own.used_window(packet.window)
        && !would_use(scene, opening, packet.window);
    if mirrored {
        signs.push(Sign::MirroredWindow(packet.window));
    }
    if let Some(id) = packet.id
        && scene.other.passed()
        && id > 1
        && id == last.id
        && !(own.passed() && own.last.id.abs_diff(id) < 64)
    {
        signs.push(Sign::MirroredId(id));
    }
    if shape == Shape::Reply && trigger.is_some_and(|trigger| answered_before(packet, scene, trigger)) {
        signs.push(Sign::AnsweredBefore);
    }
    if packet.flags.reserved() {
        signs.push(Sign::ReservedBits);
    }
    if shape == Shape::Refusal && packet.seq != 0 {
        signs.push(Sign::RefusalWithNumber(packet.seq));
    }
    signs.extend(time::sooner(shape, trigger, scene));
    signs.extend(time::other_clock(packet, scene));
    if scene.icmp && (trigger.is_some() || shape == Shape::Active) {
        signs.push(Sign::IcmpBeside);
    }
    signs
}

/// Whether a name of which no more than a scaled handshake passed would use this window next: the
/// handshake's as it is from then on, or what the other end uses, where its `opening` window was the same.
fn would_use(scene: &Scene<'_>, opening: &mut dyn FnMut() -> Option<u16>, window: u16) -> bool {
    let (own, other) = (scene.own, scene.other);
    if !own.passed() || !Flags(own.last.flags).syn() {
        return false;
    }
    // How its windows are scaled was cut off.
    if own.last.tap.is_syn_cut() || other.last.tap.is_syn_cut() {
        return true;
    }
    if own.scale() == 0 {
        return false;
    }
    let scaled = own.last.window >> own.scale();
    let mut alike =
        || own.scale() == other.scale() && opening().is_none_or(|opening| opening == own.last.window);
    window == scaled || window == scaled.saturating_add(1) || alike()
}

/// Whether its name had acknowledged the data that it answers. Later, or where a new connection was
/// begun, it may answer a segment that was not captured.
fn answered_before(packet: &Packet<'_>, scene: &Scene<'_>, trigger: &Trigger) -> bool {
    let (own, drew) = (scene.own, &trigger.segment);
    #[expect(clippy::cast_precision_loss, reason = "a fifth of a second")]
    let at_once = trigger.ago_ms <= AT_ONCE_NS as f64 / 1e6 && !scene.own_stray_syn;
    let since = ago(packet, own.last.at) < trigger.ago_ms;
    let all = own.acks() && diff(own.acked, drew.seq.wrapping_add(drew.len)) >= 0;
    drew.len > 0 && at_once && since && all
}

/// On a router that was captured on both sides, where one copy of the reset or of its name's segments
/// is missing: its TTL is theirs before or behind this hop.
fn beside_a_hop(packet: &Packet<'_>, own: &Sent, (low, high): (u8, u8)) -> bool {
    let tap = own.last.tap;
    let crossed = tap.is_on_both_sides() || packet.outgoing == Some(true) && tap.comes_in();
    crossed && (low.saturating_sub(1)..=high.saturating_add(1)).contains(&packet.ttl)
}

/// A TTL that its name never used: another distance, or another stack at the same one.
fn distance(ttl: u8, usual: (u8, u8)) -> Option<Sign> {
    let (low, high) = usual;
    if (low..=high).contains(&ttl) {
        return None;
    }
    let apart = [low, high].into_iter().map(|one| {
        (
            hops(one).abs_diff(hops(ttl)),
            initial_ttl(one) == initial_ttl(ttl),
        )
    });
    let steady = low == high;
    let far = apart
        .clone()
        .all(|(apart, same)| if same && steady { apart >= 1 } else { apart > 1 });
    Some(if far {
        Sign::OtherDistance { ttl, usual }
    } else {
        Sign::OtherTtl { ttl, usual }
    })
}

fn told(packet: &Packet<'_>) -> Option<Told> {
    use alloc::string::{String, ToString as _};
    if packet.options.mptcp_fastclose {
        return Some(Told {
            by: Teller::MptcpFastclose,
            reason: Reason::Other,
            text: "MP_FASTCLOSE".to_string(),
        });
    }
    if let Some(code) = packet.options.mptcp_reset {
        return Some(Told {
            by: Teller::Mptcp,
            reason: Reason::Other,
            text: mptcp(code).to_string(),
        });
    }
    let payload = packet.payload;
    if let [0x33, 0xaa, high, low, ..] = payload
        && payload.len() == 8
    {
        let code = u16::from_be_bytes([*high, *low]);
        return Some(Told {
            by: Teller::Diagnostic,
            reason: if code == 14 { Reason::Idle } else { Reason::Other },
            text: diagnostic(code).to_string(),
        });
    }
    if payload.len() < 4 || packet.len == 0 {
        return None;
    }
    let words: String = payload
        .iter()
        .take(96)
        .map_while(|byte| (byte.is_ascii_graphic() || *byte == b' ').then_some(char::from(*byte)))
        .collect();
    let words = words.trim();
    if words.len() < 4 {
        return None;
    }
    let (by, words) = match words.split_once("BIG-IP: ") {
        Some((_, cause)) => (Teller::F5, cause),
        None => (Teller::Text, words),
    };
    let has = |what: &str| words.contains(what);
    let reason = if has("RST from remote") || has("{peer}") {
        Reason::PassedOn
    } else if has("No flow found") || has("No local listener") {
        Reason::Stray
    } else if has("Policy") || has("denied") || has("Access Denied") {
        Reason::Policy
    } else if has("timeout") || has("Idle") {
        Reason::Idle
    } else {
        Reason::Other
    };
    Some(Told {
        by,
        reason,
        text: words.to_string(),
    })
}

/// RFC 8684 §3.6.
const fn mptcp(code: u8) -> &'static str {
    match code {
        0 => "unspecified",
        1 => "Multipath TCP specific",
        2 => "lack of resources",
        3 => "administratively prohibited",
        4 => "too much outstanding data",
        5 => "unacceptable performance",
        6 => "middlebox interference",
        _ => "an unknown code",
    }
}

/// draft-ietf-tcpm-rst-diagnostic-payload, the registry of codes.
const fn diagnostic(code: u16) -> &'static str {
    match code {
        1 => "illegal option length",
        2 => "desynchronised numbers",
        3 => "data after CLOSE",
        4 => "ABORT",
        5 => "unexpected ACK before the handshake's end",
        6 => "SYN in the window",
        7 => "security",
        8 => "malformed",
        9 => "not authorised",
        10 => "resources",
        11 => "network failure",
        12 => "reset by the peer",
        13 => "unreachable",
        14 => "connection timeout",
        15 => "unacceptable performance",
        16 => "too much outstanding data",
        17 => "middlebox interference",
        _ => "an unknown code",
    }
}
