//! Connections that one of the two ends reset, as hosts do it: the shares follow what public captures of
//! ordinary traffic hold (half of all first resets after a FIN, a fifth to a SYN, a fifth in the middle of
//! data). Refuses every box.

use super::stack::{Shape, Stack};
use super::talk::{ACK, Dice, End, FIN, Frame, PSH, RST, SYN, Talk};

const STACKS: [Stack; 8] = [
    Stack::Linux { stamps: true },
    Stack::Linux { stamps: true },
    Stack::Linux { stamps: false },
    Stack::Windows,
    Stack::Windows,
    Stack::Bsd { stamps: true },
    Stack::Bsd { stamps: false },
    Stack::Device,
];
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// A TLS close_notify, sealed.
const ALERT: [u8; 24] = [
    23, 3, 3, 0, 19, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
];

/// Both ends, somewhere on the way from each other.
pub fn ends(dice: &mut Dice) -> Talk {
    let stacks = [dice.of(&STACKS), dice.of(&STACKS)];
    let far = u8::try_from(1 + dice.roll(22)).unwrap();
    let hops = match dice.roll(4) {
        // On the client's host, on the server's, between them.
        0 | 1 => [0, far],
        2 => [far, 0],
        _ => [far / 2, far - far / 2],
    };
    Talk::new(stacks, hops, dice)
}

/// One connection, and its kind for messages.
pub fn one(number: u32, dice: &mut Dice) -> (&'static str, Talk) {
    let mut talk = ends(dice);
    let kind = match number % 20 {
        0..=3 => refused(&mut talk, dice),
        4 | 5 => aborted(&mut talk, dice),
        6 => unread(&mut talk, dice),
        7 => half_open(&mut talk),
        8 => idle(&mut talk, dice),
        9..=11 => late_write(&mut talk, dice),
        12 => late_alert(&mut talk),
        13..=15 => aborted_at_its_end(&mut talk, dice),
        16 | 17 => closed(&mut talk, dice),
        18 => other_stack(&mut talk),
        _ => odd(&mut talk, dice),
    };
    (kind, talk)
}

fn refused(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    // Windows asks three times for one connect().
    for again in 0..dice.of(&[1, 1, 3]) {
        if again > 0 {
            talk.wait(500_000);
            talk.ends[0].next = talk.ends[0].next.wrapping_sub(1);
        }
        talk.send(false, SYN, b"");
        talk.wait(talk.rtt);
        talk.reset(true, Shape::Refusal);
    }
    "refused"
}

fn exchange(talk: &mut Talk) {
    talk.open();
    talk.ask(REQUEST);
    talk.answer(ANSWER);
}

fn aborted(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    exchange(talk);
    talk.wait(i64::from(dice.roll(900_000)));
    talk.reset(dice.roll(2) == 0, Shape::Abort);
    "aborted"
}

/// The server closes before it has read all of an upload; what is still on its way meets no socket.
fn unread(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    talk.open();
    talk.ask(b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n");
    for _ in 0..4 {
        talk.wait(100);
        talk.send(false, ACK, &[b'x'; 1_400]);
    }
    talk.wait(talk.rtt);
    talk.send(true, PSH | ACK, b"HTTP/1.1 413 Content Too Large\r\n\r\n");
    talk.wait(20);
    talk.reset(true, Shape::Abort);
    for _ in 0..dice.roll(4) {
        talk.wait(100);
        talk.send(false, ACK, &[b'x'; 1_400]);
        talk.wait(30);
        talk.reset(true, Shape::Stray);
    }
    "unread"
}

fn half_open(talk: &mut Talk) -> &'static str {
    talk.send(false, SYN, b"");
    talk.wait(talk.rtt);
    talk.send(true, SYN | ACK, b"");
    talk.wait(60);
    talk.reset(false, Shape::Stray);
    "half open"
}

/// After a silence: its timer, or a segment that it no longer knows.
fn idle(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    exchange(talk);
    talk.wait(1_000_000 * i64::from(20 + dice.roll(400)));
    if dice.roll(2) == 0 {
        talk.reset(true, Shape::Abort);
        return "idle, aborted";
    }
    talk.ask(REQUEST);
    talk.wait(talk.rtt);
    talk.reset(true, Shape::Stray);
    "idle, forgotten"
}

fn server_closes(talk: &mut Talk) {
    exchange(talk);
    talk.wait(5_000);
    talk.send(true, FIN | ACK, b"");
    talk.wait(50);
    talk.send(false, ACK, b"");
}

/// To each late segment the same answer.
fn late_write(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    server_closes(talk);
    for _ in 0..=dice.roll(3) {
        talk.wait(900);
        talk.send(false, PSH | ACK, REQUEST);
    }
    talk.wait(talk.rtt);
    for _ in 0..=dice.roll(3) {
        talk.wait(10);
        talk.reset(true, Shape::Stray);
    }
    "late write"
}

fn late_alert(talk: &mut Talk) -> &'static str {
    server_closes(talk);
    talk.wait(900);
    talk.send(false, PSH | ACK, &ALERT);
    talk.wait(10);
    talk.send(false, FIN | ACK, b"");
    talk.wait(talk.rtt);
    talk.reset(true, Shape::Stray);
    talk.wait(10);
    talk.reset(true, Shape::Stray);
    "late alert"
}

/// A client that aborts instead of closing, as browsers do.
fn aborted_at_its_end(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    server_closes(talk);
    talk.wait(i64::from(dice.roll(3_000_000)));
    talk.reset(false, Shape::Abort);
    "aborted at its end"
}

/// Both have closed, and something comes late.
fn closed(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    server_closes(talk);
    talk.wait(300);
    talk.send(false, FIN | ACK, b"");
    talk.wait(talk.rtt);
    talk.send(true, ACK, b"");
    talk.wait(1_000 * i64::from(1 + dice.roll(900)));
    talk.send(false, ACK, b"");
    talk.wait(talk.rtt);
    talk.reset(true, Shape::Stray);
    "closed"
}

/// A server whose kernel answers from another initial TTL than its sockets, at the same distance.
fn other_stack(talk: &mut Talk) -> &'static str {
    talk.ends[1].stack = Stack::Windows;
    talk.stamps = false;
    let hops = Stack::initial_ttl(Stack::Windows) - 17;
    talk.ends[1].ttl = hops;
    server_closes(talk);
    talk.wait(900);
    talk.send(false, PSH | ACK, REQUEST);
    talk.wait(talk.rtt);
    talk.ends[1].ttl = 64 - 17;
    talk.reset(true, Shape::Stray);
    "other stack, same distance"
}

/// What looks odd and is a host's all the same.
fn odd(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    match dice.roll(5) {
        0 => {
            // Two sockets of one host over loopback: equal windows, identifications in step.
            let end = talk.ends[0].clone();
            talk.ends[1] = End {
                next: talk.ends[1].next,
                ..end.clone()
            };
            talk.stamps = end.stack.stamps();
            aborted(talk, dice);
            "loopback"
        }
        1 => {
            // The way back grows by a hop, now and then right before the reset.
            let just_then = dice.roll(4) == 0;
            talk.open();
            talk.ask(REQUEST);
            talk.ends[1].ttl -= u8::from(!just_then);
            talk.answer(ANSWER);
            talk.ends[1].ttl -= u8::from(just_then);
            talk.wait(400_000);
            talk.reset(true, Shape::Abort);
            "a hop more"
        }
        2 => {
            // The network overtakes the answer with the reset behind it.
            unread(talk, dice);
            let reset = talk.frames.iter().position(|frame| frame.flags & RST != 0);
            let reset = reset.expect("it resets");
            let at = talk.frames[reset].at;
            talk.frames[reset].at = talk.frames[reset - 1].at;
            talk.frames[reset - 1].at = at;
            talk.frames.swap(reset, reset - 1);
            "overtaken"
        }
        3 => {
            // A mirror port: every frame twice.
            aborted(talk, dice);
            let twice = |frame: &Frame| {
                let copy = Frame {
                    at: frame.at + 4,
                    ..frame.clone()
                };
                [frame.clone(), copy]
            };
            talk.frames = talk.frames.iter().flat_map(twice).collect();
            "mirrored"
        }
        _ => {
            // The abort's identification comes from another counter.
            talk.open();
            talk.ask(REQUEST);
            talk.wait(talk.rtt);
            talk.ends[1].id = talk.ends[1].id.wrapping_add(9_000);
            talk.reset(true, Shape::Abort);
            "identification jumps"
        }
    }
}
