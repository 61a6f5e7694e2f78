//! A scenario file as commands for a shell. Refuses to run them.

use std::fmt::Write;

use super::document::{Place, Script, Step};
use super::play::{Words, fresh_ports};
use crate::machine::{FILES, quote};

/// Three hosts as a lab makes them, with the names and addresses of an example.
const HOSTS: &str = "\
for host in client router server; do ip netns add $host; ip -n $host link set lo up; done
ip link add eth0 netns client type veth peer name client netns router
ip link add eth0 netns server type veth peer name server netns router
ip -n client address add 198.18.0.1/30 dev eth0; ip -n router address add 198.18.0.2/30 dev client
ip -n server address add 198.18.0.5/30 dev eth0; ip -n router address add 198.18.0.6/30 dev server
ip -n client link set eth0 up; ip -n router link set client up
ip -n server link set eth0 up; ip -n router link set server up
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ip -n client route add default via 198.18.0.2; ip -n server route add default via 198.18.0.6
";

impl Script {
    /// The commands, on IPv4.
    pub fn explain(&self) -> String {
        let words = Words::of_example(fresh_ports());
        let mut told = HOSTS.to_owned();
        _ = writeln!(told, "mkdir -p {FILES}; cd {FILES}");
        for (name, text) in &self.file {
            _ = write!(
                told,
                "cat >{name} <<'END'\n{}\nEND\n",
                words.fill(text).trim_matches('\n')
            );
        }
        for step in &self.step {
            let line = match step {
                Step::Run { on, run, .. } => inside(*on, run),
                Step::Start { on, start, .. } => format!("{} &", inside(*on, start)),
                Step::Until { on, until, .. } => format!("until {}; do sleep 0.05; done", inside(*on, until)),
                Step::Wait { wait, .. } => format!("sleep {wait}"),
            };
            _ = writeln!(told, "{}", words.fill(&line));
        }
        told
    }
}

fn inside(place: Place, line: &str) -> String {
    format!("ip netns exec {} sh -c {}", place.word(), quote(line))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::document::Place;
    use super::inside;

    #[test]
    fn a_quote_in_a_step_reaches_the_shell_as_it_was_written() {
        let line = inside(Place::Server, r#"printf '%s' "it's \"so\"""#);
        assert_eq!(
            line,
            r#"ip netns exec server sh -c 'printf '\''%s'\'' "it'\''s \"so\""'"#
        );
        // Without the namespace, the same words say what was written.
        let words = line.trim_start_matches("ip netns exec server ");
        let output = Command::new("sh").args(["-c", words]).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), r#"it's "so""#);
    }
}
