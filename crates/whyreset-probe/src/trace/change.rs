//! What a path changed in a segment of ours, by what a router quotes of it. Refuses to call a
//! change what every router changes (TTL and checksums).

use std::fmt;

/// One field that differs between what was sent and what a router saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field.
    pub field: &'static str,
    /// As it was sent.
    pub sent: String,
    /// As it was quoted.
    pub seen: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.field, self.sent, self.seen)
    }
}

/// Fields of an IPv4 header, and of an IPv6 header: name, offset, length.
const V4: [(&str, usize, usize); 4] = [
    ("TOS", 1, 1),
    ("IP ID", 4, 2),
    ("source address", 12, 4),
    ("destination address", 16, 4),
];
const V6: [(&str, usize, usize); 3] = [
    ("traffic class and flow label", 0, 4),
    ("source address", 8, 16),
    ("destination address", 24, 16),
];
/// Fields of a TCP header.
const TCP: [(&str, usize, usize); 6] = [
    ("source port", 0, 2),
    ("destination port", 2, 2),
    ("sequence number", 4, 4),
    ("acknowledgment number", 8, 4),
    ("flags", 13, 1),
    ("window", 14, 2),
];

/// Compares with the one of several that is quoted: the most alike.
pub fn of_any(sent: &[Vec<u8>], quote: &[u8]) -> Vec<Change> {
    let changes = sent.iter().map(|sent| between(sent, quote));
    changes.min_by_key(Vec::len).unwrap_or_default()
}

/// Compares what was sent with what is quoted, as far as the quote goes.
pub fn between(sent: &[u8], quote: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (Some(ours), Some(theirs)) = (header(sent), header(quote)) else {
        return changes;
    };
    let fields: &[(&'static str, usize, usize)] = if ours == 40 { &V6 } else { &V4 };
    for &(field, at, length) in fields {
        compare(
            &mut changes,
            field,
            sent.get(at..at + length),
            quote.get(at..at + length),
        );
    }
    let (ours, theirs) = (&sent[ours.min(sent.len())..], &quote[theirs.min(quote.len())..]);
    for (field, at, length) in TCP {
        compare(
            &mut changes,
            field,
            ours.get(at..at + length),
            theirs.get(at..at + length),
        );
    }
    if let (Some(our), Some(their)) = (options(ours), options(theirs)) {
        compare(&mut changes, "options", Some(our), Some(their));
    }
    changes
}

/// The sequence number of a packet.
pub fn sequence(packet: &[u8]) -> Option<u32> {
    let at = header(packet)? + 4;
    let four: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(four))
}

fn header(packet: &[u8]) -> Option<usize> {
    match packet.first()? >> 4 {
        4 => Some(usize::from(packet[0] & 0x0f) * 4),
        6 => Some(40),
        _ => None,
    }
}

/// The options of a TCP header, where all of them are there.
fn options(tcp: &[u8]) -> Option<&[u8]> {
    tcp.get(20..usize::from(*tcp.get(12)? >> 4) * 4)
}

fn compare(changes: &mut Vec<Change>, field: &'static str, ours: Option<&[u8]>, theirs: Option<&[u8]>) {
    if let (Some(ours), Some(theirs)) = (ours, theirs)
        && ours != theirs
    {
        changes.push(Change {
            field,
            sent: hex(ours),
            seen: hex(theirs),
        });
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut out = "0x".to_owned();
    for byte in bytes {
        _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_what_must_differ_is_not() {
        let mut sent = vec![0_u8; 44];
        (sent[0], sent[8], sent[32]) = (0x45, 64, 0x60);
        let mut quote = sent.clone();
        (quote[1], quote[8], quote[43]) = (0x20, 1, 9);
        let fields: Vec<&str> = between(&sent, &quote).iter().map(|change| change.field).collect();
        assert_eq!(fields, ["TOS", "options"]);
        for length in 0..44 {
            assert!(between(&sent, &quote[..length]).len() <= 1, "{length}");
        }
        assert_eq!(sequence(&sent), Some(0));
        // What was sent again is no change.
        let again = quote.clone();
        assert!(of_any(&[sent, again], &quote).is_empty());
    }
}
