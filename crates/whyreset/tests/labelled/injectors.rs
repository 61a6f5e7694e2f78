//! Resets that something between the ends made, as published measurements describe the boxes. What copies
//! every field of a host and lets nothing more of it pass is not among them: no packet tells that.

use super::hosts;
use super::stack::Shape;
use super::talk::{ACK, Dice, Frame, PSH, RESERVED, RST, SYN, Talk};

const TRIGGER: &[u8] = b"GET / HTTP/1.1\r\nHost: forbidden.example\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One connection, and its kind for messages.
pub fn one(number: u32, dice: &mut Dice) -> (&'static str, Talk) {
    // The capture is the client's: boxes stand beyond it, and the server beyond the box.
    let mut talk = loop {
        let talk = hosts::ends(dice);
        let [client, server] = &talk.ends;
        let at_client = client.ttl == client.stack.initial_ttl();
        if at_client && server.stack.initial_ttl() - server.ttl > 4 {
            break talk;
        }
    };
    let kind = match number % 10 {
        0 | 1 => mirrors_ttl(&mut talk, dice),
        2 => triple(&mut talk, dice),
        3 => copies_id(&mut talk),
        4 => fixed_ttl(&mut talk, dice),
        5 => guesses(&mut talk, dice),
        6 => late(&mut talk, dice),
        7 => at_the_syn(&mut talk, dice),
        8 => both_ways(&mut talk, dice),
        _ => with_an_error(&mut talk, dice),
    };
    (kind, talk)
}

/// A reset in an end's name with its next numbers, which answers what the other end sent last.
fn forged(talk: &Talk, server: bool, flags: u16) -> Frame {
    let [own, other] = [usize::from(server), usize::from(!server)];
    Frame {
        at: talk.now,
        server,
        ttl: talk.ends[own].ttl,
        id: 0,
        flags,
        seq: talk.ends[own].next,
        ack: if flags & ACK != 0 {
            talk.ends[other].next
        } else {
            0
        },
        window: 0,
        stamp: None,
        options: &[],
        payload: Vec::new(),
        error_from: None,
        forged: true,
    }
}

/// A TTL that the server's segments do not have, from a box nearer than it.
fn nearer(talk: &Talk, dice: &mut Dice) -> u8 {
    let server = &talk.ends[1];
    let far = server.stack.initial_ttl() - server.ttl;
    let hops = 1 + u8::try_from(dice.roll(u32::from(far) - 3)).unwrap();
    let initial: u8 = dice.of(&[64, 128, 255]);
    initial - hops
}

fn asked(talk: &mut Talk) {
    talk.open();
    talk.ask(TRIGGER);
    talk.wait(talk.rtt / 2);
}

/// Its TTL is what was left of the trigger's on its way there and back, its window the trigger's; what it
/// answered goes no further.
fn mirrors_ttl(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let trigger = talk.last(false).clone();
    let hops = u8::try_from(2 + dice.roll(18)).unwrap();
    let flags = RST | dice.of(&[0, ACK]);
    talk.forge(Frame {
        ttl: trigger.ttl - 2 * hops,
        window: trigger.window,
        ..forged(talk, true, flags)
    });
    "mirrors TTL and window"
}

/// Three in one breath with one number and one identification; then the server's own answers.
fn triple(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let ttl = nearer(talk, dice);
    let id = u16::try_from(1_000 + dice.roll(60_000)).unwrap();
    for _ in 0..3 {
        talk.forge(Frame {
            ttl,
            id,
            window: u16::from(ttl) + 1_375,
            ..forged(talk, true, RST | ACK)
        });
        talk.wait(90);
    }
    talk.wait(talk.rtt / 2);
    for _ in 0..dice.roll(3) {
        talk.reset(true, Shape::Stray);
        talk.wait(400);
    }
    "triple"
}

/// It repeats the trigger's identification and window, and sets bits that nobody uses.
fn copies_id(talk: &mut Talk) -> &'static str {
    talk.send(false, SYN, b"");
    talk.wait(talk.rtt / 2);
    let syn = talk.last(false).clone();
    talk.forge(Frame {
        ttl: talk.ends[1].ttl - 3,
        id: syn.id,
        window: syn.window,
        seq: 0,
        ..forged(talk, true, RST | ACK | RESERVED)
    });
    talk.wait(1_000_000);
    talk.send(true, SYN | ACK, b"");
    "copies identification, reserved bits"
}

/// Nothing but its distance: a bare reset from a box with a TTL of its own, and a random identification.
fn fixed_ttl(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let ttl = nearer(talk, dice);
    let id = u16::try_from(dice.roll(65_536)).unwrap();
    let window = dice.of(&[0, 0, 8_192]);
    let flags = RST | dice.of(&[0, ACK]);
    talk.forge(Frame {
        ttl,
        id,
        window,
        ..forged(talk, true, flags)
    });
    "TTL of its own"
}

/// Numbers that guess how much is under way.
fn guesses(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let ttl = nearer(talk, dice);
    for ahead in [0, 1_460, 4_380] {
        let reset = forged(talk, true, RST);
        talk.forge(Frame {
            ttl,
            id: u16::try_from(dice.roll(65_536)).unwrap(),
            seq: reset.seq.wrapping_add(ahead),
            ..reset
        });
        talk.wait(40);
    }
    "guesses"
}

/// It stands at the server's door and copies its TTL: the server's answer comes all the same.
fn late(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let id = u16::try_from(1 + dice.roll(65_000)).unwrap();
    let flags = RST | dice.of(&[0, ACK]);
    talk.forge(Frame {
        id,
        ..forged(talk, true, flags)
    });
    talk.wait(talk.rtt / 2 + 2_000);
    talk.send(true, PSH | ACK, ANSWER);
    talk.wait(30);
    talk.reset(false, Shape::Stray);
    "the answer comes too"
}

/// Three to a SYN with rising windows, and the real SYN-ACK behind them.
fn at_the_syn(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    talk.send(false, SYN, b"");
    talk.wait(talk.rtt / 2);
    let ttl = nearer(talk, dice);
    for window in 1_980..1_983 {
        talk.forge(Frame {
            ttl,
            id: u16::try_from(dice.roll(65_536)).unwrap(),
            window,
            seq: 0,
            ..forged(talk, true, RST | ACK)
        });
        talk.wait(60);
    }
    talk.wait(talk.rtt / 2);
    talk.send(true, SYN | ACK, b"");
    talk.wait(30);
    talk.reset(false, Shape::Stray);
    "at the SYN"
}

/// To both ends at once: the client's capture has the one in the server's name, and an answer of the
/// server to what came before the other reached it.
fn both_ways(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let ttl = nearer(talk, dice);
    talk.forge(Frame {
        ttl,
        id: u16::try_from(1 + dice.roll(65_000)).unwrap(),
        window: 5_840,
        ..forged(talk, true, RST | ACK)
    });
    talk.wait(talk.rtt / 2);
    talk.send(true, ACK, b"");
    talk.wait(30);
    talk.reset(false, Shape::Stray);
    "both ways"
}

/// The trigger's TTL ends at the box's own hop: a router there says so, and the box answers beside it.
fn with_an_error(talk: &mut Talk, dice: &mut Dice) -> &'static str {
    asked(talk);
    let router = [172, 16, u8::try_from(dice.roll(250)).unwrap(), 1];
    let ttl = talk.ends[1].ttl.saturating_sub(1);
    talk.error(router);
    talk.wait(300);
    talk.forge(Frame {
        ttl,
        id: u16::try_from(dice.roll(65_536)).unwrap(),
        ..forged(talk, true, RST | ACK)
    });
    "beside a router's error"
}
