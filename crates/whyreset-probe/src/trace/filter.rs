//! A classic BPF program that narrows a packet socket to one target, so that a busy host's other
//! packets cost nothing here. Refuses nothing that concerns the target.

use std::net::IpAddr;

use socket2::SockFilter;

/// A program for a packet socket that lets pass what the target sends or is sent, and every ICMP
/// and ICMPv6 message: `packets` begin at their IP header.
pub fn for_target(target: IpAddr) -> Vec<SockFilter> {
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_WORD: u16 = 0x20;
    const SHIFT_RIGHT: u16 = 0x74;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALL: u32 = 0x0004_0000;
    let step = |code, k, jt, jf| SockFilter::new(code, jt, jf, k);
    let (version, protocol_at, icmp, addresses): (u32, u32, u32, [u32; 2]) = match target {
        IpAddr::V4(_) => (4, 9, 1, [12, 16]),
        IpAddr::V6(_) => (6, 6, 58, [8, 24]),
    };
    let words: Vec<u32> = match target {
        IpAddr::V4(v4) => vec![u32::from(v4)],
        IpAddr::V6(v6) => v6
            .octets()
            .chunks_exact(4)
            .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
            .collect(),
    };
    // Every test that fails jumps on to the next one; the last one refuses.
    let mut program = vec![
        step(LOAD_BYTE, 0, 0, 0),
        step(SHIFT_RIGHT, 4, 0, 0),
        step(IF_EQUAL, version, 1, 0),
        step(RETURN, 0, 0, 0),
        step(LOAD_BYTE, protocol_at, 0, 0),
        step(IF_EQUAL, icmp, 0, 1),
        step(RETURN, ALL, 0, 0),
    ];
    for start in addresses {
        let total = u8::try_from(words.len()).unwrap_or(1);
        for (index, &word) in (0_u8..).zip(&words) {
            // Two steps for each word that is left, and the one that accepts.
            let past = (total - index - 1) * 2 + 1;
            program.push(step(LOAD_WORD, start + u32::from(index) * 4, 0, 0));
            program.push(step(IF_EQUAL, word, 0, past));
        }
        program.push(step(RETURN, ALL, 0, 0));
    }
    program.push(step(RETURN, 0, 0, 0));
    program
}
