//! iptables of both kinds: what `iptables-save -c` prints, held against a segment rule by rule. A match
//! that is not understood is a perhaps.

use std::collections::HashMap;
use std::net::IpAddr;

use super::link::Linker;
use super::nft::within;
use super::tri::Tri;
use super::walk::{Chain, Question, Rule, Verdict};
use super::{Base, Hook, tool};

pub(super) fn read(program: &str, v6: bool) -> Result<Vec<Base>, String> {
    let text = tool::run(program, &["-c"])?;
    let name = program.trim_end_matches("-save");
    Ok(parse(name, v6, &String::from_utf8_lossy(&text)))
}

/// Whether tables of the older kind are there in the calling thread's namespace: nothing counts their
/// changes.
pub(super) fn is_legacy_in_use() -> bool {
    ["ip_tables_names", "ip6_tables_names"].iter().any(|name| {
        let path = format!("/proc/thread-self/net/{name}");
        std::fs::read(path).is_ok_and(|names| !names.is_empty())
    })
}

/// Packets that a rule has counted, its words, and its text.
type Line<'a> = (Option<u64>, Vec<String>, &'a str);

/// One table: chains with their policy, and their rules as words, in order.
#[derive(Default)]
struct Table<'a> {
    name: &'a str,
    policies: Vec<(&'a str, &'a str)>,
    rules: HashMap<&'a str, Vec<Line<'a>>>,
}

fn parse(tool: &str, v6: bool, text: &str) -> Vec<Base> {
    let mut bases = Vec::new();
    let mut table = Table::default();
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('*') {
            table = Table {
                name,
                ..Table::default()
            };
        } else if let Some(rest) = line.strip_prefix(':') {
            let mut words = rest.split_whitespace();
            if let (Some(chain), Some(policy)) = (words.next(), words.next()) {
                table.policies.push((chain, policy));
            }
        } else if line == "COMMIT" {
            table.bases(tool, v6, &mut bases);
        } else if let Some((counted, rest)) = line.split_once("-A ") {
            let words = words(rest);
            if let Some(chain) = rest.split_whitespace().next() {
                let rules = table.rules.entry(chain).or_default();
                let packets = counted
                    .trim()
                    .strip_prefix('[')
                    .and_then(|counted| counted.split(':').next()?.parse().ok());
                rules.push((packets, words, rest));
            }
        }
    }
    bases
}

/// Words as the shell would take them: a comment may hold blanks.
fn words(text: &str) -> Vec<String> {
    let (mut out, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            '"' => {
                quoted = !quoted;
                any = true;
            }
            letter if letter.is_whitespace() && !quoted => {
                if any || !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                any = false;
            }
            letter => word.push(letter),
        }
    }
    if any || !word.is_empty() {
        out.push(word);
    }
    out
}

impl Table<'_> {
    fn bases(&self, tool: &str, v6: bool, bases: &mut Vec<Base>) {
        let priority = match self.name {
            "raw" => -300,
            "mangle" => -150,
            "nat" => -100,
            "security" => 50,
            _ => 0,
        };
        let mut linker = Linker::new();
        for &(chain, policy) in &self.policies {
            let hook = match chain {
                "PREROUTING" => Hook::Early,
                "INPUT" => Hook::Input,
                "FORWARD" => Hook::Forward,
                "OUTPUT" => Hook::Output,
                "POSTROUTING" => Hook::Late,
                _ => continue,
            };
            let mut base = self.chain(tool, chain, &mut linker).unwrap_or_default();
            if policy == "DROP" {
                base.drops_the_rest = Some(format!("{tool} {} {chain}: policy DROP", self.name));
            }
            bases.push(Base {
                hook,
                v6: Some(v6),
                priority,
                devices: Vec::new(),
                chain: base,
            });
        }
    }

    fn chain(&self, tool: &str, name: &str, linker: &mut Linker<String>) -> Option<Chain> {
        linker.chain(&name.to_owned(), |linker| {
            let lines = self.rules.get(name).map(Vec::as_slice).unwrap_or_default();
            let rule = |((packets, words, text), number): (&Line<'_>, u32)| {
                let (asks, verdict) = self.rule(tool, words.get(1..).unwrap_or_default(), linker);
                Rule {
                    text: format!("{tool} {} {name} rule {number}: -A {text}", self.name),
                    asks,
                    verdict,
                    packets: *packets,
                }
            };
            lines.iter().zip(1..).map(rule).collect()
        })
    }

    fn rule(&self, tool: &str, words: &[String], linker: &mut Linker<String>) -> (Vec<Question>, Verdict) {
        let (mut asks, mut verdict, mut with) =
            (Vec::<Question>::new(), Verdict::Continue, "icmp-port-unreachable");
        let mut words = words.iter().map(String::as_str);
        let mut negated = false;
        let mut target = None;
        while let Some(word) = words.next() {
            if word == "!" {
                negated = true;
                continue;
            }
            let mut value = || words.next().unwrap_or_default().to_owned();
            let ask: Option<Question> = match word {
                "-j" | "-g" => {
                    target = Some((word, value()));
                    None
                }
                "--reject-with" => {
                    with = if value() == "tcp-reset" { "tcp-reset" } else { with };
                    None
                }
                // The name of an extension asks nothing; what it asks has words of its own.
                "-m" => match value().as_str() {
                    "tcp" | "comment" | "multiport" => None,
                    _ => Some(Box::new(|_| Tri::Perhaps)),
                },
                "--comment" => {
                    value();
                    None
                }
                "-p" => {
                    let is = matches!(value().as_str(), "tcp" | "all");
                    Some(Box::new(move |_| Tri::known(is)))
                }
                "-s" | "-d" => Some(net(word == "-s", &value())),
                "-i" => Some(device(value())),
                "-o" => {
                    value();
                    Some(Box::new(|_| Tri::Perhaps))
                }
                "--dport" | "--dports" => Some(ports(false, &value())),
                "--sport" | "--sports" => Some(ports(true, &value())),
                "--tcp-flags" => Some(flags(&value(), &value())),
                _ => Some(Box::new(|_| Tri::Perhaps)),
            };
            if let Some(ask) = ask {
                let not = std::mem::take(&mut negated);
                asks.push(Box::new(
                    move |dropped| if not { ask(dropped).not() } else { ask(dropped) },
                ));
            }
        }
        if let Some((how, name)) = target {
            verdict = match (how, name.as_str()) {
                (_, "ACCEPT" | "QUEUE" | "NFQUEUE" | "DNAT" | "SNAT" | "MASQUERADE" | "REDIRECT") => {
                    Verdict::Accept
                }
                (_, "DROP") => Verdict::Drop,
                (_, "RETURN") => Verdict::Return,
                (_, "REJECT") if with == "tcp-reset" => Verdict::Reset,
                (_, "REJECT") => Verdict::Refuse,
                (
                    _,
                    "LOG" | "NFLOG" | "ULOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CT" | "SET" | "TOS" | "DSCP"
                    | "TTL" | "HL",
                ) => Verdict::Continue,
                (how, name) if self.is_chain(name) => self.chain(tool, name, linker).map_or(
                    Verdict::Unknown,
                    if how == "-g" { Verdict::Goto } else { Verdict::Jump },
                ),
                _ => Verdict::Unknown,
            };
        }
        (asks, verdict)
    }

    fn is_chain(&self, name: &str) -> bool {
        self.policies.iter().any(|(chain, _)| *chain == name)
    }
}

fn net(source: bool, text: &str) -> Question {
    let (address, length) = text.split_once('/').unwrap_or((text, "128"));
    let (Ok(net), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u64>()) else {
        return Box::new(|_| Tri::Perhaps);
    };
    let length = if net.is_ipv4() { length.min(32) } else { length };
    Box::new(move |dropped| {
        let end = if source { dropped.from } else { dropped.to };
        Tri::known(within(end.ip(), net, length))
    })
}

fn device(pattern: String) -> Question {
    Box::new(move |dropped| {
        let name = dropped.device.as_ref().map_or("", |device| device.name.as_str());
        Tri::known(match pattern.strip_suffix('+') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
    })
}

fn ports(source: bool, list: &str) -> Question {
    let mut ranges = Vec::new();
    for part in list.split(',') {
        let (low, high) = part.split_once(':').unwrap_or((part, part));
        match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) => ranges.push(low..=high),
            _ => return Box::new(|_| Tri::Perhaps),
        }
    }
    Box::new(move |dropped| {
        let port = if source { dropped.from } else { dropped.to }.port();
        Tri::known(ranges.iter().any(|range| range.contains(&port)))
    })
}

fn flags(mask: &str, wanted: &str) -> Question {
    let bits = |list: &str| {
        list.split(',').try_fold(0u8, |all, name| {
            Some(
                all | match name {
                    "FIN" => 1,
                    "SYN" => 2,
                    "RST" => 4,
                    "PSH" => 8,
                    "ACK" => 16,
                    "URG" => 32,
                    "ALL" => 63,
                    "NONE" => 0,
                    _ => return None,
                },
            )
        })
    };
    match (bits(mask), bits(wanted)) {
        (Some(mask), Some(wanted)) => Box::new(move |dropped| Tri::known(dropped.flags.0 & mask == wanted)),
        _ => Box::new(|_| Tri::Perhaps),
    }
}

#[cfg(test)]
mod tests {
    use whyreset_evidence::{Flags, Ruled};

    use super::*;
    use crate::rules::{Device, Dropped, Rules};

    fn about(rules: &str, to: &str, device: Option<&str>) -> Ruled {
        let text = format!(
            "# made by hand\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:REFUSE - [0:0]\n{rules}\nCOMMIT\n"
        );
        Rules::of(parse("iptables-legacy", false, &text)).about(
            &Dropped {
                from: "10.0.0.2:40000".parse().unwrap(),
                to: to.parse().unwrap(),
                flags: Flags(Flags::SYN),
                device: device.map(|name| Device {
                    index: 2,
                    name: name.to_owned(),
                }),
            },
            &HashMap::new(),
        )
    }

    #[test]
    fn plain_words_are_decided() {
        for (rule, met) in [
            ("-p tcp -m tcp --dport 80", true),
            ("-p tcp -m tcp --dport 81", false),
            ("-p tcp -m tcp ! --dport 81", true),
            ("-p udp", false),
            ("-s 10.0.0.0/24 -d 10.0.0.1/32", true),
            ("! -s 10.0.0.0/24", false),
            ("-i eth+", true),
            ("-i wlan0", false),
            ("-p tcp -m multiport --dports 1,79:81", true),
            ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", true),
            ("-p tcp -m tcp --tcp-flags ALL ACK", false),
            ("-m comment --comment \"-j DROP it\"", true),
        ] {
            let rule = format!("[3:180] -A FORWARD {rule} -j REJECT --reject-with tcp-reset");
            let ruled = about(&rule, "10.0.0.1:80", Some("eth0"));
            assert_eq!(
                ruled.resets.iter().any(|rule| rule.surely),
                met,
                "{rule}: {ruled:?}"
            );
            assert!(ruled.whole, "{rule}");
        }
    }

    #[test]
    fn what_is_not_known_afterwards_is_a_perhaps() {
        for rule in [
            "-m conntrack --ctstate INVALID -j REJECT --reject-with tcp-reset",
            "-m limit --limit 1/day -j REJECT --reject-with tcp-reset",
            "-m connlimit --connlimit-above 2 -j REFUSE",
        ] {
            let text = format!("-A FORWARD {rule}\n-A REFUSE -j REJECT --reject-with tcp-reset");
            let ruled = about(&text, "10.0.0.1:80", Some("eth0"));
            assert_eq!(ruled.resets.len(), 1, "{rule}");
            assert!(
                !ruled.resets[0].surely && ruled.the_one().is_none(),
                "{rule}: the policy drops, too"
            );
        }
    }

    #[test]
    fn another_answer_is_no_reset_and_another_chain_not_on_the_way() {
        let ruled = about(
            "-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
            "10.0.0.1:80",
            Some("eth0"),
        );
        assert!(ruled.resets.is_empty() && ruled.drops.len() == 1);
        let ruled = about(
            "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
            "10.0.0.1:80",
            None,
        );
        assert!(ruled.resets.is_empty(), "on its way out: {ruled:?}");
    }
}
