//! The table under hostile and unlucky input: bounded, and never a panic.

use core::net::SocketAddr;

use whyreset_evidence::{Dossier, Shape, Sign};
use whyreset_flow::{Device, Flags, Key, Options, Packet, Table, script};

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn small<T: TryFrom<u64>>(&mut self, mask: u64) -> T
    where
        T::Error: core::fmt::Debug,
    {
        T::try_from(self.next() & mask).unwrap()
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn addresses(number: u64) -> (SocketAddr, SocketAddr) {
    let client = format!(
        "10.{}.{}.{}:40000",
        number >> 16 & 255,
        number >> 8 & 255,
        number & 255
    );
    (client.parse().unwrap(), "192.0.2.1:443".parse().unwrap())
}

fn packet(at: u64, frame: u64, ends: (SocketAddr, SocketAddr), flags: u16) -> Packet<'static> {
    let (key, direction) = Key::of(ends.0, ends.1);
    Packet {
        at,
        frame,
        key,
        direction,
        ttl: 64,
        id: Some(1),
        outgoing: None,
        device: Device::NONE,
        lost: 0,
        sound: None,
        seq: 1,
        ack: 0,
        flags: Flags(flags),
        window: 100,
        len: 0,
        options: Options::default(),
        speaks: |_| None,
        alert: false,
        payload: &[],
    }
}

#[test]
fn random_segments_are_taken() {
    for seed in 1..12_u64 {
        let mut dice = Dice(seed);
        let mut table = Table::new(32, "");
        let mut told = 0_u64;
        for frame in 1..20_000_u64 {
            let (client, server) = addresses(dice.below(100));
            let back = dice.below(2) == 0;
            let payload = [0x33, 0xaa, 0, 14, 0, 0, 0, 0];
            let one = Packet {
                at: 1_000_000_000 + dice.below(50_000_000_000),
                ttl: u8::try_from(dice.below(256)).unwrap(),
                id: (dice.below(2) == 0).then(|| u16::try_from(dice.below(4)).unwrap()),
                seq: dice.small([0xff, 0xffff_ffff][usize::from(frame % 2 == 0)]),
                ack: dice.small([0xff, 0xffff_ffff][usize::from(frame % 2 == 0)]),
                window: dice.small(0xffff),
                len: u32::try_from(dice.below(1_500)).unwrap(),
                options: Options {
                    window_scale: (dice.below(3) == 0).then(|| dice.small(0xff)),
                    timestamps: (dice.below(2) == 0).then(|| (dice.small(0xffff_ffff), 0)),
                    mptcp_reset: (dice.below(9) == 0).then(|| dice.small(0xff)),
                    mptcp_fastclose: dice.below(20) == 0,
                    cut: dice.below(20) == 0,
                },
                payload: &payload,
                ..packet(
                    0,
                    frame,
                    if back { (server, client) } else { (client, server) },
                    dice.small(0xfff),
                )
            };
            table.add(&one, &mut |_| told += 1);
        }
        table.finish(&mut |_| told += 1);
        let counters = table.counters();
        assert_eq!(counters.segments, 19_999);
        assert!(
            told > 0 && told <= counters.resets,
            "{told} of {}",
            counters.resets
        );
    }
}

#[test]
fn a_flood_of_connections_is_bounded_and_counted() {
    let mut table = Table::new(1_000, "");
    for number in 0..50_000_u64 {
        let at = 1_000_000_000 + number * 1_000;
        table.add(&packet(at, number + 1, addresses(number), 0x02), &mut |_| {});
    }
    let counters = table.counters();
    assert_eq!(counters.connections, 50_000);
    assert_eq!(counters.evicted, 49_000);
}

#[test]
fn a_reset_that_waits_is_told_when_its_connection_gives_way() {
    let mut table = Table::new(16, "");
    let mut told = Vec::new();
    let ends = addresses(1);
    table.add(&packet(1_000, 1, ends, 0x02), &mut |one| told.push(one.frame));
    table.add(&packet(2_000, 2, (ends.1, ends.0), 0x14), &mut |one| {
        told.push(one.frame);
    });
    for number in 2..200 {
        let at = 3_000 + number;
        table.add(&packet(at, number + 1, addresses(number), 0x02), &mut |one| {
            told.push(one.frame);
        });
    }
    table.finish(&mut |one| told.push(one.frame));
    assert_eq!(told, [2]);
}

const ENDS: &str = "client 10.0.0.2:40000 ttl=64\nserver 10.0.0.1:80 ttl=61\n";
const OPEN: &str = "+0 client S\n+1 server S.\n+2 client .\n+3 client P. len=100\n";

fn play(lines: &str) -> Vec<Dossier> {
    script::play(&format!("{ENDS}{lines}")).unwrap()
}

fn signs(dossier: &Dossier) -> Vec<Sign> {
    dossier.passed().unwrap().1.signs.clone()
}

#[test]
fn echoes_are_folded_into_the_first() {
    let told = play(&format!(
        "{OPEN}+4 server F.\n+5 client P. len=10\n+6 client P. len=10\n+7 server R\n+7.1 server R seq=1\n+7.2 server R\n"
    ));
    assert_eq!(told.len(), 1);
    let (_, passed) = told[0].passed().unwrap();
    assert_eq!(
        (passed.shape, passed.repeats + passed.reactions),
        (Shape::Reply, 2)
    );
}

#[test]
fn three_in_one_breath_with_one_number_are_no_hosts() {
    let told = play(&format!(
        "{OPEN}+4 server R. id=77\n+4.1 server R. id=77\n+4.2 server R. id=77\n"
    ));
    assert!(signs(&told[0]).contains(&Sign::Burst(3)), "{:?}", signs(&told[0]));
}

#[test]
fn a_name_that_goes_on_did_not_send_it() {
    let told = play(&format!(
        "{OPEN}+4 server R.\n+8 server P. len=500\n+9 client .\n+10 server P. len=500\n"
    ));
    assert!(signs(&told[0]).contains(&Sign::NameWentOn));
    let quiet = play(&format!("{OPEN}+4 server R.\n"));
    assert!(signs(&quiet[0]).is_empty(), "{:?}", signs(&quiet[0]));
}

#[test]
fn one_answer_that_comes_all_the_same_shows_that_its_name_did_not_send_it() {
    let went_on = |lines: &str| signs(&play(&format!("{OPEN}{lines}"))[0]).contains(&Sign::NameWentOn);
    // Beyond the number at which it aborted, or with an acknowledgment of what it refused.
    assert!(went_on("+4 server R.\n+8 server P. len=500\n"));
    assert!(went_on("+4 server R\n+8 server P. len=500\n"));
    // Data that it had sent before, and that was overtaken.
    assert!(!went_on("+4 server R. seq=500\n+8 server P. seq=0 len=500\n"));
    assert!(!went_on("+4 server R\n+8 server P. len=500 ack=0\n"));
}

#[test]
fn what_is_acknowledged_anew_was_taken_by_a_connection_that_stands() {
    let went_on = |lines: &str| signs(&play(&format!("{OPEN}{lines}"))[0]).contains(&Sign::NameWentOn);
    assert!(went_on("+4 server R seq=90\n+8 client P. len=30\n+9 server .\n"));
    // Of what was sent before, an acknowledgment may be on its way.
    assert!(!went_on("+4 server R seq=90\n+8 client .\n+9 server .\n"));
    // What was lost and is sent again may have arrived before.
    assert!(!went_on(
        "+4 server R seq=90\n+8 client P. seq=0 len=30\n+9 server .\n"
    ));
}

/// A forged refusal that its receiver did not take is followed by a reset of its own.
#[test]
fn a_reset_that_ended_nothing_hides_none_that_comes_later() {
    let told = play(
        "+0 client S win=16384\n+200 server R. zero win=16384 ttl=46\n+1000 server S.\n+1002 client .\n\
         +1003 client P. len=25\n+2600 server .\n+2602 server R.\n+2604 client P. len=150\n",
    );
    let frames: Vec<u64> = told.iter().map(|one| one.passed().unwrap().1.frame).collect();
    assert_eq!(frames, [2, 7]);
}

#[test]
fn a_window_that_its_name_would_use_itself_mirrors_nothing() {
    let mirrors = |syn: &str, answer: &str, window: u32| {
        let told = play(&format!(
            "+0 client S ws=7 {syn}\n+1 server S. ws=7 {answer}\n+2 client .\n\
             +3 client P. len=100 win={window}\n+4 server R. win={window}\n"
        ));
        signs(&told[0]).contains(&Sign::MirroredWindow(u16::try_from(window).unwrap()))
    };
    assert!(mirrors("win=64240", "win=65160", 501));
    // What its own handshake offered, in the units from then on.
    assert!(!mirrors("win=64240", "win=65160", 509));
    // Who knows how it is scaled?
    assert!(!mirrors("win=64240", "win=65160 cut", 501));
    // Two of one kind: each has the other's window, and grows alike.
    assert!(!mirrors("win=65535", "win=65535", 2_058));
}

#[test]
fn another_stack_at_the_same_distance_is_no_other_box() {
    let far = play(&format!(
        "{OPEN}+4 server . \n+5 client P. len=10\n+6 server R ttl=125\n"
    ));
    assert!(
        matches!(signs(&far[0])[..], [Sign::OtherTtl { .. }]),
        "{:?}",
        signs(&far[0])
    );
    let near = play(&format!(
        "{OPEN}+4 server . \n+5 client P. len=10\n+6 server R ttl=63\n"
    ));
    assert!(
        matches!(signs(&near[0])[..], [Sign::OtherDistance { .. }]),
        "{:?}",
        signs(&near[0])
    );
}

/// Half the way is the least that an answer of its name takes, and what its part of the handshake took may
/// have been up to twice what is remembered.
#[test]
fn what_comes_too_soon_for_its_name_is_said() {
    let sooner = |opening: &str, reset: &str| {
        let told = play(&format!("{opening}+90 client P. len=100\n{reset}\n"));
        let is_so = |sign: &Sign| matches!(sign, Sign::Sooner { .. });
        signs(&told[0]).iter().any(is_so)
    };
    let far = "+0 client S\n+40 server S.\n+41 client .\n";
    assert!(sooner(far, "+95 server R"));
    assert!(!sooner(far, "+110 server R"));
    // An active reset answers nothing.
    assert!(!sooner(far, "+91 server R."));
    // From the capture's other side it is 1 ms away.
    assert!(!sooner(
        "+0 client S\n+1 server S.\n+40 client .\n",
        "+91 server R"
    ));
    // The rest of its handshake was captured alone.
    assert!(!sooner("+40 server S.\n+41 client .\n", "+91 server R"));
}

#[test]
fn a_timestamp_of_another_clock_is_said() {
    let other = |stamp: u32| {
        let told = play(&format!(
            "+0 client S ts=900\n+1 server S. ts=700000\n+2 client . ts=902\n\
             +3 client P. len=100 ts=903\n+5 server . ts=700004\n+2005 server R. ts={stamp}\n"
        ));
        let is_so = |sign: &Sign| matches!(sign, Sign::OtherClock { .. });
        signs(&told[0]).iter().any(is_so)
    };
    // Milliseconds, and microseconds.
    assert!(!other(702_004) && !other(2_700_004));
    // A moment older: it may have been overtaken.
    assert!(!other(699_900));
    // The other end's, and any.
    assert!(other(904) && other(0x7fff_0000) && other(3_000_000));
}

#[test]
fn a_connection_in_the_same_place_is_another_one() {
    let told = play(&format!(
        "{OPEN}+4 server R.\n+100 client S seq=90000\n+101 server R. ack=90001 seq=0\n"
    ));
    assert_eq!(told.len(), 2);
}

/// Whether a connection counts as one that passes, by what came in and what left.
fn passes(way: &[(u64, bool, u8)]) -> bool {
    let mut table = Table::new(16, "");
    let ends = addresses(1);
    let mut told = Vec::new();
    let mut frame = 0;
    for &(at, outgoing, ttl) in way {
        frame += 1;
        let syn = Packet {
            outgoing: Some(outgoing),
            ttl,
            ..packet(at, frame, ends, 0x02)
        };
        table.add(&syn, &mut |one| told.push(one));
    }
    let reset = Packet {
        outgoing: Some(true),
        ..packet(20_000_000, frame + 1, (ends.1, ends.0), 0x14)
    };
    table.add(&reset, &mut |one| told.push(one));
    table.finish(&mut |one| told.push(one));
    let dossiers: Vec<Dossier> = told.into_iter().map(|one| one.dossier).collect();
    let (_, passed) = dossiers[0].passed().expect("a reset that passed");
    passed.routed
}

#[test]
fn what_came_in_and_left_at_once_passes_through_a_router_or_a_bridge() {
    assert!(
        passes(&[(1_000_000, false, 64), (1_000_500, true, 63)]),
        "a router"
    );
    assert!(
        passes(&[(1_000_000, false, 64), (1_000_500, true, 64)]),
        "a bridge"
    );
    assert!(!passes(&[(1_000_000, false, 64)]), "an end");
    assert!(
        !passes(&[(1_000_000, true, 64), (1_000_500, false, 64)]),
        "loopback shows what leaves first"
    );
    assert!(
        !passes(&[
            (1_000_000, true, 64),
            (1_000_500, false, 64),
            (10_000_000, true, 64)
        ]),
        "and what is sent again later"
    );
}
