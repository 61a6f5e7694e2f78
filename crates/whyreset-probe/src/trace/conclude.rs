//! From the answers at each TTL to the place that resets. Pure: no socket, no clock. Refuses to
//! name a box where the endpoint itself would have answered alike.

use std::net::IpAddr;

use whyreset_evidence::{Certainty, hops, initial_ttl};

use super::Hop;
use super::probe::Answer;
use super::tap::Shape;

/// How a resetting box treats the TTL of its RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// A usual start, less the hops to where it stands.
    Usual,
    /// One that fits no place on this path.
    Own,
    /// It copies what was left of the TTL of the segment that drew it.
    Copied,
}

impl Ttl {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Own => "own",
            Self::Copied => "copied",
        }
    }
}

/// What resets, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The endpoint itself, or something that cannot be told from it.
    pub endpoint: bool,
    /// The nearest hop at which it may stand, and the farthest.
    pub hops: (u8, u8),
    /// The router at the farthest of them, where it told its name; else the one at the nearest.
    pub router: Option<IpAddr>,
    /// The segment went on beside the RST: it watches the path, and does not stand in it.
    pub on_path: bool,
    /// Its TTL.
    pub ttl: Ttl,
    /// The RST.
    pub shape: Shape,
    /// In what it differs from the endpoint's own segments.
    pub differs: Vec<String>,
    /// The cause.
    pub cause: &'static str,
    /// How sure.
    pub certainty: Certainty,
}

/// What the endpoint's own segments look like, where it sent any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Its SYN-ACK.
    pub syn_ack: Option<Shape>,
    /// TTL at which it was first reached.
    pub distance: Option<u8>,
}

/// The way back may be so many hops longer or shorter than the way there.
const CROOKED: u8 = 10;

/// Concludes from the hops of one kind of segment; `opening` where these were SYNs. `None` where
/// nothing reset.
pub fn conclude(hops_seen: &[Hop], opening: bool, baseline: &Baseline) -> Option<Found> {
    let resets: Vec<(u8, &Shape)> = hops_seen
        .iter()
        .filter_map(|hop| Some((hop.ttl, hop.reset()?)))
        .collect();
    let &(first, shape) = resets.first()?;
    let router = |ttl: u8| hops_seen.iter().find(|hop| hop.ttl == ttl).and_then(Hop::router);
    let copied = copies(&resets);
    let on_path = hops_seen.iter().any(|hop| {
        hop.reset().is_some()
            && hop.answers.iter().any(|answer| {
                matches!(
                    answer,
                    Answer::Expired { .. } | Answer::SynAck(_) | Answer::Taken(_)
                )
            })
    });
    let back = hops(shape.ttl).saturating_add(1);
    let between = (first.saturating_sub(1).max(1), first);
    let ttl = match (copied, back.abs_diff(first) > CROOKED) {
        (true, _) => Ttl::Copied,
        (false, true) => Ttl::Own,
        (false, false) => Ttl::Usual,
    };
    let endpoint = !copied
        && match (baseline.distance, &baseline.syn_ack) {
            // It was reached: who resets from nearer is not it.
            (Some(distance), own) => {
                let like_it = own.as_ref().is_some_and(|own| own.ttl == shape.ttl);
                first >= distance && (like_it || ttl == Ttl::Usual && back >= distance)
            }
            // It never showed itself: a box with a usual TTL is told from it only where it is nearer.
            (None, _) => ttl == Ttl::Usual && back != between.0 && !on_path,
        };
    let place = match ttl {
        // What was left of it when it met the box, less the way back (see the tests).
        Ttl::Copied => {
            let place = (first + 2).saturating_sub(shape.ttl) / 2;
            (place, place)
        }
        _ if endpoint => (first, first),
        Ttl::Usual if (between.0..=between.1).contains(&back) => (back, back),
        Ttl::Usual | Ttl::Own => between,
    };
    let linux_reply = shape.window == 0 && shape.id.is_none_or(|id| id == 0) && shape.options.is_empty();
    let forged = on_path || ttl != Ttl::Usual || !linux_reply;
    let differs = baseline
        .syn_ack
        .as_ref()
        .map_or_else(Vec::new, |own| differences(own, shape));
    Some(Found {
        endpoint,
        router: router(place.1).or_else(|| router(place.0)),
        hops: place,
        on_path,
        ttl,
        differs,
        cause: match (endpoint, forged) {
            (true, _) if opening => "no-listener",
            // Why it resets what it had accepted is not seen from here.
            (true, _) => "unknown",
            (false, true) => "injected-reset",
            (false, false) => "firewall-reject",
        },
        certainty: if endpoint {
            Certainty::Possible
        } else {
            Certainty::Likely
        },
        shape: shape.clone(),
    })
}

/// A RST whose TTL grows with the TTL of what drew it copies it.
fn copies(resets: &[(u8, &Shape)]) -> bool {
    const ENOUGH: usize = 3;
    let Some(&(first, start)) = resets.first() else {
        return false;
    };
    resets.len() >= ENOUGH
        && resets.iter().all(|(ttl, shape)| {
            i16::from(shape.ttl) - i16::from(start.ttl) == i16::from(*ttl) - i16::from(first)
        })
}

fn differences(own: &Shape, reset: &Shape) -> Vec<String> {
    let mut out = Vec::new();
    if own.ttl != reset.ttl {
        let apart = i16::from(hops(reset.ttl)) - i16::from(hops(own.ttl));
        let same_start = initial_ttl(own.ttl) == initial_ttl(reset.ttl);
        out.push(match (same_start, apart) {
            (true, apart) if apart < 0 => {
                format!(
                    "TTL {}, its own is {}: {} hops nearer",
                    reset.ttl, own.ttl, -apart
                )
            }
            _ => format!("TTL {}, its own is {}", reset.ttl, own.ttl),
        });
    }
    if own.df != reset.df {
        let word = |df| if df { "set" } else { "not set" };
        out.push(format!("DF {}, its own is {}", word(reset.df), word(own.df)));
    }
    if reset.id.is_some_and(|id| id != 0) && own.id == Some(0) {
        out.push(format!(
            "IP ID {:#06x}, its own begin at 0",
            reset.id.unwrap_or_default()
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(ttl: u8) -> Shape {
        Shape {
            ttl,
            df: true,
            id: Some(0),
            ..Shape::default()
        }
    }

    fn hop(ttl: u8, answers: Vec<Answer>) -> Hop {
        Hop {
            ttl,
            answers,
            tries: 1,
        }
    }

    fn expired(ttl: u8) -> Answer {
        Answer::Expired {
            from: IpAddr::from([10, 0, ttl, 1]),
            ttl: 65 - ttl,
            changes: Vec::new(),
        }
    }

    /// Five hops to the endpoint.
    fn baseline() -> Baseline {
        Baseline {
            syn_ack: Some(shape(60)),
            distance: Some(5),
        }
    }

    #[test]
    fn a_router_that_rejects_is_named_by_its_ttl_and_by_who_went_silent() {
        // Linux refuses to forward before it looks at its rules: the third hop rejects at TTL 4.
        let hops: Vec<Hop> = (1..=3)
            .map(|ttl| hop(ttl, vec![expired(ttl)]))
            .chain((4..=6).map(|ttl| hop(ttl, vec![Answer::Reset(shape(62))])))
            .collect();
        let found = conclude(&hops, false, &baseline()).unwrap();
        assert_eq!(
            (found.hops, found.ttl, found.on_path),
            ((3, 3), Ttl::Usual, false)
        );
        assert_eq!(
            (found.router, found.endpoint),
            (Some([10, 0, 3, 1].into()), false)
        );
        assert_eq!(found.cause, "firewall-reject");
    }

    #[test]
    fn a_watcher_with_a_ttl_of_its_own_is_bounded() {
        let hops: Vec<Hop> = (1..=6)
            .map(|ttl| match ttl {
                1 | 2 => hop(ttl, vec![expired(ttl)]),
                3 | 4 => hop(ttl, vec![expired(ttl), Answer::Reset(shape(198))]),
                _ => hop(ttl, vec![Answer::Reset(shape(198)), Answer::Taken(shape(60))]),
            })
            .collect();
        let found = conclude(&hops, false, &baseline()).unwrap();
        assert_eq!((found.hops, found.ttl, found.on_path), ((2, 3), Ttl::Own, true));
        assert_eq!((found.cause, found.endpoint), ("injected-reset", false));
    }

    #[test]
    fn a_copied_ttl_is_recognised_and_its_place_computed() {
        for place in 1..=4_u8 {
            let seen: Vec<Hop> = (1..=9)
                .map(|ttl| {
                    // It meets the box with what the routers before it have left, and so comes the RST.
                    let left = i16::from(ttl) - 2 * (i16::from(place) - 1);
                    let mut answers = vec![if ttl < 5 {
                        expired(ttl)
                    } else {
                        Answer::Taken(shape(60))
                    }];
                    if ttl >= place && left > 0 {
                        answers.push(Answer::Reset(shape(u8::try_from(left).unwrap())));
                    }
                    hop(ttl, answers)
                })
                .collect();
            let found = conclude(&seen, false, &baseline()).unwrap();
            assert_eq!((found.ttl, found.hops), (Ttl::Copied, (place, place)));
        }
    }

    #[test]
    fn a_closed_port_is_the_endpoints_own() {
        let hops: Vec<Hop> = (1..=4)
            .map(|ttl| hop(ttl, vec![expired(ttl)]))
            .chain((5..=7).map(|ttl| hop(ttl, vec![Answer::Reset(shape(60))])))
            .collect();
        let found = conclude(&hops, true, &Baseline::default()).unwrap();
        assert_eq!((found.endpoint, found.hops), (true, (5, 5)));
        assert!(conclude(&hops[..4], true, &baseline()).is_none());
    }

    #[test]
    fn another_way_back_makes_nobody_a_forger() {
        for back in [2_u8, 4, 9, 14] {
            let own = Shape {
                window: 512,
                ..shape(65 - back)
            };
            let hops: Vec<Hop> = (1..=4)
                .map(|ttl| hop(ttl, vec![expired(ttl)]))
                .chain((5..=7).map(|ttl| hop(ttl, vec![Answer::Reset(shape(65 - back))])))
                .collect();
            let reached = Baseline {
                syn_ack: Some(own),
                distance: Some(5),
            };
            let found = conclude(&hops, false, &reached).unwrap();
            assert_eq!((found.endpoint, found.cause), (true, "unknown"), "{back}");
            // A closed port of it: a box at hop 4 would answer alike over a straight way back.
            let found = conclude(&hops, true, &Baseline::default()).unwrap();
            assert_eq!(found.endpoint, back != 4, "{back}");
            assert_ne!(found.cause, "injected-reset", "{back}");
        }
    }
}
