//! Reading and writing recordings: the round trip, and what is refused.

use super::*;
use crate::{Fact, Process, Side, What};

const CASE: &str = "\
flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=client,server netns=4026531840 lost=2
-250.5 server ended ESTABLISHED>FIN_WAIT1 shut=3 age=12 by=my%20app[812] exit=signal:9 unit=app.service alive=no
+0 server sent state=TIME_WAIT mini sub=FIN_WAIT2 on=P. seq=1 ack=2 len=24 win=502 ttl=64 payload=15030300 reason=TCP_TIMEWAIT_SOCKET
+0.01 client received state=CLOSE_WAIT unacked=24 sent-ago=0 keepalive handshake-ttl=63
+0.02 client errored EPIPE
+0.03 client owner curl[9]
+0.04 server listener my%20app[800]
+0.05 between dropped reason=NETFILTER_DROP netns=7 device=2 on=S
+0.06 server killed victim=812 signal=9 by=sh[1] cite=log:/var/log/x:7 with words
+0.07 server holds my%20app[800] fds=7 fd-limit=9 running=60 memory=1/2
+0.08 between untranslated 10.0.0.9:1>[fd00::1]:2 reply ct-state=3 timeout=1000 asked by=conntrack[7]
+0.082 between balanced [fd00::1]:80 by=wlc timeout=900000
+0.085 between ruled whole reset-surely=inet%20t%20c:%20reject reset-perhaps=b counted=7 drop-surely=c drop-perhaps=d
+0.09 between tracking entries=5 most=6
+0.095 server standing ESTABLISHED
+0.0955 client only-with [fd00::9]:443
+0.096 server went-on on=P. seq=5 ack=6 len=7 win=8 ttl=9
+0.097 server logged tie=process apart=-120 clock=its%20clock%20agrees cause=process-killed quote=a%20b%0ac cite=log:/var/log/x:9
+0.098 server logged tie=host apart=1 case=crash quote=
+0.1 between alike count=3 of=4 silence=5001 spread=12
+0.2 server ended ESTABLISHED>FIN_WAIT1 shut=3 fin-seq=4294967295 by=app[1]
+0.3 client sent state=CLOSE shut=3 attached linger=0 of-kernel reason=TCP_STATE by=nvme-wq[33] kernel
+0.4 client asked-by nvme[7]
";

#[test]
fn what_is_written_reads_back_the_same() {
    let dossier = parse_dossier(CASE).unwrap();
    assert_eq!(dossier.facts.len(), 22);
    let again = parse_dossier(&write_dossier(&dossier)).unwrap();
    assert_eq!(dossier, again);
    assert_eq!(again.facts[7].cite, "log:/var/log/x:7 with words");
    assert_eq!(
        again.closed_by(Side::Server).unwrap().1.by.as_ref().unwrap().name,
        "my app"
    );
}

#[test]
fn a_bad_line_is_named_with_its_number() {
    for (text, line, part) in [
        ("", 1, "no flow line"),
        ("flow 10.0.0.2:1 10.0.0.1:2", 1, "`>`"),
        (
            "flow 10.0.0.2:1 > 10.0.0.1:2\n\n+0 server jumped",
            3,
            "unknown fact",
        ),
        (
            "flow 10.0.0.2:1 > 10.0.0.1:2\n+x server errored EPIPE",
            2,
            "not a time",
        ),
        (
            "flow 10.0.0.2:1 > 10.0.0.1:2\n+0 server sent unread=many",
            2,
            "not a number",
        ),
        (
            "flow 10.0.0.2:1 > 10.0.0.1:2\n+0 server sent colour=red",
            2,
            "unknown word",
        ),
        (
            "flow 10.0.0.2:1 > 10.0.0.1:2\n+0 nobody errored EPIPE",
            2,
            "client, server or between",
        ),
    ] {
        let error = parse_dossier(text).unwrap_err();
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.why.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn a_hostile_process_name_cannot_break_a_line() {
    let mut dossier = parse_dossier(CASE).unwrap();
    let name = "a\n+0 server errored EPIPE [1]% \u{1b}[31m";
    dossier.facts.push(Fact {
        at: dossier.facts[0].at,
        side: Some(Side::Client),
        what: What::Owner(Process::new(7, name)),
        cite: "proc:/proc/7/fd".into(),
    });
    let again = parse_dossier(&write_dossier(&dossier)).unwrap();
    assert_eq!(dossier, again);
}
