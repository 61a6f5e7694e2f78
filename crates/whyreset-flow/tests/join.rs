//! Two captures of the same handshakes: how their clocks differ. What joined captures say of resets is
//! held by the causes' tests.

use std::net::SocketAddr;

use whyreset_flow::join::{Point, clocks};
use whyreset_flow::{Device, Flags, Key, Options, Packet};

const MS: u64 = 1_000_000;
/// From the client's place to the server's.
const WAY: u64 = 10 * MS;

/// A SYN or SYN-ACK of the connection from this port.
fn opening(at: u64, port: u16, answer: bool) -> Packet<'static> {
    let ends: [SocketAddr; 2] = [([10, 0, 0, 2], port).into(), ([10, 0, 0, 1], 80).into()];
    let [source, destination] = if answer { [ends[1], ends[0]] } else { ends };
    let (key, direction) = Key::of(source, destination);
    Packet {
        at,
        frame: 1,
        key,
        direction,
        ttl: 64,
        id: Some(1),
        outgoing: None,
        device: Device::NONE,
        lost: 0,
        sound: None,
        seq: u32::from(port) * 1_000 + u32::from(answer),
        ack: if answer { u32::from(port) * 1_000 + 1 } else { 0 },
        flags: Flags(if answer { 0x12 } else { 0x02 }),
        window: 1_000,
        len: 0,
        options: Options::default(),
        speaks: |_| None,
        alert: false,
        payload: &[],
    }
}

/// Both captures of handshakes at these times of the client's clock; the server's shows `there` for it.
fn points(times: &[u64], there: impl Fn(u64) -> u64) -> [Point; 2] {
    let mut points = [Point::new("client", 100), Point::new("server", 100)];
    for (port, &at) in (40_000..).zip(times) {
        let [client, server] = &mut points;
        client.add(&opening(at, port, false));
        server.add(&opening(there(at + WAY), port, false));
        server.add(&opening(there(at + WAY + MS), port, true));
        client.add(&opening(at + 2 * WAY + MS, port, true));
    }
    points
}

const HOUR: u64 = 3_600_000 * MS;

#[test]
fn an_offset_is_known_to_half_the_round_trip() {
    let [client, server] = points(&[HOUR, HOUR + 5_000 * MS], |at| at - 7_000 * MS);
    let seen = clocks(&client, &server).unwrap();
    let wrong = (seen.offset_ns + 7_000_000_000).unsigned_abs();
    assert!(wrong <= seen.within_ns.unsigned_abs(), "{seen:?}");
    assert_eq!(seen.within_ns.unsigned_abs(), WAY, "{seen:?}");
    assert_eq!(
        (seen.connections, seen.drift_ppm),
        (2, None),
        "too short for a drift"
    );
    // The other way round it has the other sign.
    assert_eq!(clocks(&server, &client).unwrap().offset_ns, -seen.offset_ns);
}

#[test]
fn a_drift_is_told_in_parts_per_million() {
    let times: Vec<u64> = (0..20).map(|minute| HOUR + minute * 60_000 * MS).collect();
    // A hundred parts in a million.
    let [client, server] = points(&times, |at| at + (at - HOUR) / 10_000);
    let drift = clocks(&client, &server).unwrap().drift_ppm.unwrap();
    assert!((drift - 100.0).abs() < 1.0, "{drift}");
}

#[test]
fn captures_without_a_handshake_in_common_have_no_clocks_to_compare() {
    let [client, _] = points(&[HOUR], |at| at);
    let [_, server] = points(&[], |at| at);
    assert!(clocks(&client, &server).is_none());
}
