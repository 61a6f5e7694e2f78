//! What expressions mean, and how bad ones are refused.

use whyreset_evidence::parse_dossier;

use super::*;

/// Verdicts on a reset by 10.0.0.1:80, one by [fd00::1]:443, and one whose sender is unknown.
fn verdicts() -> [Verdict; 3] {
    [
        "flow 192.168.7.2:5000 > 10.0.0.1:80 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=1 by=a[1]",
        "flow [fd00::2]:6000 > [fd00::1]:443 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=1 by=a[1]",
        "flow 192.168.7.2:7000 > 10.0.0.1:80 watch=client\n+0 client received state=ESTABLISHED",
    ]
    .map(|text| whyreset_causes::judge(&parse_dossier(text).unwrap()))
}

#[test]
fn expressions_choose_the_connections_they_name() {
    let verdicts = verdicts();
    for (text, expected) in [
        ("port 80", [true, false, true]),
        ("tcp port 80", [true, false, true]),
        ("host 10.0.0.1", [true, false, true]),
        ("10.0.0.1", [true, false, true]),
        ("src host 10.0.0.1", [true, false, true]),
        ("dst host 10.0.0.1", [false, false, true]),
        ("src port 443 or dst port 5000", [true, true, false]),
        ("port 80 or 443", [true, true, true]),
        ("port 443 or 5000", [true, true, false]),
        ("src or dst port 5000", [true, false, false]),
        ("net 192.168.0.0/16", [true, false, true]),
        ("net 192.168", [true, false, true]),
        ("net fd00::/8", [false, true, false]),
        ("net 0.0.0.0/0", [true, false, true]),
        ("portrange 400-6000", [true, true, false]),
        ("ip", [true, false, true]),
        ("ip6", [false, true, false]),
        ("ip6 port 443", [false, true, false]),
        ("not port 80", [false, true, false]),
        ("! port 80 and ip6", [false, true, false]),
        ("not (port 80 or port 443)", [false, false, false]),
        ("not not port 80", [true, false, true]),
        ("port 80 && (host 1.2.3.4 || port 5000)", [true, false, false]),
        ("ip6 or port 80 and port 5000", [true, false, false]),
        ("tcp", [true, true, true]),
    ] {
        let filter = parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            verdicts.each_ref().map(|verdict| filter.takes(verdict)),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_bad_expression_is_refused_at_its_place() {
    for (text, at, part) in [
        ("", 0, "a condition is missing"),
        ("port", 4, "a port number is missing"),
        ("port http", 5, "not a port number"),
        ("port 70000", 5, "not a port number"),
        ("host example.org", 5, "names are not looked up"),
        ("net 10.0.0.0/33", 4, "not a prefix"),
        ("portrange 9-1", 10, "not a port range"),
        ("port 80 host 1.2.3.4", 8, "join with `and` or `or`"),
        ("(port 80", 8, "`)` is missing"),
        ("port 80 and", 11, "a condition is missing"),
        ("port 80 )", 8, "does not continue"),
        ("host \u{1b}[31m", 5, "not an address"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.why.contains(part), "{text}: {error}");
        assert!(
            !error.to_string().contains('\u{1b}'),
            "no escape reaches the screen"
        );
    }
    assert!(parse(&"(".repeat(100_000)).is_err(), "depth is bounded");
    assert!(parse(&"not ".repeat(100_000)).is_err(), "and so is negation");
}
