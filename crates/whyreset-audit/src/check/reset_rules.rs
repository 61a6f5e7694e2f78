//! Rules of the packet filter that answer with a reset.

use crate::{Check, Finding, Host, Severity, words};

/// The declaration.
pub static CHECK: Check = Check {
    id: "reset-rules",
    causes: &["firewall-reject"],
    reads: "the packet filter's rules and their counters (nft -j list ruleset, iptables-save -c)",
    why: "a rule that rejects with tcp reset answers in the name of the other end; a program cannot tell it \
          from its peer, and the kernel counts it nowhere",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        for rule in &space.rules {
            let met = rule.packets.unwrap_or(0);
            let severity = if met > 0 {
                Severity::Happened
            } else {
                Severity::Possible
            };
            let summary = format!("a rule answers with a reset: {}", rule.text);
            let delete = rule.delete.as_deref().unwrap_or("nft -a list ruleset");
            found.push(
                CHECK
                    .finds(severity, summary)
                    .within(space)
                    .read(rule.text.clone(), "nft -a list ruleset, iptables-save -c")
                    .likely(match rule.packets {
                        Some(0) => "it met no packet so far".to_owned(),
                        Some(met) => format!("it met {} so far", words::counted(met, "packet")),
                        None => "it has no counter; `counter` before `reject` adds one".to_owned(),
                    })
                    .fix(format!(
                        "where it is not meant: `{}{}`",
                        host.inside(space),
                        delete
                    )),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_host::rules::ResetRule;

    #[test]
    fn a_rule_that_met_packets_is_graver() {
        let mut host = made::host();
        assert!(made::found(&CHECK, &host).is_empty());
        for (packets, expected) in [
            (None, Severity::Possible),
            (Some(0), Severity::Possible),
            (Some(7), Severity::Happened),
        ] {
            host.spaces[0].rules = vec![ResetRule {
                packets,
                ..ResetRule::default()
            }];
            assert_eq!(made::found(&CHECK, &host)[0].severity, expected);
        }
    }
}
