//! Several threads over one large file say what one says, and stop together.

use std::fs::File;
use std::process::Command;

use super::{ACK, Folder, PSH, RST, SYN, run, stderr, verdicts, whyreset};

/// Larger than what is followed whole in one pass.
const LARGE: usize = 33 << 20;
/// Every so many connections one is reset.
const RESET: u32 = 150;

/// Ethernet, IPv4 and TCP; with a VLAN tag no glance tells the connection.
fn frame(
    connection: u32,
    tagged: bool,
    server: bool,
    flags: u8,
    seq: u32,
    ack: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, u8::from(server), 2, 0, 0, 0, 0, u8::from(!server)];
    if tagged {
        bytes.extend([0x81, 0, 0, 7]);
    }
    let total = u16::try_from(40 + payload.len()).unwrap();
    bytes.extend([8, 0, 0x45, 0]);
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    let client = (0x0a00_0000 | connection).to_be_bytes();
    let serving = [192, 168, 0, 1];
    bytes.extend(
        if server {
            [serving, client]
        } else {
            [client, serving]
        }
        .concat(),
    );
    let ports: [u16; 2] = if server { [443, 40_000] } else { [40_000, 443] };
    bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    bytes.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    bytes.extend([0x50, flags, 1, 244, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// Connections beside each other, each with so many bytes of payload in a segment, and how many resets.
fn capture(payload: usize) -> (Vec<u8>, usize) {
    const STEPS: u32 = 8;
    let payload = vec![7; payload];
    let connections = u32::try_from(LARGE / (8 * (70 + payload.len() / 2)) + 1).unwrap();
    let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    let (mut time, mut resets) = (0_u32, 0);
    let len = u32::try_from(payload.len()).unwrap();
    for step in 0..STEPS {
        for number in 0..connections {
            let (tagged, reset) = (number % 7 == 3, number % RESET == 3);
            let frame = |server, flags, seq, ack, payload: &[u8]| {
                frame(number, tagged, server, flags, seq, ack, payload)
            };
            let (data, answers) = (PSH | ACK, 901);
            let frame = match step {
                0 => frame(false, SYN, 100, 0, b""),
                1 => frame(true, SYN | ACK, 900, 101, b""),
                2 => frame(false, ACK, 101, answers, b""),
                3 => frame(false, data, 101, answers, &payload),
                4 => frame(true, data, answers, 101 + len, &payload),
                5 => frame(false, data, 101 + len, answers + len, &payload),
                6 => frame(true, data, answers + len, 101 + 2 * len, &payload),
                _ if reset => {
                    resets += 1;
                    frame(true, RST | ACK, answers + 2 * len, 101 + 2 * len, b"")
                }
                _ => frame(false, ACK, 101 + 2 * len, answers + 2 * len, b""),
            };
            time += 9;
            let length = u32::try_from(frame.len()).unwrap();
            for word in [1_700_000_000 + time / 1_000_000, time % 1_000_000, length, length] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(frame);
        }
    }
    assert!(bytes.len() > LARGE, "{}", bytes.len());
    (bytes, resets)
}

#[test]
fn all_threads_together_say_what_one_says() {
    let folder = Folder::new("threads");
    // Records that are found by an index, and records that are passed by.
    for (name, payload) in [("long.pcap", 1_400), ("short.pcap", 90)] {
        let (bytes, resets) = capture(payload);
        let file = folder.put(name, &bytes);
        let told = |threads: &str| {
            let output = run(&[&file, "-o", "json", "--threads", threads]);
            let mut lines: Vec<String> = verdicts(&output).iter().map(ToString::to_string).collect();
            lines.sort();
            lines
        };
        let one = told("1");
        assert_eq!(one.len(), resets);
        for threads in ["2", "5"] {
            assert!(told(threads) == one, "{name} by {threads}");
        }
    }
}

/// Where long payloads look like records, a guess where one begins is wrong, and where clocks are set
/// meanwhile, each step counts once: nothing of it is to be seen.
#[test]
fn wrong_guesses_change_nothing() {
    let folder = Folder::new("threads-guesses");
    let decoy = [1_700_000_000, 5, 0, 0].into_iter().flat_map(u32::to_le_bytes);
    let payload: Vec<u8> = decoy.cycle().take(32_000).collect();
    let (plain, resets) = capture(1_400);
    let mut bytes = plain[..24].to_vec();
    let (mut at, mut number) = (24, 0_u32);
    while at < plain.len() {
        let len = u32::from_le_bytes(plain[at + 8..at + 12].try_into().unwrap());
        let end = at + 16 + len as usize;
        bytes.extend(&plain[at..end]);
        number += 1;
        if number.is_multiple_of(40) {
            // An hour back, and forth again.
            let hours = 3_600 * (number / 40 % 2);
            let long = frame(0x00ff_0000, false, true, ACK, number, 1, &payload);
            let length = u32::try_from(long.len()).unwrap();
            let words = [1_700_000_000 - hours, 0, length, length];
            bytes.extend(words.into_iter().flat_map(u32::to_le_bytes));
            bytes.extend(long);
        }
        at = end;
    }
    let file = folder.put("decoys.pcap", &bytes);
    let told = |mut command: Command| {
        let output = command.output().unwrap();
        let mut lines: Vec<String> = verdicts(&output).iter().map(ToString::to_string).collect();
        lines.sort();
        (lines, stderr(&output))
    };
    let of_file = |threads| told(whyreset(&[&file, "-o", "json", "--threads", threads]));
    let (lines, said) = of_file("1");
    assert_eq!(lines.len(), resets);
    let steps = format!("{} times the clock went back", (number / 40).div_ceil(2));
    assert!(said.contains(&steps), "{steps}: {said}");
    for threads in ["2", "5"] {
        assert!(of_file(threads) == (lines.clone(), said.clone()), "{threads}");
    }
    let mut stream = whyreset(&["-", "-o", "json"]);
    stream.stdin(File::open(&file).unwrap());
    assert!(told(stream).0 == lines);
}

/// However many are printed, all are counted, each with its kind.
#[test]
fn what_is_not_printed_is_counted_all_the_same() {
    const RESETS: u32 = 26_000;
    const SERVERS: u32 = 80;
    let folder = Folder::new("threads-counted");
    let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    for number in 0..RESETS {
        let segments = [
            (false, SYN, 100, 0),
            (true, SYN | ACK, 900, 101),
            (false, ACK, 101, 901),
            (true, RST | ACK, 901, 101),
        ];
        for (step, (server, flags, seq, ack)) in (0..).zip(segments) {
            let mut frame = frame(number, false, server, flags, seq, ack, b"");
            let address = if server { 26 } else { 30 };
            frame[address + 3] = u8::try_from(number % SERVERS).unwrap();
            let time = number * 4 + step;
            let words = [1_700_000_000 + time / 10_000, time % 10_000 * 100, 54, 54];
            bytes.extend(words.into_iter().flat_map(u32::to_le_bytes));
            bytes.extend(frame);
        }
    }
    let file = folder.put("many.pcap", &bytes);
    let output = run(&["-q", &file]);
    let said = stderr(&output);
    assert!(said.contains(&format!("{RESETS} in all")), "{said}");
    let kinds = said
        .lines()
        .filter(|line| line.contains("server of 192.168.0.") || line.contains("of further kinds"));
    let count = |line: &str| {
        line.split_whitespace()
            .nth(1)
            .and_then(|count| count.parse::<u32>().ok())
    };
    let counts: Vec<u32> = kinds.filter_map(count).collect();
    assert_eq!(counts.iter().sum::<u32>(), RESETS, "{said}");
    assert!(counts.iter().all(|count| *count >= RESETS / SERVERS), "{said}");
}

#[test]
fn all_threads_stop_when_nobody_wants_more() {
    let folder = Folder::new("threads-stop");
    let (bytes, resets) = capture(90);
    let file = folder.put("short.pcap", &bytes);
    assert!(resets > 3);
    for threads in ["1", "3"] {
        let output = run(&[&file, "-o", "json", "--count", "3", "--threads", threads]);
        assert_eq!(verdicts(&output).len(), 3, "{threads}");
    }
}
