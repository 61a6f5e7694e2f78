//! Rulesets as `nft -j` prints them, held against segments.

use whyreset_evidence::{Flags, Ruled};

use super::*;
use crate::rules::{Device, Dropped, Rules};

/// Rule 6 of the chain is this expression.
fn ruleset(expression: &str) -> Rules {
    let at = r#""family": "inet", "table": "lab""#;
    let json = format!(
        r#"{{"nftables": [{{"metainfo": {{}}}},
        {{"chain": {{{at}, "name": "refuse", "handle": 3}}}},
        {{"chain": {{{at}, "name": "forward", "handle": 5, "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}}}},
        {{"set": {{{at}, "name": "closed", "handle": 2, "type": "inet_service", "flags": ["interval"],
            "elem": [{{"range": [1, 9]}}, {{"elem": {{"val": 8080, "comment": "x"}}}}]}}}},
        {{"rule": {{{at}, "chain": "refuse", "handle": 4, "expr": [
            {{"match": {{"op": "==", "left": {{"meta": {{"key": "l4proto"}}}}, "right": "tcp"}}}}, {{"reject": {{"type": "tcp reset"}}}}]}}}},
        {{"rule": {{{at}, "chain": "forward", "handle": 6, "expr": {expression}}}}},
        {{"rule": {{{at}, "chain": "forward", "handle": 7, "expr": [
            {{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": 7000}}}}, {{"drop": null}}]}}}}
        ]}}"#
    );
    Rules::of(parse(json.as_bytes(), false).expect("a ruleset").bases)
}

fn about(expression: &str, to: &str) -> Ruled {
    let to: std::net::SocketAddr = to.parse().unwrap();
    let from = if to.is_ipv6() {
        "[fd00::2]:40000"
    } else {
        "10.0.0.2:40000"
    };
    ruleset(expression).about(
        &Dropped {
            from: from.parse().unwrap(),
            to,
            flags: Flags(Flags::PSH | Flags::ACK),
            device: Some(Device {
                index: 2,
                name: "eth0".to_owned(),
            }),
        },
        &HashMap::new(),
    )
}

const RESET: &str = r#"{"reject": {"type": "tcp reset"}}"#;

fn matching(left: &str, op: &str, right: &str) -> String {
    format!(r#"[{{"match": {{"op": "{op}", "left": {left}, "right": {right}}}}}, {RESET}]"#)
}

const DPORT: &str = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;

#[test]
fn ports_addresses_devices_and_flags_are_decided() {
    let daddr = r#"{"payload": {"protocol": "ip", "field": "daddr"}}"#;
    let iif = r#"{"meta": {"key": "iifname"}}"#;
    let masked = r#"{"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]}"#;
    for (expression, to, met) in [
        (matching(DPORT, "==", "8080"), "10.0.0.1:8080", true),
        (matching(DPORT, "==", "8080"), "10.0.0.1:8081", false),
        (matching(DPORT, "!=", "8080"), "10.0.0.1:8081", true),
        (
            matching(DPORT, "==", r#"{"set": [80, {"range": [8000, 8090]}]}"#),
            "10.0.0.1:8080",
            true,
        ),
        (matching(DPORT, "==", r#""@closed""#), "[fd00::1]:8080", true),
        (matching(DPORT, "==", r#""@closed""#), "[fd00::1]:8081", false),
        (matching(DPORT, ">=", "8080"), "10.0.0.1:8080", true),
        (
            matching(daddr, "==", r#"{"prefix": {"addr": "10.0.0.0", "len": 24}}"#),
            "10.0.0.1:1",
            true,
        ),
        (
            matching(daddr, "==", r#"{"prefix": {"addr": "10.0.1.0", "len": 24}}"#),
            "10.0.0.1:1",
            false,
        ),
        (matching(daddr, "!=", r#""10.0.0.9""#), "[fd00::1]:1", false),
        (matching(iif, "==", r#""eth*""#), "10.0.0.1:1", true),
        (matching(iif, "==", r#""wlan0""#), "10.0.0.1:1", false),
        (matching(masked, "==", r#""ack""#), "10.0.0.1:1", true),
        (matching(masked, "==", r#""syn""#), "10.0.0.1:1", false),
    ] {
        let ruled = about(&expression, to);
        assert_eq!(ruled.the_one().is_some(), met, "{expression} {to}: {ruled:?}");
        assert!(ruled.whole, "{expression}");
    }
}

#[test]
fn what_is_not_known_afterwards_is_a_perhaps() {
    for expression in [
        matching(r#"{"ct": {"key": "state"}}"#, "in", r#"["invalid"]"#),
        matching(r#"{"meta": {"key": "mark"}}"#, "==", "7"),
        matching(DPORT, "==", r#""@nobody_knows""#),
        format!(r#"[{{"limit": {{"rate": 1, "per": "day"}}}}, {RESET}]"#),
    ] {
        let ruled = about(&expression, "10.0.0.1:7000");
        assert_eq!(ruled.resets.len(), 1, "{expression}");
        assert!(!ruled.resets[0].surely, "{expression}");
        assert!(
            ruled.the_one().is_none(),
            "the drop after it may have done it: {expression}"
        );
        // Where nothing else drops it, it is the one all the same.
        assert!(
            about(&expression, "10.0.0.1:1").the_one().is_some(),
            "{expression}"
        );
    }
}

#[test]
fn jumps_and_maps_lead_to_the_rule() {
    for expression in [
        r#"[{"jump": {"target": "refuse"}}]"#.to_owned(),
        r#"[{"goto": {"target": "refuse"}}]"#.to_owned(),
        format!(
            r#"[{{"vmap": {{"key": {DPORT}, "data": {{"set": [[80, {{"drop": null}}], [8080, {{"jump": {{"target": "refuse"}}}}]]}}}}}}]"#
        ),
    ] {
        let ruled = about(&expression, "10.0.0.1:8080");
        let text = &ruled.the_one().expect("a rule").text;
        assert_eq!(text, "inet lab refuse handle 4");
    }
    let ruled = about(r#"[{"accept": null}]"#, "10.0.0.1:7000");
    assert!(
        ruled.drops.is_empty() && ruled.resets.is_empty(),
        "accepted before: {ruled:?}"
    );
}

#[test]
fn the_counter_that_moved_tells_which_of_two_it_was() {
    let two = format!(
        r#"[{{"match": {{"op": "==", "left": {{"meta": {{"key": "mark"}}}}, "right": 7}}}}, {{"counter": {{"packets": 5, "bytes": 9}}}}, {RESET}]"#
    );
    let rules = ruleset(&two);
    let counters = rules.counters();
    assert_eq!(counters.values().collect::<Vec<_>>(), [&5]);
    let segment = Dropped {
        from: "10.0.0.2:1".parse().unwrap(),
        to: "10.0.0.1:7000".parse().unwrap(),
        flags: Flags(2),
        device: Some(Device::default()),
    };
    assert!(
        rules.about(&segment, &counters).the_one().is_none(),
        "it stood still"
    );
    let before = counters.into_keys().map(|rule| (rule, 4)).collect();
    assert!(rules.about(&segment, &before).the_one().is_some());
}

#[test]
fn what_is_not_understood_leaves_a_doubt() {
    let ruled = about(r#"[{"teleport": {}}]"#, "10.0.0.1:8080");
    assert!(!ruled.whole);
    let round = r#"[{"jump": {"target": "forward"}}]"#;
    assert!(!about(round, "10.0.0.1:8080").whole, "a circle ends");
}

#[test]
fn any_json_is_taken() {
    let json = br#"{"nftables":[{"chain":{"family":"ip","table":"t","name":"c","hook":"input","prio":0}},{"rule":{"family":"ip","table":"t","chain":"c","handle":1,"expr":[{"match":{"op":"==","left":{"&":[{"payload":{"protocol":"tcp","field":"flags"}},["syn"]]},"right":{"prefix":{"addr":"::","len":500}}}},{"vmap":{"key":{},"data":{"set":[[1]]}}}]}}]}"#;
    let segment = Dropped {
        from: "10.0.0.2:1".parse().unwrap(),
        to: "10.0.0.1:2".parse().unwrap(),
        flags: Flags(2),
        device: Some(Device::default()),
    };
    for at in 0..json.len() {
        for value in [b'"', b'{', b'}', b'0', b'[', 0xff] {
            let mut broken = json.to_vec();
            broken[at] = value;
            if let Ok(nft) = parse(&broken, true) {
                Rules::of(nft.bases).about(&segment, &HashMap::new());
            }
        }
    }
}
