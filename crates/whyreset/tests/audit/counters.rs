//! Findings that counters make, and namespaces in which there is none.

use std::io::{Read, Write};
use std::time::Duration;

use socket2::SockRef;

use super::space::{Space, settle};

pub fn a_fresh_namespace() {
    let space = Space::new();
    let audit = space.audit(&["--fail-on", "any"]);
    assert_eq!(audit.ids(), [""; 0], "{:?}", audit.findings);
    assert_eq!(audit.code, Some(0), "{}", audit.notices);
    assert!(audit.notices.contains("nothing found"), "{}", audit.notices);
}

pub fn a_healthy_namespace() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let (mut client, mut server) = space.connect(&listener);
    client.write_all(b"ask").unwrap();
    server.read_exact(&mut [0; 3]).unwrap();
    server.write_all(b"answer").unwrap();
    client.read_exact(&mut [0; 6]).unwrap();
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    drop(server);
    let standing = space.connect(&listener);
    SockRef::from(&standing.0).set_keepalive(true).unwrap();
    settle();
    let audit = space.audit(&["--fail-on", "any", "--watch", "300ms"]);
    assert_eq!(audit.ids(), [""; 0], "{:?}", audit.findings);
    assert_eq!(audit.code, Some(0), "{}", audit.notices);
}

pub fn closed_unread() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let (mut client, server) = space.connect(&listener);
    client.write_all(&[0; 100]).unwrap();
    server.peek(&mut [0; 100]).unwrap();
    drop(server);
    assert!(client.read(&mut [0]).is_err(), "it was reset");
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("close-unread"), "happened");
    assert_eq!(audit.one("close-unread")["causes"][0], "unread-data");
    // The client's end of the same connection.
    assert_eq!(audit.ids(), ["close-unread", "connections-reset"]);
    assert_eq!(space.audit(&["--fail-on", "unread-data"]).code, Some(1));
    assert_eq!(space.audit(&["--fail-on", "linger2-abort"]).code, Some(0));
}

pub fn data_after_close() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let (client, server) = space.connect(&listener);
    SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    settle();
    drop(client);
    assert_eq!(space.audit(&[]).severity("close-data"), "happened");
}

pub fn a_closed_port() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let gone = space.listen(81, 511);
    drop(space.connect(&listener));
    settle();
    let before = space.audit(&[]);
    assert!(!before.ids().contains(&"connects-failed"), "{:?}", before.ids());
    let address = gone.local_addr().unwrap();
    drop(gone);
    // A program that another test starts holds a copy until it runs.
    settle();
    assert!(space.inside(|| std::net::TcpStream::connect(address)).is_err());
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("connects-failed"), "happened");
    assert_eq!(audit.one("resets-sent")["causes"][0], "no-listener");
}

pub fn given_up() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let (mut client, _server) = space.connect(&listener);
    SockRef::from(&client)
        .set_tcp_user_timeout(Some(Duration::from_millis(400)))
        .unwrap();
    assert!(!space.audit(&[]).ids().contains(&"gave-up"));
    space.nft("add table ip t; add chain ip t c { type filter hook input priority 0; policy drop; }");
    client.write_all(b"nobody hears it").unwrap();
    std::thread::sleep(Duration::from_millis(1_800));
    let audit = space.audit(&[]);
    assert_eq!(audit.severity("gave-up"), "happened");
}

pub fn while_we_watch() {
    let space = Space::new();
    let listener = space.listen(80, 511);
    let reset = || {
        let (mut client, server) = space.connect(&listener);
        client.write_all(&[0; 100]).unwrap();
        server.peek(&mut [0; 100]).unwrap();
        drop(server);
        _ = client.read(&mut [0]);
    };
    reset();
    let quiet = space.audit(&["--watch", "200ms"]);
    assert_eq!(quiet.severity("close-unread"), "happened");
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| space.audit(&["--watch", "2s"]));
        for _ in 0..16 {
            std::thread::sleep(Duration::from_millis(100));
            reset();
        }
        let audit = watching.join().expect("it ends");
        assert_eq!(audit.severity("close-unread"), "happening");
        let likely = audit.one("close-unread")["likely"].as_str().unwrap();
        assert!(likely.contains("it happens"), "{likely}");
    });
}
