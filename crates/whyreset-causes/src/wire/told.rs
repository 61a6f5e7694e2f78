//! Reasons that a reset bears. Refuses to believe more than that its writer claims it.

use alloc::format;

use whyreset_evidence::{Dossier, Finding, Reason, Teller};

use super::ask;

/// The packet itself gives a reason.
pub fn told(dossier: &Dossier, wanted: impl Fn(Teller, Reason) -> bool) -> Finding {
    ask(dossier, |fact, passed| match &passed.told {
        Some(told) if wanted(told.by, told.reason) => {
            Finding::seen(format!("{} says: {}", teller(told.by), told.text), &*fact.cite)
        }
        Some(told) => Finding::absent(format!("{} says: {}", teller(told.by), told.text), &*fact.cite),
        None if passed.missing.cut > 0 => Finding::blind(
            format!(
                "{} of the reset's payload were cut off by the capture",
                crate::words::counted(passed.missing.cut.into(), "byte")
            ),
            "a capture with a larger snaplen (`tcpdump -s 0`)",
        ),
        None => Finding::absent("the reset bears no reason", &*fact.cite),
    })
}

/// The reset gives a reason of its own.
pub fn told_otherwise(dossier: &Dossier) -> Finding {
    told(dossier, |by, _| by != Teller::Text)
}

/// Who writes so, in words.
pub const fn teller(by: Teller) -> &'static str {
    match by {
        Teller::NetScaler => "the window, a NetScaler's code,",
        Teller::F5 => "the payload, a BIG-IP's text,",
        Teller::Diagnostic => "the diagnostic payload",
        Teller::Mptcp => "the MP_TCPRST option",
        Teller::MptcpFastclose => "the MP_FASTCLOSE option",
        Teller::Text => "the payload",
    }
}
