//! Several readers over one file, each from a place where a record seems to begin to where the next one
//! began. What they see counts only as far as each arrives exactly there. Refuses to know what they look for.

use whyreset_capture::{CaptureError, Hold, Lane, Look, Reader};

/// At most so many lanes, and one at least; `eye` makes who looks, from a reader and its share in bytes.
///
/// # Errors
/// A file that cannot be opened.
pub fn begin<E: Look>(
    hold: &Hold,
    count: usize,
    eye: impl Fn(&Reader, u64) -> E,
) -> Result<Vec<Lane<E>>, CaptureError> {
    let first = hold.reader()?;
    let (start, total) = (first.offset(), first.progress().bytes_total.unwrap_or(0));
    let share = total.saturating_sub(start) / count.max(1) as u64;
    let lane = |reader: Reader| {
        let eye = eye(&reader, share);
        Lane::new(reader, u64::MAX, eye)
    };
    let mut lanes = vec![lane(first)];
    let starts = (1..count as u64).filter_map(|nth| hold.find_boundary(start + share * nth));
    for reader in starts.filter_map(|start| hold.reader_at(start, 1).ok()) {
        if let Some(before) = lanes.last_mut()
            && before.reader.offset() < reader.offset()
        {
            before.until = reader.offset();
            lanes.push(lane(reader));
        }
    }
    Ok(lanes)
}

/// What is known to have been seen of records: by the first lane, and by each other one that begins where the
/// one before it has arrived. One that arrives elsewhere reads on alone.
pub fn arrived<E: Look>(lanes: Vec<Lane<E>>) -> (Vec<(E, Reader)>, Result<(), CaptureError>) {
    let mut seen = Vec::new();
    for mut lane in lanes {
        let astray = lane.outcome.is_ok() && lane.until != u64::MAX && lane.reader.offset() != lane.until;
        if astray {
            lane.until = u64::MAX;
            lane.read(&mut |_| {});
        }
        seen.push((lane.eye, lane.reader));
        if lane.until == u64::MAX || lane.outcome.is_err() {
            return (seen, lane.outcome);
        }
    }
    (seen, Ok(()))
}
