//! What the capture itself lacks: lost packets, gaps in the numbers, cut headers. Refuses to call
//! unsent what may only not have been captured.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Finding, Missing, Passed};

use crate::words;

/// What is wrong with the capture, in words.
fn lacks(missing: Missing) -> String {
    match missing.lost {
        0 => "numbers show that segments passed which are not in the capture".to_owned(),
        lost => format!("the capturing host lost {}", words::counted(lost, "packet")),
    }
}

/// A finding that rests on not having seen a packet: where packets are `missing` it is none.
pub fn unless_missed(passed: &Passed, missing: bool, finding: Finding) -> Finding {
    match finding {
        Finding::Seen { what, .. } if missing => Finding::blind(
            format!("{what}, as far as was captured: {}", lacks(passed.missing)),
            "a capture without losses (a larger buffer: `tcpdump -B`)",
        ),
        finding => finding,
    }
}

/// The reset's checksum does not hold.
pub fn damaged(passed: &Passed, cite: &str) -> Option<Finding> {
    passed.missing.damaged.then(|| {
        Finding::seen(
            "its checksum does not hold: it was damaged on its way, or made to be dropped; its receiver takes no notice of it",
            cite,
        )
    })
}
