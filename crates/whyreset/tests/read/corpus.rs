//! The public captures with a known story, read where they are. Refuses to copy them, and skips where they
//! are not.

use std::path::Path;

use super::{run, verdicts};

/// What `../shared/corpus/README.md` says of each file: the causes of its resets in their order, or
/// what no reset of it may be called.
const STORIES: [(&str, &[&str]); 24] = [
    ("injector-triple-rst.pcap", &["injected-reset"]),
    ("injector-control.pcap", &[]),
    ("injector-ttl-mirroring.pcap", &["injected-reset"]),
    ("injector-mirrors-ipid.pcap", &["injected-reset", "unread-data"]),
    ("lb-seq-nonzero-refusals.pcap", &["firewall-reject"]),
    // A forged refusal before the server's own answer, and the server's own abort at last.
    ("rst-inject-rae.pcap", &["injected-reset", "unread-data"]),
    ("lb-idle-181s-code-9300.pcap", &["idle-timeout"]),
    ("lb-stray-code-8201.pcap", &["connection-forgotten"]),
    ("single-rst.pcap", &["unknown"]),
    ("syn-then-rst.pcap", &["unknown"]),
    // An ACK of what was never sent: RFC 9293 §3.10.7.3 answers it so.
    ("syn-then-ack-then-rst.pcap", &["bad-syn-ack"]),
    ("syn-then-stuff-then-rst.pcap", &["unknown"]),
    ("https-to-http.pcap", &["wrong-protocol"]),
    ("f5-payload.pcap", &["unknown"]),
    ("rst-diagnostic-payload.pcap", &["unknown"]),
    ("mptcp-tcprst.pcap", &["mptcp-subflow"]),
    ("client-abort-then-nat-gateway.pcap", &["unread-data"]),
    ("close-while-data-arrives-cdn-ttl.pcap", &["write-after-close"]),
    (
        "tls-alert-then-reset.pcap",
        &["write-after-close", "unread-data", "linger-abort"],
    ),
    ("rst-while-unacked.pcap", &["unread-data", "linger-abort"]),
    ("tcp_refuseconnection.pcapng", &["no-listener"]),
    ("nowebaccess2.pcapng", &["no-listener"]),
    // A balancer's reset that nothing drew, 9 s after the last segment, without a word why; and a
    // client's after 65 s of silence, with all read that had come.
    ("http-client-refuse.pcap", &["unknown", "linger-abort"]),
    // A bare ACK to no connection, and a closed port: each once, though captured twice.
    ("double-vision.pcap", &["connection-forgotten", "no-listener"]),
];

/// Whose causes stand in the order of their resets, one for each, and how often each of these came.
const EXACT: [(&str, &[u64]); 3] = [
    ("http-client-refuse.pcap", &[1, 1]),
    ("double-vision.pcap", &[1, 1]),
    ("rst-inject-rae.pcap", &[1, 2]),
];

/// Whose resets are all of hosts.
const HOSTS: [&str; 9] = [
    "https-to-http.pcap",
    "mptcp-tcprst.pcap",
    "client-abort-then-nat-gateway.pcap",
    "close-while-data-arrives-cdn-ttl.pcap",
    "tls-alert-then-reset.pcap",
    "rst-while-unacked.pcap",
    "tcp_refuseconnection.pcapng",
    "nowebaccess2.pcapng",
    "double-vision.pcap",
];

#[test]
fn the_public_corpus_is_judged_as_its_stories_say() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        eprintln!(
            "skipped {} captures: no corpus of public ones beside the project",
            STORIES.len()
        );
        return;
    }
    let mut wrong = Vec::new();
    for (file, causes) in STORIES {
        let path = corpus.join(file);
        let said = verdicts(&run(&[path.to_str().unwrap(), "-o", "json", "--all"]));
        assert_eq!(said.is_empty(), causes.is_empty(), "{file}");
        if let Some((_, counts)) = EXACT.iter().find(|(exact, _)| *exact == file) {
            let told: Vec<(&str, u64)> = said
                .iter()
                .map(|verdict| {
                    let id = verdict["cause"]["id"].as_str().unwrap();
                    (id, verdict["reset"]["count"].as_u64().unwrap())
                })
                .collect();
            let expected: Vec<(&str, u64)> = causes.iter().copied().zip(counts.iter().copied()).collect();
            assert_eq!(told, expected, "{file}");
        }
        for verdict in said {
            let cause = verdict["cause"]["id"].as_str().unwrap_or_default();
            if !causes.contains(&cause) {
                wrong.push(format!("{file} frame {}: {cause}", verdict["reset"]["frame"]));
            }
            assert_ne!(verdict["cause"]["certainty"], "certain", "{file}");
            let party = verdict["sender"]["party"].as_str().unwrap_or_default();
            let host = !["middlebox", "firewall"].contains(&party) && verdict["sender"]["host"] != "between";
            assert!(host || !HOSTS.contains(&file), "{file}: {verdict}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
