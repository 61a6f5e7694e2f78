//! Events to facts: who is named, whose tombstone counts, what is an echo.

use whyreset_evidence::Roles;

use super::*;
use crate::abi::mode;

fn mapped(v4: [u8; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[10..12].fill(0xff);
    bytes[12..].copy_from_slice(&v4);
    bytes
}

fn comm(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

/// An event at 10.0.0.1:80 of a connection from 10.0.0.2:5000, one hour after boot.
pub fn event(kind: u32) -> Event {
    let mut event = Event {
        kind,
        at: 3_600_000_000_000,
        reason: abi::NO_REASON,
        ..Event::default()
    };
    event.jiffies = (1 << 32) - 300 * 250 + 3_600 * 250;
    event.tuple.laddr = mapped([10, 0, 0, 1]);
    event.tuple.raddr = mapped([10, 0, 0, 2]);
    (event.tuple.lport, event.tuple.rport) = (80, 5000);
    event
}

/// A live accepted socket being closed by `nginx[812]`.
pub fn closing() -> Event {
    let mut event = event(event_type::SENT);
    (event.sk, event.mode, event.state, event.shutdown) = (7, mode::FULL, 7, 3);
    event.flags = flag::ATTACHED;
    event.unread = 100;
    event.owner = abi::Owner {
        born: event.at - 50_000_000,
        role: role::SERVER,
        ..abi::Owner::default()
    };
    event.current = abi::Task {
        tgid: 812,
        comm: comm("nginx"),
        ..abi::Task::default()
    };
    event
}

pub fn tell(event: &Event) -> Told {
    Translator {
        names: Names::default(),
        clock: Clock::fixed(),
    }
    .tell(event)
    .unwrap()
}

fn sent(told: &Told) -> &Sent {
    told.facts
        .iter()
        .find_map(|fact| match &fact.what {
            What::Sent(sent) => Some(sent),
            _ => None,
        })
        .unwrap()
}

fn endings(told: &Told) -> Vec<(Side, &Ended)> {
    told.facts
        .iter()
        .filter_map(|fact| match &fact.what {
            What::Ended(ended) => Some((fact.side?, ended)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_closer_is_the_actor_and_an_answer_has_none() {
    let told = tell(&closing());
    assert_eq!((told.side, told.flow.roles), (Side::Server, Roles::Known));
    assert_eq!(sent(&told).actor.as_ref().unwrap().to_string(), "nginx[812]");
    let mut answer = closing();
    answer.trigger = abi::Segment {
        present: 1,
        flags: 0x18,
        len: 5,
        ..abi::Segment::default()
    };
    assert_eq!(sent(&tell(&answer)).actor, None);
    let mut timer = closing();
    timer.state = 1;
    assert_eq!(sent(&tell(&timer)).actor, None);
    let mut worker = closing();
    worker.current.marks = task_mark::KTHREAD;
    let actor = sent(&tell(&worker)).actor.clone().unwrap();
    assert!(
        actor.kernel,
        "a kernel thread only carries out what another began"
    );
}

#[test]
fn how_a_process_dies_is_read_from_its_exit_code() {
    for (code, marks, exit) in [
        (9, 0, Exit::Signal(9)),
        (0x8b, 0, Exit::Signal(11)),
        (3 << 8, 0, Exit::Code(3)),
        (0, 0, Exit::Code(0)),
        (9, task_mark::OOM, Exit::OutOfMemory),
    ] {
        let mut event = closing();
        (
            event.current.exiting,
            event.current.exit_code,
            event.current.marks,
        ) = (1, code, marks);
        assert_eq!(
            sent(&tell(&event)).actor.as_ref().unwrap().exit,
            Some(exit),
            "{code:#x}"
        );
    }
}

#[test]
fn a_tombstone_older_than_the_socket_is_another_connection() {
    let mut event = closing();
    event.tombstone.by = abi::Task {
        tgid: 5,
        comm: comm("old"),
        ..abi::Task::default()
    };
    event.tombstone.closed_at = event.owner.born - 1;
    assert!(endings(&tell(&event)).is_empty());
    event.tombstone.closed_at = event.owner.born + 1;
    assert_eq!(endings(&tell(&event)).len(), 1);
    // What this very reset wrote is no earlier end.
    event.tombstone.failed_at = event.at;
    event.tombstone.err = 104;
    assert_eq!(endings(&tell(&event)).len(), 1);
}

#[test]
fn a_syn_has_no_past() {
    let mut event = event(event_type::SENT);
    event.trigger = abi::Segment {
        present: 1,
        flags: Flags::SYN,
        ..abi::Segment::default()
    };
    event.tombstone.closed_at = event.at - 1;
    let told = tell(&event);
    assert!(endings(&told).is_empty());
    assert_eq!((told.side, told.flow.roles), (Side::Server, Roles::Known));
}

#[test]
fn a_stray_answer_after_our_own_reset_is_an_echo() {
    let mut event = event(event_type::SENT);
    event.trigger = abi::Segment {
        present: 1,
        flags: 0x18,
        len: 5,
        ..abi::Segment::default()
    };
    assert!(!tell(&event).echo);
    event.tombstone.reset_sent = 1;
    assert!(tell(&event).echo);
    event.trigger.flags = Flags::SYN;
    assert!(!tell(&event).echo, "a new connection is nobody's echo");
    event.trigger.flags = 0x18;
    (event.mode, event.state) = (mode::FULL, 7);
    assert!(!tell(&event).echo, "a living socket speaks for itself");
}

#[test]
fn the_killer_is_named_where_its_signal_was_the_deadly_one() {
    let mut event = closing();
    (event.current.exiting, event.current.exit_code) = (1, 9);
    event.killer = abi::Killer {
        at: event.at - 1,
        tgid: 77,
        signal: 9,
        comm: comm("bash"),
    };
    let killers = |event: &Event| {
        tell(event)
            .facts
            .iter()
            .filter(|fact| matches!(&fact.what, What::Killed(k) if k.by.pid == 77))
            .count()
    };
    assert_eq!(killers(&event), 1);
    event.killer.signal = 15;
    assert_eq!(killers(&event), 0, "a signal that was handled killed nobody");
}

#[test]
fn hostile_names_are_text_and_nothing_more() {
    let mut event = closing();
    event.current.comm = [0xff; 16];
    assert!(!sent(&tell(&event)).actor.as_ref().unwrap().name.is_empty());
}

fn asked(told: &Told) -> Option<String> {
    told.facts.iter().find_map(|fact| match &fact.what {
        What::AskedBy(process) => Some(process.to_string()),
        _ => None,
    })
}

#[test]
fn what_the_kernel_uses_itself_is_no_programs() {
    let mut own = closing();
    own.flags |= flag::KERNEL;
    (own.owner.tgid, own.owner.comm) = (812, comm("nginx"));
    let told = tell(&own);
    let reset = sent(&told);
    assert!(told.of_kernel && reset.socket.as_ref().unwrap().of_kernel);
    assert_eq!(reset.actor.as_ref().unwrap().to_string(), "the kernel itself");
    assert_eq!(asked(&told).as_deref(), Some("nginx[812]"));
    assert!(
        !told
            .facts
            .iter()
            .any(|fact| matches!(fact.what, What::Owner(_) | What::Listener(_))),
        "who opened it does not hold it"
    );
    own.current = abi::Task {
        tgid: 33,
        marks: task_mark::KTHREAD,
        comm: comm("nvme-wq"),
        ..abi::Task::default()
    };
    let told = tell(&own);
    let actor = sent(&told).actor.clone().unwrap();
    assert_eq!(
        (actor.to_string().as_str(), actor.pid),
        ("the kernel thread nvme-wq", 33)
    );
    assert_eq!(asked(&told), None);
    own.flags ^= flag::KERNEL | flag::MADE;
    assert!(
        !tell(&own).of_kernel,
        "an accepted one may have the mark of a Multipath TCP listener"
    );
    own.owner.role = role::CLIENT;
    assert!(tell(&own).of_kernel);
    own.flags |= flag::DEAD;
    let told = tell(&own);
    assert_eq!(
        (sent(&told).actor.clone(), asked(&told)),
        (None, None),
        "an orphan's end is a timer's"
    );
    assert_eq!(
        asked(&tell(&closing())),
        None,
        "a program's own close was asked for by nobody"
    );
}

#[test]
fn what_a_kernel_thread_closes_where_the_kernel_listens_is_the_kernels() {
    let mut taken = closing();
    taken.listener.kernel = 1;
    assert!(!tell(&taken).of_kernel, "a process closed it");
    taken.current.marks = task_mark::KTHREAD;
    assert!(tell(&taken).of_kernel);
    taken.listener.kernel = 0;
    assert!(!tell(&taken).of_kernel, "a process listens there");
}

#[test]
fn a_tombstone_tells_that_the_kernel_closed_its_own() {
    let mut stray = event(event_type::SENT);
    stray.trigger = abi::Segment {
        present: 1,
        flags: 0x18,
        len: 5,
        ..abi::Segment::default()
    };
    stray.tombstone = abi::Tombstone {
        closed_at: stray.at - 5_000_000,
        closed_from: 1,
        closed_to: 4,
        shutdown: 3,
        by: closing().current,
        flags: flag::KERNEL,
        ..abi::Tombstone::default()
    };
    let told = tell(&stray);
    let (_, ended) = endings(&told)[0];
    assert!(ended.socket.of_kernel && ended.by.as_ref().unwrap().kernel);
    assert_eq!(asked(&told).as_deref(), Some("nginx[812]"));
    stray.tombstone.flags = 0;
    let told = tell(&stray);
    let (_, ended) = endings(&told)[0];
    assert_eq!(ended.by.as_ref().unwrap().to_string(), "nginx[812]");
}

/// An ACK without data that meets no connection, `late_ms` after this end closed as the second of the two.
fn late(late_ms: u64) -> Event {
    let mut late = event(event_type::SENT);
    late.trigger = abi::Segment {
        present: 1,
        flags: 0x10,
        ..abi::Segment::default()
    };
    late.parted = u32::try_from((late.jiffies - late_ms / 4) & u64::from(u32::MAX)).unwrap();
    late
}

#[test]
fn what_comes_late_meets_a_connection_that_both_ends_had_closed() {
    let told = tell(&late(200));
    let (side, ended) = endings(&told)[0];
    assert_eq!(
        (side, ended.from, ended.to),
        (Side::Server, TcpState::CloseWait, TcpState::LastAck)
    );
    let mut older = late(200);
    older.tombstone = abi::Tombstone {
        closed_at: older.at - 5_000_000_000,
        closed_from: 1,
        closed_to: 4,
        by: closing().current,
        ..abi::Tombstone::default()
    };
    assert_eq!(
        endings(&tell(&older)).len(),
        1,
        "an earlier connection of the same addresses"
    );
    older.tombstone.failed_at = older.at - 100_000_000;
    older.tombstone.err = 110;
    assert_eq!(endings(&tell(&older)).len(), 2, "it was given up after the close");
}

#[test]
fn what_no_end_that_had_closed_can_send_is_another_connections() {
    assert_eq!(endings(&tell(&late(90_000))), [], "too long ago");
    let mut data = late(200);
    (data.trigger.len, data.trigger.flags) = (5, 0x18);
    assert_eq!(endings(&tell(&data)), [], "new data");
    let mut opening = late(200);
    opening.trigger.flags = 0x02;
    assert_eq!(endings(&tell(&opening)), [], "a SYN");
    let mut met = late(200);
    (met.mode, met.state) = (mode::FULL, 1);
    assert_eq!(endings(&tell(&met)), [], "a connection took it");
}
