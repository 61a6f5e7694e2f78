//! Real rulesets, as the kernel tells them and as its tool does, held against segments: what one reader
//! decides the other must not decide otherwise.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use whyreset_evidence::{Flags, Ruled, Timestamp};

use super::super::json;
use crate::netns;
use crate::rules::tri::Tri;
use crate::rules::{Changes, Device, Dropped, Rules};

/// A network namespace with rules of its own, removed when dropped.
struct Ground(String);

impl Ground {
    fn new(test: &str) -> Option<Self> {
        let name = format!("whyreset-{test}-{}", std::process::id());
        let made = Command::new("ip")
            .args(["netns", "add", &name])
            .stderr(Stdio::null())
            .status();
        let ground = made.is_ok_and(|status| status.success()).then_some(Self(name))?;
        ground.load("flush ruleset").is_ok().then_some(ground)
    }

    fn load(&self, rules: &str) -> Result<(), String> {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.0, "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(rules.as_bytes()).expect("it reads");
        drop(input);
        let out = child.wait_with_output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        out.status.success().then_some(()).ok_or(said)
    }

    /// Runs within it.
    fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let inode = netns::inode_of(&self.0).expect("it is there");
        netns::inside(Some(inode), work).expect("it can be entered")
    }

    /// What both readers say of a segment.
    fn ask(&self, segment: &Dropped) -> [Ruled; 2] {
        let segment = segment.clone();
        self.inside(move || {
            let kernel = super::read(false).expect("the kernel tells");
            let tool = json::read(false).expect("the tool tells");
            [kernel.bases, tool.bases].map(|bases| {
                let mut rules = Rules::of(bases);
                let mut said = rules.about(&segment, &HashMap::new());
                rules.quote(&mut said);
                said
            })
        })
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn segment(to: &str) -> Dropped {
    let to: std::net::SocketAddr = to.parse().unwrap();
    let from = if to.is_ipv6() {
        "[fd00::2]:40000"
    } else {
        "10.0.0.2:40000"
    };
    Dropped {
        from: from.parse().unwrap(),
        to,
        flags: Flags(Flags::PSH | Flags::ACK),
        device: Some(Device {
            index: 1,
            name: "lo".to_owned(),
        }),
    }
}

/// Whether a rule answers with a reset.
fn resets(ruled: &Ruled) -> Tri {
    match &ruled.resets[..] {
        [] => Tri::No,
        [rule] if rule.surely => Tri::Yes,
        _ => Tri::Perhaps,
    }
}

const V4: &str = "10.0.0.1:8080";
const V6: &str = "[fd00::1]:8080";

const SETS: &str = "
    set ports { type inet_service; elements = { 22, 8080, 443 } }
    set ranges { type inet_service; flags interval; elements = { 1-9, 8000-8090, 60000-65535 } }
    set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 192.0.2.0/24 } }
    set nets6 { type ipv6_addr; flags interval; elements = { fd00::/64 } }
    set pairs { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 8080, 10.0.0.3 . 80 } }
    set both { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/24 . 8000-8090 } }
    set marked { type mark . inet_service; elements = { 7 . 8080, 8 . 81 } }
    set names { type ifname; elements = { \"lo\", \"eth0\" } }
    set empty { type inet_service; }
    set lasting { type inet_service; flags timeout; elements = { 8080 timeout 1h } }
    set rest { type inet_service; elements = { 80, * } }
    map where { type inet_service : verdict; elements = { 80 : drop, 8080 : goto refuse } }
    map spans { type inet_service : verdict; flags interval; elements = { 1-79 : drop, 8000-8090 : jump refuse } }
    map ports2 { type inet_service : inet_service; elements = { 8080 : 9000 } }
    counter met { }";

/// Rule by rule, with a chain to jump to.
fn ruleset(rules: &str) -> String {
    format!(
        "flush ruleset\ntable inet lab {{ {SETS}\nchain refuse {{ meta l4proto tcp reject with tcp reset; }}\n\
         chain forward {{ type filter hook forward priority 0;\n{rules}\n}}\n}}"
    )
}

#[test]
fn what_a_rule_asks_is_decided_as_the_kernel_does() {
    use Tri::{No, Perhaps, Yes};
    let Some(ground) = Ground::new("asks") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    for (asks, v4, v6) in [
        ("", Yes, Yes),
        ("tcp dport 8080", Yes, Yes),
        ("tcp dport 8081", No, No),
        ("tcp dport != 8080", No, No),
        ("tcp dport >= 8080", Yes, Yes),
        ("tcp dport < 8080", No, No),
        ("tcp dport 8000-8090", Yes, Yes),
        ("tcp dport != 8000-8090", No, No),
        ("tcp sport 40000 tcp dport { 80, 8080 }", Yes, Yes),
        ("tcp dport { 1-9, 8000-9000 }", Yes, Yes),
        ("tcp dport @ports", Yes, Yes),
        ("tcp dport != @ports", No, No),
        ("tcp dport @ranges", Yes, Yes),
        ("tcp sport @ranges", No, No),
        ("tcp dport @empty", No, No),
        ("tcp dport @lasting", Yes, Yes),
        ("tcp dport @rest", Yes, Yes),
        ("th dport 8080", Yes, Yes),
        ("ip daddr 10.0.0.1", Yes, No),
        ("ip saddr 10.0.0.0/24", Yes, No),
        ("ip saddr != 10.0.0.0/24", No, No),
        ("ip daddr @nets", Yes, No),
        ("ip6 daddr fd00::1", No, Yes),
        ("ip6 saddr fd00::/64", No, Yes),
        ("ip6 daddr @nets6", No, Yes),
        ("ip daddr . tcp dport @pairs", Yes, No),
        ("ip saddr . tcp dport @pairs", No, No),
        ("ip daddr . tcp dport @both", Yes, No),
        ("ip daddr . tcp sport @both", No, No),
        ("meta mark . tcp dport @marked", Perhaps, Perhaps),
        ("meta mark . tcp sport @marked", No, No),
        ("meta l4proto tcp", Yes, Yes),
        ("meta nfproto ipv4", Yes, No),
        ("meta protocol ip6", No, Yes),
        ("ip protocol tcp", Yes, No),
        ("ip6 nexthdr tcp", No, Yes),
        ("iifname \"lo\"", Yes, Yes),
        ("iifname \"l*\"", Yes, Yes),
        ("iifname \"eth0\"", No, No),
        ("iifname @names", Yes, Yes),
        ("iif lo", Yes, Yes),
        ("iif != lo", No, No),
        ("oifname \"lo\"", Perhaps, Perhaps),
        ("tcp flags & (syn | ack) == ack", Yes, Yes),
        ("tcp flags & (syn | ack) == syn", No, No),
        ("tcp flags syn", No, No),
        ("tcp flags ack", Yes, Yes),
        ("tcp flags ! syn", Yes, Yes),
        ("tcp window 7", Perhaps, Perhaps),
        ("ct state new", Perhaps, Perhaps),
        ("ct state { established, related }", Perhaps, Perhaps),
        ("ct mark 7", Perhaps, Perhaps),
        ("meta mark 7", Perhaps, Perhaps),
        ("meta mark and 0xff == 7", Perhaps, Perhaps),
        ("meta mark 1-7", Perhaps, Perhaps),
        ("meta skuid 1000", Perhaps, Perhaps),
        ("limit rate 1/day", Perhaps, Perhaps),
        ("ct count over 1", Perhaps, Perhaps),
        ("fib daddr type local", Perhaps, Perhaps),
        ("numgen random mod 2 == 1", Perhaps, Perhaps),
        ("counter", Yes, Yes),
        ("counter name met", Yes, Yes),
        ("log prefix \"no\"", Yes, Yes),
        ("meta mark set 7", Yes, Yes),
        ("ct state new tcp dport 81", No, No),
    ] {
        let rules = ruleset(&format!("{asks} reject with tcp reset"));
        ground.load(&rules).unwrap_or_else(|why| panic!("{asks}: {why}"));
        for (to, expected) in [(V4, v4), (V6, v6)] {
            let [kernel, tool] = ground.ask(&segment(to));
            assert_eq!(resets(&kernel), expected, "{asks} of {to}: {kernel:?}");
            assert!(kernel.whole, "{asks} of {to}");
            for (one, other) in kernel.resets.iter().zip(&tool.resets) {
                assert_eq!(one.text, other.text, "{asks} of {to}");
                assert!(one.text.contains(": "), "in the tool's words: {one:?}");
            }
            // nft 1.0.6 lists these without their family.
            if matches!(asks, "meta nfproto ipv4" | "meta protocol ip6") {
                continue;
            }
            let decided = resets(&tool);
            assert!(
                decided == expected || decided == Perhaps,
                "{asks} of {to}: the tool's list says {tool:?}"
            );
        }
    }
}

#[test]
fn where_a_rule_leads_is_followed_as_the_kernel_does() {
    use Tri::{No, Perhaps, Yes};
    let Some(ground) = Ground::new("leads") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    for (rule, expected) in [
        ("jump refuse", Yes),
        ("goto refuse", Yes),
        ("tcp dport 8080 jump refuse", Yes),
        ("tcp dport 8081 jump refuse", No),
        ("tcp dport vmap @where", Yes),
        ("tcp sport vmap @where", No),
        ("tcp dport vmap @spans", Yes),
        ("tcp dport vmap { 80 : drop, 8080 : jump refuse }", Yes),
        ("tcp dport vmap { 80 : drop, 8080 : accept }", No),
        ("meta mark vmap { 7 : jump refuse, 8 : drop }", Perhaps),
        ("meta mark . tcp dport vmap { 7 . 8080 : jump refuse }", Perhaps),
        ("accept\njump refuse", No),
        ("drop\njump refuse", No),
        ("ct state established accept\njump refuse", Perhaps),
        ("return\njump refuse", No),
        ("reject\njump refuse", No),
        ("notrack", No),
        ("meta l4proto { tcp, udp } jump refuse", Yes),
        ("meta l4proto udp jump refuse", No),
    ] {
        ground
            .load(&ruleset(rule))
            .unwrap_or_else(|why| panic!("{rule}: {why}"));
        for to in [V4, V6] {
            let [kernel, tool] = ground.ask(&segment(to));
            assert_eq!(resets(&kernel), expected, "{rule} of {to}: {kernel:?}");
            assert_eq!(kernel.drops, tool.drops, "{rule} of {to}");
        }
    }
}

#[test]
fn a_table_that_sleeps_and_a_chain_of_another_device_meet_nothing() {
    use Tri::{No, Yes};
    let Some(ground) = Ground::new("sleeps") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    let reject = "tcp dport 8080 reject with tcp reset";
    for (table, expected) in [
        (
            format!(
                "table inet t {{ flags dormant; chain c {{ type filter hook input priority 0; {reject}; }}; }}"
            ),
            No,
        ),
        (
            format!("table inet t {{ chain c {{ type filter hook input priority 0; {reject}; }}; }}"),
            Yes,
        ),
        (
            format!(
                "table netdev t {{ chain c {{ type filter hook ingress device lo priority 0; {reject}; }}; }}"
            ),
            Yes,
        ),
        (
            format!(
                "table netdev t {{ chain c {{ type filter hook ingress devices = {{ other0, other1 }} priority 0; {reject}; }}; }}"
            ),
            No,
        ),
    ] {
        _ = Command::new("ip")
            .args([
                "-n", &ground.0, "link", "add", "other0", "type", "veth", "peer", "name", "other1",
            ])
            .stderr(Stdio::null())
            .status();
        ground
            .load(&format!("flush ruleset\n{table}"))
            .unwrap_or_else(|why| panic!("{table}: {why}"));
        // nft 1.0.6 lists neither that a table sleeps nor the devices, where they are several.
        let [kernel, _] = ground.ask(&segment(V4));
        assert_eq!(resets(&kernel), expected, "{table}: {kernel:?}");
        let nameless = Dropped {
            device: Some(Device::default()),
            ..segment(V4)
        };
        if table.contains("hook ingress") {
            let [kernel, _] = ground.ask(&nameless);
            assert_eq!(resets(&kernel), Tri::Perhaps, "{table}: {kernel:?}");
        }
    }
}

#[test]
fn any_bytes_are_taken() {
    let Some(ground) = Ground::new("bytes") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    let rules = "ip daddr . tcp dport @both tcp flags & (syn | ack) == ack ct state new counter \
        reject with tcp reset\ntcp dport vmap @spans\ntcp dport 8000-8090 meta mark set 7 jump refuse";
    ground.load(&ruleset(rules)).expect("it is loaded");
    let segment = segment(V4);
    ground.inside(move || {
        let mut whole = super::Ruleset::read().expect("the kernel tells");
        for at in 0..whole.messages.len() {
            let was = whole.messages[at];
            for now in [0, 1, 0x7f, 0xff, was.wrapping_add(1)] {
                whole.messages[at] = now;
                Rules::of(whole.nft(false).bases).about(&segment, &HashMap::new());
            }
            whole.messages[at] = was;
        }
    });
    let mut state = 7_u32;
    for length in 0..2_000 {
        let bytes: Vec<u8> = (0..length % 200)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Short lengths and low kinds, that some fit.
                [(state >> 24) as u8, (state >> 28) as u8, 0][(state >> 8) as usize % 3]
            })
            .collect();
        super::Shape::new(super::Attributes(&bytes)).named(std::slice::from_ref(&bytes), false);
    }
}

#[test]
fn the_chain_that_is_called_first_did_it() {
    let Some(ground) = Ground::new("order") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    for (chains, told) in [
        // Of one hook the lower priority comes first, whatever table it is in.
        (
            ["hook forward priority 10", "hook forward priority -5"],
            &["b"][..],
        ),
        (
            ["hook prerouting priority 300", "hook forward priority -300"],
            &["a"],
        ),
        // The order of equals is not told, nor whether it was for this host.
        (
            ["hook forward priority 0", "hook forward priority 0"],
            &["a", "b"],
        ),
        (["hook input priority 0", "hook forward priority 5"], &["a", "b"]),
        // Another answer ends its way too.
        (
            [
                "hook forward priority 1",
                "hook forward priority 0; tcp dport 8080 accept",
            ],
            &["a"],
        ),
    ] {
        let [a, b] = chains;
        let rules = format!(
            "flush ruleset
             table inet a {{ chain in {{ type filter {a}; tcp dport 8080 reject with tcp reset; }}
             }}
             table inet b {{ chain in {{ type filter {b}; tcp dport 8080 reject with tcp reset; }}
             }}"
        );
        ground.load(&rules).expect("it is loaded");
        for said in ground.ask(&segment(V4)) {
            let tables: Vec<&str> = said
                .resets
                .iter()
                .filter_map(|rule| rule.text.split(' ').nth(1))
                .collect();
            assert_eq!(tables, told, "{chains:?}");
        }
    }
}

/// Two rulesets that take turns: whatever was read whole is one of them, and never half of
/// each.
#[test]
fn rules_that_change_while_they_are_read_are_not_mixed() {
    const READINGS: usize = 30;
    let Some(ground) = Ground::new("turns") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    // Many chains, so that one change often falls into the reading of another.
    let all = |port: u16| {
        let chain = |n| {
            format!(
                "chain c{n} {{ type filter hook forward priority {n}; tcp dport {port} reject with tcp reset; }}\n"
            )
        };
        let chains: Vec<String> = (0..200).map(chain).collect();
        format!("flush ruleset\ntable inet lab {{\n{}}}\n", chains.concat())
    };
    ground.load(&all(8080)).expect("it is loaded");
    let (turns, over) = ([all(8081), all(8080)], AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in turns.iter().cycle() {
                if over.load(Relaxed) {
                    break;
                }
                ground.load(turn).expect("it is loaded");
                // Long enough to be read between two of them, now and then.
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let mut whole = 0;
        for _ in 0..READINGS {
            let rules = ground.inside(|| Rules::read().expect("they are read"));
            let met: Vec<usize> = ["10.0.0.1:8080", "10.0.0.1:8081"]
                .iter()
                .map(|to| rules.about(&segment(to), &HashMap::new()))
                .filter(|said| said.whole)
                .map(|said| said.resets.len())
                .collect();
            if let [first, second] = met[..] {
                assert!(
                    (first > 0) != (second > 0),
                    "rules of both were read as one: {first} and {second}"
                );
                whole += 1;
            }
        }
        over.store(true, Relaxed);
        assert!(whole > 0, "no ruleset was ever read whole");
    });
}

#[test]
fn a_change_is_told_with_its_own_time_however_late_one_asks() {
    const BUSY: Duration = Duration::from_millis(300);
    let Some(ground) = Ground::new("heard") else {
        println!("skipped: `ip netns add` and `nft` need root, iproute2 and nftables");
        return;
    };
    let changes = ground.inside(|| Changes::listen().expect("root may listen"));
    assert_eq!(changes.heard(), None);
    let now = || Timestamp(u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap());
    let begin = now();
    ground.load("table inet first { }").expect("it is loaded");
    std::thread::sleep(BUSY);
    let between = now();
    ground.load("table inet second { }").expect("it is loaded");
    std::thread::sleep(BUSY);
    let (first, last) = changes.heard().expect("there were two");
    assert!(
        begin <= first && first < between,
        "{begin:?} {first:?} {between:?}"
    );
    assert!(
        between <= last && now().since(last) >= BUSY / 2,
        "{between:?} {last:?}"
    );
    assert_eq!(changes.heard(), None);
}
