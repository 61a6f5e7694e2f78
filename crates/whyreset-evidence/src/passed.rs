//! A reset as it passed a capture point, with what had passed there before and after it. Refuses
//! to say who sent it: a header bears a name, and anybody can write one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::fmt;

use crate::{Segment, Side, Stage};

/// One reset on the wire and its history. Spans are milliseconds of capture time.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// Its frame, 1-based.
    pub frame: u64,
    /// The reset's own header.
    pub header: Segment,
    /// What kind of reset its header makes it.
    pub shape: Shape,
    /// The segment of the other end that it answers, where one fits.
    pub trigger: Option<Trigger>,
    /// What a receiver that follows RFC 5961 does with it.
    pub acceptable: Acceptable,
    /// Where in its life the connection was.
    pub stage: Stage,
    /// Silence on the whole connection before the segment that drew it, or before the reset
    /// where nothing drew it.
    pub silence_ms: u64,
    /// Since the first segment of the connection that was seen.
    pub age_ms: Option<u64>,
    /// The end in whose name it came.
    pub own: Half,
    /// The other end.
    pub other: Half,
    /// It bears another link-layer address than its name's segments before, or left a host whose own
    /// capture has none of these; `None` where no capture tells.
    pub other_device: Option<bool>,
    /// The port that it refuses for had taken a connection shortly before, and took one again
    /// shortly after.
    pub port_answers: bool,
    /// What drew it belongs, by its numbers, to another connection of the same port with another
    /// address: a translation that was left out on its way.
    pub untranslated: bool,
    /// At the host behind it, the end whose name it bears has another address: a box between
    /// translates.
    pub translated: bool,
    /// At its own host the end whose name it bears sent none, and went on as if there had been none.
    pub name_went_on: bool,
    /// By how many bytes the reset's window is greater than the one that its name had last
    /// advertised: room that unread data had taken.
    pub window_grew: u64,
    /// It had acknowledged more than the other end's SYN.
    pub own_acked_beyond: bool,
    /// The end at whose host the capture was made, where that shows.
    pub near: Option<Side>,
    /// Which way it went at the capturing host.
    pub way: Way,
    /// Segments of the connection came in at the capturing host and were sent on by it, as a router or
    /// as a bridge.
    pub routed: bool,
    /// What of the connection may have passed and is not in the capture.
    pub missing: Missing,
    /// What speaks against its sender's being the end whose name it bears.
    pub signs: Vec<Sign>,
    /// The reason that the reset itself bears.
    pub told: Option<Told>,
    /// Further resets in the same name that only repeat it.
    pub repeats: u32,
    /// Resets that only answer what was still under way.
    pub reactions: u32,
    /// What passed afterwards.
    pub after: After,
    /// What the other captures of the same connection say.
    pub join: Join,
    /// Other connections of the same capture that ended in the same way after the same silence.
    pub silence: Option<Alike>,
    /// Zeek's word for the connection's end (`conn_state`).
    pub conn_state: &'static str,
}

/// The kinds of reset, by flags and numbers (RFC 9293 §3.5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// RST and ACK with the connection's own numbers: whoever sent it had the connection.
    Active,
    /// A bare RST whose number is the acknowledgment of what it answers: whoever sent it had no
    /// live connection.
    Reply,
    /// RST and ACK with number 0 to a SYN.
    Refusal,
    /// None of these.
    #[default]
    Odd,
}

/// Which way a reset went at the host that captured it, by the marks of the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Way {
    /// The capture does not mark it, or not clearly.
    #[default]
    Untold,
    /// It came in: another host sent it.
    Came,
    /// It left in a name whose segments only ever left here.
    Left,
    /// It left without having come in, in a name whose segments come in here and are sent on: the
    /// capturing host itself made it.
    MadeHere,
}

/// What speaks against taking for unsent what was not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Packets that the capturing host counted as lost while the connection was followed.
    pub lost: u64,
    /// Segments were acknowledged, or passed over, that are not in the capture.
    pub gaps: bool,
    /// The reset's checksum does not hold: its receiver drops it, and its header may not be its
    /// sender's.
    pub damaged: bool,
    /// Payload of the reset that the capture cut off, bytes.
    pub cut: u32,
}

impl Missing {
    /// Whether something that passed may not have been seen.
    pub const fn any(self) -> bool {
        self.lost > 0 || self.gaps
    }
}

/// The segment that drew a reset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    /// The segment.
    pub segment: Segment,
    /// How long before the reset it passed.
    pub ago_ms: f64,
    /// Its frame.
    pub frame: u64,
    /// It acknowledges the FIN of the reset's sender.
    pub knew_fin: bool,
    /// It acknowledges what the reset's sender never sent, or repeats what was long acknowledged.
    pub foreign_numbers: bool,
    /// Its timestamp is older than one that the same end had sent before (RFC 7323 §5).
    pub old_timestamp: bool,
}

/// RFC 5961 §3.2, from the numbers the receiver had last acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Acceptable {
    /// The exact number: the connection ends.
    Exact,
    /// In the window and not exact: answered with a challenge ACK.
    Challenged,
    /// Outside the window: dropped.
    Ignored,
    /// Nothing to measure it by.
    #[default]
    Unknown,
}

/// What one end had sent, as far as it was seen, when the reset passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Half {
    /// Its SYN or SYN-ACK was seen.
    pub opened: bool,
    /// How often that was repeated.
    pub syn_repeats: u32,
    /// It bore a window scale or timestamps, as a host's own stack sends it.
    pub full_syn: bool,
    /// Its options were cut off by the capture.
    pub syn_cut: bool,
    /// Its last segment is a SYN of another connection between the same ends.
    pub reopens: bool,
    /// Since its FIN.
    pub fin_ago_ms: Option<u64>,
    /// Its FIN had been acknowledged.
    pub fin_acked: bool,
    /// Payload bytes sent.
    pub bytes: u64,
    /// Since its last segment.
    pub last_ago_ms: Option<u64>,
    /// Since its last new payload.
    pub data_ago_ms: Option<u64>,
    /// Payload bytes sent since the other end's last payload.
    pub unanswered: u64,
    /// Bytes sent and not acknowledged by the other end.
    pub unacked: u64,
    /// Retransmissions since anything came back.
    pub retransmits: u32,
    /// Keep-alive probes (RFC 1122 §4.2.3.6) since anything came back.
    pub probes: u32,
    /// Its last window was closed.
    pub zero_window: bool,
    /// What its first payload is.
    pub speaks: Option<Speaks>,
    /// Its last payload is a TLS alert record, or of the size of a sealed one.
    pub alert: bool,
    /// Smallest and greatest TTL or hop limit of its ordinary segments.
    pub ttl: Option<(u8, u8)>,
}

/// Protocols by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaks {
    /// A TLS handshake.
    Tls,
    /// A TLS alert, and nothing before it.
    TlsAlert,
    /// An HTTP request.
    HttpRequest,
    /// An HTTP response with this status.
    HttpResponse(u16),
    /// An SSH banner.
    Ssh,
    /// A greeting of a line protocol (SMTP, FTP).
    Greeting,
    /// Any other that was recognised.
    Other(&'static str),
}

impl Speaks {
    /// The protocol's name, the same for both ends of one conversation.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Tls | Self::TlsAlert => "TLS",
            Self::HttpRequest | Self::HttpResponse(_) => "HTTP",
            Self::Ssh => "SSH",
            Self::Greeting => "a line protocol",
            Self::Other(name) => name,
        }
    }
}

/// What one thing about the reset says of its sender.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// Its TTL is not among its name's, and the distance that it tells is another one.
    OtherDistance {
        /// The reset's.
        ttl: u8,
        /// Its name's ordinary segments.
        usual: (u8, u8),
    },
    /// Its TTL is not among its name's; the distance is the same, or next to it.
    OtherTtl {
        /// The reset's.
        ttl: u8,
        /// Its name's ordinary segments.
        usual: (u8, u8),
    },
    /// It repeats the window of the segment it answers, which its name never used.
    MirroredWindow(u16),
    /// It repeats the IP identification of the segment it answers.
    MirroredId(u16),
    /// Reserved header bits are set.
    ReservedBits,
    /// So many in one breath with one number and one IP identification.
    Burst(u32),
    /// Several with numbers that guess ahead.
    Guesses(u32),
    /// It refuses a SYN with a number, where RFC 9293 §3.10.7.1 has zero.
    RefusalWithNumber(u32),
    /// Its name went on as if it had sent none.
    NameWentOn,
    /// Its name had acknowledged the very segment that it refuses.
    AnsweredBefore,
    /// Handshake and data of its name come from two distances: something answers for it.
    Proxied {
        /// TTL of the handshake.
        handshake: u8,
        /// TTL of the data.
        data: u8,
    },
    /// An ICMP error of a router answered the same segment: the reset was made on the path.
    IcmpBeside,
    /// It came sooner after what it answers than in half the time that its name's part of the handshake
    /// took on that side of the capture.
    Sooner {
        /// Milliseconds.
        after_ms: f64,
        /// The handshake's, milliseconds, at least.
        trip_ms: u32,
    },
    /// Its timestamp is on no clock that showed its name's last one (RFC 7323).
    OtherClock {
        /// Ticks since that.
        ticks: i64,
        /// Milliseconds since its name's last segment.
        after_ms: u32,
    },
}

impl Sign {
    /// Whether a host's own stack does this by accident only.
    pub const fn is_strong(&self) -> bool {
        matches!(
            self,
            Self::MirroredWindow(_)
                | Self::MirroredId(_)
                | Self::ReservedBits
                | Self::Guesses(_)
                | Self::NameWentOn
                | Self::AnsweredBefore
                | Self::IcmpBeside
        ) || matches!(self, Self::Burst(n) if *n >= 3)
    }

    /// Whether it says that another device sent it than sends its name's ordinary segments.
    pub const fn is_distance(&self) -> bool {
        matches!(self, Self::OtherDistance { .. })
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = |(low, high): (u8, u8)| {
            if low == high {
                format!("{low}")
            } else {
                format!("{low} to {high}")
            }
        };
        match self {
            Self::OtherDistance { ttl, usual: range } => write!(
                f,
                "its TTL is {ttl}, {} in the other segments of its name: another distance",
                usual(*range)
            ),
            Self::OtherTtl { ttl, usual: range } => write!(
                f,
                "its TTL is {ttl}, {} in the other segments of its name, which may be one host at one distance",
                usual(*range)
            ),
            Self::MirroredWindow(window) => {
                write!(f, "it repeats the window {window} of the segment it answers")
            }
            Self::MirroredId(id) => {
                write!(
                    f,
                    "it repeats the IP identification {id:#06x} of the segment it answers"
                )
            }
            Self::ReservedBits => f.write_str("reserved header bits are set in it"),
            Self::Burst(count) => write!(
                f,
                "{count} came in one breath with one number and one IP identification"
            ),
            Self::Guesses(count) => write!(f, "{count} came with numbers that guess ahead"),
            Self::RefusalWithNumber(seq) => {
                write!(f, "it refuses a SYN with number {seq} where a host has 0")
            }
            Self::AnsweredBefore => f.write_str("its name had acknowledged the very segment that it refuses"),
            Self::NameWentOn => f.write_str("its name went on as if it had sent none"),
            Self::Proxied { handshake, data } => write!(
                f,
                "its name's handshake has TTL {handshake}, its data {data}: something answers for it"
            ),
            Self::IcmpBeside => f.write_str("a router's ICMP error answers the same segment"),
            Self::Sooner { after_ms, trip_ms } => write!(
                f,
                "it came {after_ms:.3} ms after what it answers; its name's part of the handshake took {trip_ms} ms or more"
            ),
            Self::OtherClock { ticks, after_ms } => write!(
                f,
                "its timestamp is {ticks} ticks after its name's last one, which passed {after_ms} ms before: another clock"
            ),
        }
    }
}

/// Who writes reasons into resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Teller {
    /// A code in the window field.
    NetScaler,
    /// Text in the payload.
    F5,
    /// draft-ietf-tcpm-rst-diagnostic-payload.
    Diagnostic,
    /// The MP_TCPRST option (RFC 8684 §3.6).
    Mptcp,
    /// The MP_FASTCLOSE option (RFC 8684 §3.5).
    MptcpFastclose,
    /// Any other text in the payload (RFC 9293 §3.10.7, SHLD-2).
    Text,
}

/// What kind of reason it is, where the table of codes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A timer on an idle connection.
    Idle,
    /// A segment for a connection that is not known.
    Stray,
    /// The other side's reset, passed on.
    PassedOn,
    /// A rule.
    Policy,
    /// Any other.
    Other,
}

/// A reason that a reset bears.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Who writes so.
    pub by: Teller,
    /// The kind.
    pub reason: Reason,
    /// The code or the words (hostile input).
    pub text: String,
}

/// What passed after a reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// The capture goes on long enough to tell.
    pub seen: bool,
    /// The connection went on both ways: the reset had no effect.
    pub went_on: bool,
    /// The receiver answered with a challenge ACK.
    pub challenged: bool,
}

/// What a second capture point tells of a reset.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Join {
    /// There is none.
    #[default]
    Alone,
    /// It left the host whose name it bears, and arrived at the other one.
    SentAndArrived,
    /// It arrived, and the host whose name it bears did not send it.
    NeverSent,
    /// It left, and never arrived.
    NeverArrived,
    /// It arrived, the host behind its name did not send it, and its name is not that host's own
    /// address: the box that translates it answered for itself.
    Translated,
    /// It was changed on its way.
    Changed(String),
    /// The other capture cannot tell: it has losses there, or does not reach so far.
    Undecided(String),
}

/// Connections that were reset after the same silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alike {
    /// How many.
    pub count: u32,
    /// Of how many that were reset by the same end.
    pub of: u32,
    /// The silence.
    pub silence_ms: u64,
    /// How far they differ.
    pub spread_ms: u64,
}

/// The initial TTL that a stack most likely used, given what is left of it.
pub const fn initial_ttl(left: u8) -> u8 {
    match left {
        0..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        129..=255 => 255,
    }
}

/// Hops from a sender, by what is left of its TTL.
pub const fn hops(left: u8) -> u8 {
    initial_ttl(left) - left
}
