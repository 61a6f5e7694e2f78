//! Sockets of the kernel: no process is accused of them, whatever the cause, and programs' stay programs'.

use std::string::ToString as _;

use whyreset_evidence::{Party, Verdict, parse_dossier};

use super::*;
use crate::judge;

fn verdict(text: &str) -> Verdict {
    judge(&parse_dossier(text).unwrap())
}

fn says(verdict: &Verdict, what: &str) -> bool {
    verdict.evidence.iter().any(|line| line.what.contains(what))
}

#[test]
fn a_worker_names_its_service_and_nobody_is_accused() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:9999 watch=client\n\
         +0 client sent state=CLOSE shut=3 attached linger=0 of-kernel by=nvme-delete-wq[33] kernel",
    );
    assert_eq!(
        (told.cause.id, told.sender.party),
        ("linger-abort", Party::Kernel)
    );
    assert_eq!(
        (told.sender.process.clone(), told.cause.situation),
        (None, Some(SITUATION))
    );
    assert!(
        told.cause
            .summary
            .starts_with("the client's kernel itself (NVMe over TCP) closed")
    );
    assert!(says(
        &told,
        "the kernel thread nvme-delete-wq closed the client's socket"
    ));
    assert!(
        told.fix.iter().all(|fix| !fix.contains("SO_LINGER")),
        "{:?}",
        told.fix
    );
}

#[test]
fn who_asked_is_told_and_not_accused() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:4420 watch=client\n\
         +0 client sent state=CLOSE shut=3 attached linger=0 of-kernel by=kernel[0] kernel\n\
         +0 client asked-by nvme[7]",
    );
    assert_eq!(
        (told.sender.process.clone(), told.sender.party),
        (None, Party::Kernel)
    );
    assert!(says(&told, "in a call of nvme[7], which asked for it"));
    assert!(told.cause.summary.contains("(port 4420: NVMe over TCP)"));
    assert!(!told.cause.summary.contains("nvme[7]"));
}

#[test]
fn a_dying_process_in_whose_call_it_is_closed_did_not_die_of_it() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:2049 watch=client\n\
         +0 client sent state=CLOSE shut=3 attached unread=9 of-kernel by=kernel[0] kernel\n\
         +0 client asked-by umount[7] exit=signal:9",
    );
    assert_eq!(
        (told.cause.id, told.sender.process.clone()),
        ("unread-data", None)
    );
}

#[test]
fn a_victim_of_the_kernel_is_no_process() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:2049 watch=client,server\n\
         +0 server sent state=CLOSE shut=3 attached linger=0 by=ganesha[9]\n\
         +0.01 client received state=ESTABLISHED attached of-kernel\n\
         +0.02 client errored ECONNRESET",
    );
    let victim = told.victim.clone().unwrap();
    assert_eq!((victim.process, victim.errno), (None, None));
    assert_eq!(victim.kernel.as_deref(), Some("port 2049: NFS"));
    assert_eq!(told.sender.process.as_ref().unwrap().to_string(), "ganesha[9]");
    assert_eq!(
        (told.sender.party, told.cause.situation),
        (Party::Application, None)
    );
}

#[test]
fn a_programs_socket_on_such_a_port_stays_the_programs() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:2049 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached linger=0 by=ganesha[9]",
    );
    assert_eq!(
        (told.sender.party, told.cause.situation),
        (Party::Application, None)
    );
    assert_eq!(told.sender.process.unwrap().name, "ganesha");
    assert!(told.fix.iter().any(|fix| fix.contains("SO_LINGER")));
}

#[test]
fn the_last_reference_in_a_kernel_thread_leaves_it_with_its_owner() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:80 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=9 by=events[5] kernel\n\
         +0 server owner app[9]",
    );
    assert_eq!(
        (told.cause.id, told.sender.party),
        ("unread-data", Party::Application)
    );
    assert_eq!(told.sender.process.as_ref().unwrap().name, "app");
    assert!(says(&told, "the kernel thread events closed the socket"));
}

#[test]
fn a_timer_of_the_kernels_own_socket_keeps_the_causes_advice() {
    let told = verdict(
        "flow 10.0.0.2:53211 > 10.0.0.1:3260 watch=client\n\
         +0 client sent state=ESTABLISHED attached of-kernel keepalive probes=9 heard-ago=60000\n\
         +0.01 client errored ETIMEDOUT",
    );
    assert_eq!(
        (told.cause.id, told.cause.situation),
        ("keepalive-timeout", Some(SITUATION))
    );
    assert!(
        told.fix.len() > 1 && told.fix[0].contains("iscsi"),
        "{:?}",
        told.fix
    );
}

#[test]
fn what_it_says_is_in_one_tone() {
    for service in &SERVICES {
        assert!(
            !service.fix.ends_with('.') && !service.fix.starts_with(char::is_uppercase),
            "{}",
            service.name
        );
    }
}
