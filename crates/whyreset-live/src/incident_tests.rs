//! Events of one reset become one dossier.

use super::*;
use crate::abi::{self, event_type, mode};
use crate::facts::tests::{closing, event, tell};

fn matured(incidents: &mut Incidents, now: Option<Duration>) -> Vec<Dossier> {
    let mut out = Vec::new();
    incidents.mature(now, &Setting::default(), &mut |dossier| {
        out.push(dossier);
        true
    });
    out
}

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The client's end of [`closing`], reset while established.
fn received() -> abi::Event {
    let mut event = event(event_type::RECEIVED);
    std::mem::swap(&mut event.tuple.laddr, &mut event.tuple.raddr);
    (event.tuple.lport, event.tuple.rport) = (5000, 80);
    (event.sk, event.mode, event.state) = (9, mode::FULL, 1);
    event
}

#[test]
fn both_ends_of_one_reset_are_one_dossier() {
    let mut incidents = Incidents::default();
    // The receiver is heard first, and does not know who opened the connection.
    incidents.add(at(0), 1, tell(&received()));
    incidents.add(at(1), 2, tell(&closing()));
    assert!(
        matured(&mut incidents, Some(at(30))).is_empty(),
        "the other end may still speak"
    );
    let dossiers = matured(&mut incidents, Some(at(100)));
    assert_eq!(dossiers.len(), 1);
    let dossier = &dossiers[0];
    assert_eq!(dossier.flow.client.port(), 5000);
    assert_eq!(dossier.sent().unwrap().0.side, Some(Side::Server));
    assert_eq!(dossier.received().unwrap().0.side, Some(Side::Client));
    assert!(dossier.coverage.client && dossier.coverage.server);
    assert!(matured(&mut incidents, None).is_empty());
}

#[test]
fn a_wrong_guess_of_the_roles_is_corrected() {
    let mut incidents = Incidents::default();
    let mut client = received();
    // By its ports alone the client would be taken for the server.
    (client.tuple.lport, client.tuple.rport) = (79, 80);
    let mut server = closing();
    server.tuple.rport = 79;
    incidents.add(at(0), 1, tell(&client));
    incidents.add(at(0), 1, tell(&server));
    let dossier = &matured(&mut incidents, None)[0];
    assert_eq!(
        (dossier.flow.client.port(), dossier.flow.roles),
        (79, Roles::Known)
    );
    assert_eq!(dossier.received().unwrap().0.side, Some(Side::Client));
    assert_eq!(dossier.sent().unwrap().0.side, Some(Side::Server));
}

#[test]
fn the_kernel_resetting_its_own_socket_is_no_received_reset() {
    let mut incidents = Incidents::default();
    let mut own = event(event_type::RECEIVED);
    (own.sk, own.mode, own.state, own.shutdown) = (7, mode::FULL, 5, 3);
    let mut answer = closing();
    answer.trigger = abi::Segment {
        present: 1,
        flags: 0x18,
        len: 5,
        ..abi::Segment::default()
    };
    incidents.add(at(0), 1, tell(&own));
    incidents.add(at(0), 1, tell(&answer));
    let dossier = &matured(&mut incidents, None)[0];
    assert!(dossier.received().is_none());
    assert!(!dossier.coverage.client, "only the server's end was seen");
}

#[test]
fn an_abort_has_an_actor_and_a_timer_has_none() {
    for (err, actor) in [(103, true), (110, false)] {
        let mut incidents = Incidents::default();
        let mut sent = closing();
        (sent.state, sent.shutdown) = (1, 0);
        let mut failed = closing();
        (failed.kind, failed.state, failed.err) = (event_type::ERROR, 1, err);
        incidents.add(at(0), 1, tell(&sent));
        incidents.add(at(0), 1, tell(&failed));
        let dossier = &matured(&mut incidents, None)[0];
        assert_eq!(dossier.sent().unwrap().1.actor.is_some(), actor, "errno {err}");
    }
}

#[test]
fn memory_is_bounded_under_a_storm() {
    let mut incidents = Incidents::default();
    let mut handed_over = 0;
    for port in 0..(2 * OPEN_AT_MOST) {
        let mut event = event(event_type::SENT);
        event.trigger = abi::Segment {
            present: 1,
            flags: 2,
            ..abi::Segment::default()
        };
        event.tuple.rport = u16::try_from(1024 + port).unwrap();
        incidents.add(at(0), 1, tell(&event));
        handed_over += matured(&mut incidents, Some(at(0))).len();
    }
    assert!(incidents.open.len() <= OPEN_AT_MOST);
    assert_eq!(
        handed_over + incidents.open.len(),
        2 * OPEN_AT_MOST,
        "none is lost"
    );
}

#[test]
fn a_reset_whose_sender_is_not_seen_waits_longer_for_one() {
    let mut incidents = Incidents::default();
    incidents.add(at(0), 1, tell(&received()));
    assert!(matured(&mut incidents, Some(at(100))).is_empty());
    incidents.add(at(150), 2, tell(&closing()));
    let dossiers = matured(&mut incidents, Some(at(250)));
    assert_eq!(dossiers.len(), 1);
    assert!(dossiers[0].sent().is_some() && dossiers[0].received().is_some());
}

#[test]
fn what_the_accused_sends_on_is_heard() {
    let mut incidents = Incidents::default();
    let mut hit = received();
    hit.rcv_nxt = 7_001;
    incidents.add(at(0), 1, tell(&hit));
    let mut echo = event(event_type::SENT);
    echo.tuple = hit.tuple;
    echo.tombstone.failed_at = 1;
    echo.tombstone.err = 104;
    echo.trigger.present = 1;
    echo.trigger.flags = 0x18;
    for (seq, len) in [(6_900, 40), (7_001, 0)] {
        (echo.trigger.seq, echo.trigger.len) = (seq, len);
        incidents.add(at(10), 1, tell(&echo));
    }
    (echo.trigger.seq, echo.trigger.len) = (7_001, 40);
    incidents.add(at(20), 1, tell(&echo));
    assert_eq!(incidents.echoes, 3);
    let dossiers = matured(&mut incidents, None);
    assert_eq!(dossiers.len(), 1);
    let from = dossiers[0].from().unwrap();
    assert_eq!(
        dossiers[0].went_on(from).map(|(_, segment)| segment.len),
        Some(40)
    );
    let heard = dossiers[0]
        .facts
        .iter()
        .filter(|fact| matches!(fact.what, What::WentOn(_)));
    assert_eq!(
        heard.count(),
        1,
        "what was on its way before the reset proves nothing"
    );
}
