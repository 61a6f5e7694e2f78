//! One frame, decoded: two bytes of link type, four of its length on the wire, then the frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use whyreset_capture::Record;
use whyreset_fuzz::input::{self, Seen};
use whyreset_wire::{LinkType, Transport, checksum, decode, glance, hint, plain};

fuzz_target!(|data: &[u8]| {
    let [a, b, c, d, e, f, frame @ ..] = data else {
        return;
    };
    let record = Record {
        number: 1,
        at_ns: Some(1),
        link: u16::from_be_bytes([*a, *b]),
        interface: 0,
        wire_len: u32::from_be_bytes([*c, *d, *e, *f]),
        data: frame,
        direction: None,
        drops_before: 0,
    };
    _ = hint::protocol(frame);
    _ = hint::last_tls_record(frame);
    let seen = glance(LinkType(record.link), frame);
    let decoded = decode(LinkType(record.link), frame, record.wire_len);
    let packet = match decoded {
        Ok(packet) => packet,
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            return;
        }
    };
    if let Transport::Tcp(tcp) = packet.transport {
        for option in tcp.options {
            _ = (option.mptcp_reset(), option.is_mptcp_fastclose());
        }
        _ = checksum::check(&packet.ip, &tcp);
        assert!(tcp.payload.len() <= frame.len());
        // What is read on the shortest way is what decoding reads.
        if let Some(plain) = plain(LinkType(record.link), frame, record.wire_len) {
            assert_eq!(format!("{:?}", plain.tcp), format!("{tcp:?}"));
            assert_eq!(
                (plain.hop_limit(), plain.id()),
                (packet.ip.hop_limit, packet.ip.id)
            );
            assert_eq!(plain.checksum(), checksum::check(&packet.ip, &tcp));
        }
        let Seen::Segment(segment) = input::decode(&record, 1) else {
            panic!("a segment that is none: {tcp:?}");
        };
        _ = (segment.speaks)(segment.payload);
        // What a glance tells is what decoding tells.
        if let Some(seen) = seen {
            assert_eq!(input::hash(&seen), segment.key.hash());
            assert_eq!(seen.flags, tcp.flags);
        }
    } else {
        assert_eq!(seen, None, "{:?}", packet.transport);
    }
});
