//! Packets that a capture lost count for every connection, whosever record tells of them.

use super::{ACK, Folder, PSH, RST, Tap, run, verdicts};

/// The frames of a legacy capture as pcapng, and, half a minute after its beginning, one of another
/// connection that tells of lost packets. Large files are read in two passes, small ones in one. In
/// Ethernet most frames are of the common form, and the one that tells is not.
fn with_loss(legacy: &[u8], large: bool, ethernet: bool) -> Vec<u8> {
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
        [&kind.to_le_bytes(), &length, body, &length].concat::<u8>()
    }
    fn packet(time: u64, data: &[u8], options: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap();
        let words = [
            0,
            u32::try_from(time >> 32).unwrap(),
            (time & 0xffff_ffff) as u32,
            length,
            length,
        ];
        let mut body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        block(6, &body)
    }
    let framed = |tag: &[u8], data: &[u8]| {
        if ethernet {
            [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], tag, &[8, 0], data].concat()
        } else {
            data.to_vec()
        }
    };
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let mut out = block(
        0x0a0d_0d0a,
        &[
            0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
        ],
    );
    let link = if ethernet { 1 } else { 101 };
    out.extend(block(1, &[link, 0, 0, 0, 0, 0, 0, 0]));
    let mut rest = &legacy[24..];
    let mut lost = false;
    while rest.len() > 16 {
        let time = u64::from(word(rest)) * 1_000_000 + u64::from(word(&rest[4..]));
        let (data, next) = rest[16..].split_at(word(&rest[8..]) as usize);
        if !lost && time >= 1_700_000_030_000_000 {
            lost = true;
            let mut other = Tap::new();
            other.client = 9;
            other.segment(0, false, ACK, 1, 1, b"", 64);
            // epb_dropcount
            let drops = [4, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            let frame = framed(&[0x81, 0, 0, 7], &other.bytes[40..]);
            out.extend(packet(1_700_000_030_000_000, &frame, &drops));
        }
        out.extend(packet(time, &framed(b"", data), b""));
        rest = next;
    }
    let nothing = vec![0; 60_000];
    while large && out.len() < 34 << 20 {
        out.extend(packet(1_700_000_100_000_000, &nothing, b""));
    }
    out
}

#[test]
fn losses_count_for_every_connection_however_large_the_file() {
    let folder = Folder::new("losses");
    let mut tap = Tap::new();
    tap.opened(1_000, 64, 61)
        .segment(2_000, true, PSH | ACK, 901, 119, b"HTTP/1.1 200 OK\r\n\r\n", 61)
        .segment(2_100, false, ACK, 119, 920, b"", 64)
        .segment(60_002_000, true, RST | ACK, 920, 119, b"", 61);
    let told = |name: &str, large, ethernet, threads: &str| {
        let file = folder.put(name, &with_loss(&tap.bytes, large, ethernet));
        let told = verdicts(&run(&[&file, "-o", "json", "--threads", threads]));
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].clone()
    };
    for ethernet in [false, true] {
        let small = told("small.pcapng", false, ethernet, "1");
        assert!(small.to_string().contains("lost 7 packets"), "{small}");
        for threads in ["1", "2"] {
            let large = told("large.pcapng", true, ethernet, threads);
            assert_eq!(large["evidence"], small["evidence"]);
        }
    }
}
