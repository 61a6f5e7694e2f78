//! Whether a proxy's port is open now: what `refuse` and `backlog` ask for, period by period.
//! Refuses to touch the socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Fault;
use crate::kind::Act;

/// What the port does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Takes connections.
    Open,
    /// Is closed.
    Refuses,
    /// Accepts nobody; its queue has this size.
    Full(u32),
}

/// The periods of the faults that act on the port.
#[derive(Debug)]
pub(crate) struct Gates {
    begun: Instant,
}

impl Gates {
    pub(crate) fn new(now: Instant) -> Self {
        Self { begun: now }
    }

    /// What the port does now, the fault that has it so, and when to ask again.
    pub(crate) fn now<'a>(
        &self,
        faults: &'a [Arc<Fault>],
        now: Instant,
    ) -> (Gate, Option<&'a Arc<Fault>>, Option<Instant>) {
        let mut again: Option<Instant> = None;
        let mut gate = (Gate::Open, None);
        for fault in faults.iter().filter(|fault| fault.kind.is_gate()) {
            let period = Duration::from_millis(fault.value("period").max(1));
            let elapsed = now.saturating_duration_since(self.begun);
            let number = elapsed.as_nanos() / period.as_nanos();
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            if fault.toxicity < 1.0 {
                let into = elapsed.as_nanos() % period.as_nanos();
                let rest =
                    period.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or_default()));
                again = Some(again.map_or(now + rest, |again| again.min(now + rest)));
            }
            if fault.concerns(number) && gate.0 != Gate::Refuses {
                gate = match fault.kind.act {
                    Act::Refuse => (Gate::Refuses, Some(fault)),
                    _ => (
                        Gate::Full(u32::try_from(fault.value("size")).unwrap_or(u32::MAX)),
                        Some(fault),
                    ),
                };
            }
        }
        (gate.0, gate.1, again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(words: &[&str]) -> Vec<Arc<Fault>> {
        words
            .iter()
            .map(|words| Arc::new(Fault::from_words(words).unwrap()))
            .collect()
    }

    #[test]
    fn a_sure_fault_needs_no_clock() {
        let now = Instant::now();
        let gates = Gates::new(now);
        let all = faults(&["linger", "backlog,size=3"]);
        let (gate, _, again) = gates.now(&all, now);
        assert_eq!((gate, again), (Gate::Full(3), None));
        let all = faults(&["refuse", "backlog"]);
        assert_eq!(gates.now(&all, now).0, Gate::Refuses);
        assert_eq!(gates.now(&[], now).0, Gate::Open);
    }

    #[test]
    fn a_share_of_the_periods_is_closed() {
        let begun = Instant::now();
        let gates = Gates::new(begun);
        let all = faults(&["refuse,probability=0.5,period=100,seed=4"]);
        let mut closed = 0;
        for period in 0..200 {
            let early = begun + Duration::from_millis(period * 100 + 10);
            let late = early + Duration::from_millis(80);
            let (gate, _, again) = gates.now(&all, early);
            assert_eq!(gates.now(&all, late).0, gate, "one answer a period");
            assert_eq!(again, Some(early + Duration::from_millis(90)));
            closed += u32::from(gate == Gate::Refuses);
        }
        assert!((70..130).contains(&closed), "{closed} of 200 at 0.5");
    }
}
