//! Who is asked about a reset before it is told: the packet filters' rules, then the logs. Refuses to
//! reorder more than their answers do, and to hold back what nobody can answer.

use whyreset_evidence::Dossier;

use super::desk::Desk;
use super::rulebook::Rulebook;
use crate::logbook::Live;

/// All of them that there are.
pub struct Askers {
    /// Which rule rejects.
    pub rulebook: Option<Rulebook>,
    /// What the logs say.
    pub logs: Option<Live>,
}

impl Askers {
    /// Tells of a reset at once, or when it is known what they have to say; `false` when it is time to
    /// stop.
    pub fn hand_over(&mut self, dossier: &Dossier, desk: &mut Desk<'_>) -> bool {
        let ready = match &mut self.rulebook {
            Some(rulebook) => rulebook.consult(dossier),
            None => Some(dossier.clone()),
        };
        ready.is_none_or(|dossier| ask_logs(&mut self.logs, dossier, desk))
    }

    /// Tells what has been answered since.
    pub fn take_answers(&mut self, desk: &mut Desk<'_>) {
        for dossier in self.rulebook.iter_mut().flat_map(Rulebook::answered) {
            if !ask_logs(&mut self.logs, dossier, desk) {
                return;
            }
        }
        for dossier in self.logs.iter_mut().flat_map(Live::answered) {
            if !desk.take(&dossier) {
                return;
            }
        }
    }

    /// Whether any answer is awaited.
    pub fn is_waiting(&self) -> bool {
        self.rulebook.as_ref().is_some_and(Rulebook::is_waiting)
            || self.logs.as_ref().is_some_and(Live::is_waiting)
    }
}

fn ask_logs(logs: &mut Option<Live>, dossier: Dossier, desk: &mut Desk<'_>) -> bool {
    let ready = match logs {
        Some(logs) => logs.consult(dossier),
        None => Some(dossier),
    };
    ready.is_none_or(|dossier| desk.take(&dossier))
}
