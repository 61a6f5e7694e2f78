//! Segments that connection tracking of a router refuses to know.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "nf_conntrack.invalid";
const LIBERAL: &str = "net.netfilter.nf_conntrack_tcp_be_liberal";

/// The declaration.
pub static CHECK: Check = Check {
    id: "conntrack-invalid",
    causes: &["nat-state-lost"],
    reads: "invalid in /proc/net/stat/nf_conntrack, the sysctls nf_conntrack_tcp_be_liberal and ip_forward",
    why: "a segment outside the window that connection tracking computed is INVALID and is not translated; \
          it reaches its host under the wrong address, which answers with a RST that ends the connection",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let forwards = |name| host.spaces.iter().filter(move |space| space.number(name) == Some(1));
    let routers: Vec<u32> = forwards("net.ipv4.ip_forward")
        .chain(forwards("net.ipv6.conf.all.forwarding"))
        .filter(|space| space.number(LIBERAL) == Some(0))
        .map(|space| space.inode)
        .collect();
    let found = counting::hints(
        &CHECK,
        host,
        COUNTER,
        "segments were INVALID to connection tracking of this router",
        |host, space, finding| {
            finding
                .read(format!("{LIBERAL} = 0"), format!("sysctl {LIBERAL}"))
                .fix(format!("`{}`", host.sysctl(space, LIBERAL, 1)))
                .fix("or drop them before they do harm: `nft add rule inet filter forward ct state invalid drop`")
        },
    );
    let here = |one: &Finding| one.place.netns.is_some_and(|inode| routers.contains(&inode));
    found.into_iter().filter(here).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Severity, made};

    #[test]
    fn only_a_router_that_is_strict_has_it() {
        let mut host = made::counted(COUNTER, 9);
        made::set(&mut host, LIBERAL, "0");
        assert!(made::found(&CHECK, &host).is_empty());
        made::set(&mut host, "net.ipv4.ip_forward", "1");
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
        made::lately(&mut host, COUNTER, 2);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Likely);
        made::set(&mut host, LIBERAL, "1");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}
