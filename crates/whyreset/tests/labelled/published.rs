//! Two rules that published tools go by, on the same frames, to compare with. Refuses to be believed.

use super::talk::{Frame, RST};

/// "No timestamps, no window or no identification: made by something between."
pub fn looks_bare(frames: &[Frame]) -> bool {
    let Some(reset) = first_reset(frames) else {
        return false;
    };
    let stamped = frames.iter().any(|frame| frame.stamp.is_some());
    reset.window == 0 || reset.id == 0 || stamped && reset.stamp.is_none()
}

/// "A TTL that the same end's other segments do not have: made by something between."
pub fn other_ttl(frames: &[Frame]) -> bool {
    let Some(reset) = first_reset(frames) else {
        return false;
    };
    let mut own = frames
        .iter()
        .filter(|frame| frame.server == reset.server && frame.flags & RST == 0 && frame.error_from.is_none())
        .peekable();
    own.peek().is_some() && own.all(|frame| frame.ttl != reset.ttl)
}

fn first_reset(frames: &[Frame]) -> Option<&Frame> {
    frames.iter().find(|frame| frame.flags & RST != 0)
}
