//! The time in a line of JSON. Refuses to parse the whole object: a line may be long and broken.

use super::{Clock, Stamp, Written, forms, resolve};

/// Keys under which loggers write it, the outermost first.
const KEYS: [&[u8]; 12] = [
    b"\"__REALTIME_TIMESTAMP\"",
    b"\"@timestamp\"",
    b"\"time\"",
    b"\"ts\"",
    b"\"timestamp\"",
    b"\"$date\"",
    b"\"start_time\"",
    b"\"asctime\"",
    b"\"datetime\"",
    b"\"eventTime\"",
    b"\"t\"",
    b"\"date\"",
];
/// Bytes of the line in which they are looked for.
const HEAD: usize = 16 * 1024;

/// The first of the keys whose value is a time.
pub fn find(line: &[u8], clock: &Clock) -> Option<Stamp> {
    let head = &line[..line.len().min(HEAD)];
    KEYS.iter().find_map(|key| {
        let after = memchr::memmem::find(head, key)? + key.len();
        let value = head[after..]
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        match value.strip_prefix(b"\"") {
            Some(text) => forms::iso(text)
                .or_else(|| text.first().and_then(|_| forms::at(text, false)))
                .and_then(|parts| resolve(parts, clock))
                .or_else(|| forms::epoch(text)),
            None => forms::epoch(value),
        }
        .map(|stamp| Stamp {
            written: if *key == b"\"__REALTIME_TIMESTAMP\"" {
                Written::Whole
            } else {
                stamp.written
            },
            ..stamp
        })
    })
}
