//! Whether connection tracking knows how to translate a segment that came untranslated
//! (IPCTNL_MSG_CT_GET). Needs CAP_NET_ADMIN at each question. Refuses to list the table.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::netlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use whyreset_evidence::Translation;

use super::message::{self, Entry, NEW};
use super::tracked::{ESTABLISHED, OVER, is_used};
use crate::netns;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`.
const GET: u16 = 0x0101;
const NLM_F_REQUEST: u16 = 1;
/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// Namespaces that are asked.
const MOST: usize = 256;

/// Open questions to the tables of network namespaces.
pub struct Entries(Vec<OwnedFd>);

impl Entries {
    /// Of the namespace with this inode, or of this program's own and all others that there are. Call it
    /// on a thread that may end: it stands in another namespace then.
    #[must_use]
    pub fn open(only: Option<u32>) -> Self {
        let opening = std::thread::spawn(move || {
            let own = netns::current();
            let mut sockets = Vec::new();
            if only.is_none_or(|inode| inode == own) {
                sockets.extend(socket());
            }
            for (_, file) in netns::others(only, MOST) {
                if move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).is_ok() {
                    sockets.extend(socket());
                }
            }
            sockets
        });
        Self(opening.join().unwrap_or_default())
    }

    /// Whether anything is tracked at all.
    #[must_use]
    pub fn are_used() -> bool {
        is_used()
    }

    /// The entry that names what went from `from` to `to`, translates it, and belongs to a connection that
    /// was open to it.
    #[must_use]
    pub fn translating(&self, from: SocketAddr, to: SocketAddr) -> Option<Translation> {
        let question = question(from, to)?;
        self.0
            .iter()
            .filter_map(|socket| ask(socket, &question))
            .find_map(|entry| translation(&entry, from, to))
    }
}

fn socket() -> Option<OwnedFd> {
    rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::NETFILTER),
    )
    .ok()
}

fn ask(socket: &OwnedFd, question: &[u8]) -> Option<Entry> {
    let mut answer = [0; 4096];
    // What nobody took of an earlier answer would be taken for this one's.
    while rustix::net::recv(socket, &mut answer, RecvFlags::DONTWAIT).is_ok_and(|(length, _)| length > 0) {}
    rustix::net::send(socket, question, SendFlags::empty()).ok()?;
    // The kernel answers before send() returns.
    let (length, _) = rustix::net::recv(socket, &mut answer, RecvFlags::DONTWAIT).ok()?;
    message::read(answer.get(..length)?, NEW).into_iter().next()
}

fn translation(entry: &Entry, from: SocketAddr, to: SocketAddr) -> Option<Translation> {
    let state = entry.state?;
    let translates = entry.reply != (entry.original.1, entry.original.0);
    if !translates || !(ESTABLISHED..OVER).contains(&state) {
        return None;
    }
    let reply = entry.reply == (from, to);
    if !reply && entry.original != (from, to) {
        return None;
    }
    Some(Translation {
        other: if reply { entry.original } else { entry.reply },
        reply,
        state,
        timeout_ms: 0,
        stands: true,
        asked: false,
        by: None,
    })
}

fn attribute(kind: u16, value: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(value.len() + 4).ok()?;
    let mut out = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    Some(out)
}

fn question(from: SocketAddr, to: SocketAddr) -> Option<Vec<u8>> {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    const TCP: u8 = 6;
    let (family, addresses) = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (
            AF_INET,
            [attribute(1, &from.octets())?, attribute(2, &to.octets())?].concat(),
        ),
        (IpAddr::V6(from), IpAddr::V6(to)) => (
            AF_INET6,
            [attribute(3, &from.octets())?, attribute(4, &to.octets())?].concat(),
        ),
        _ => return None,
    };
    let ports = [
        attribute(1, &[TCP])?,
        attribute(2, &from.port().to_be_bytes())?,
        attribute(3, &to.port().to_be_bytes())?,
    ]
    .concat();
    let name = [attribute(NESTED | 1, &addresses)?, attribute(NESTED | 2, &ports)?].concat();
    let body = attribute(NESTED | 1, &name)?;
    let mut out = u32::try_from(20 + body.len()).ok()?.to_ne_bytes().to_vec();
    out.extend(GET.to_ne_bytes());
    out.extend(NLM_F_REQUEST.to_ne_bytes());
    // Number and port of the message, then `struct nfgenmsg`.
    out.extend([0; 8]);
    out.extend([family, 0, 0, 0]);
    out.extend(body);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn entry(state: u8) -> Entry {
        Entry {
            original: (at("10.0.0.2:40000"), at("10.0.0.1:80")),
            reply: (at("10.0.0.9:8080"), at("10.0.0.2:40000")),
            state: Some(state),
            portid: 0,
        }
    }

    #[test]
    fn only_what_should_have_been_translated_is_told() {
        let stray = (at("10.0.0.9:8080"), at("10.0.0.2:40000"));
        let found = translation(&entry(ESTABLISHED), stray.0, stray.1).expect("it translates");
        assert!(found.reply && found.stands);
        assert_eq!(found.other, (at("10.0.0.2:40000"), at("10.0.0.1:80")));
        assert!(translation(&entry(1), stray.0, stray.1).is_none(), "never open");
        assert!(translation(&entry(OVER), stray.0, stray.1).is_none(), "over");
        assert!(
            translation(&entry(ESTABLISHED), stray.1, stray.0).is_none(),
            "the other way is no name of it"
        );
        let plain = Entry {
            reply: (at("10.0.0.1:80"), at("10.0.0.2:40000")),
            ..entry(ESTABLISHED)
        };
        assert!(translation(&plain, plain.reply.0, plain.reply.1).is_none());
    }

    #[test]
    fn a_question_reads_as_a_message() {
        for (from, to) in [("10.0.0.1:1", "10.0.0.2:2"), ("[fd00::1]:1", "[fd00::2]:2")] {
            let question = question(at(from), at(to)).expect("one family");
            assert_eq!(question.len() % 4, 0);
            // Without an answer's second name it is no entry.
            assert!(message::read(&question, GET).is_empty());
        }
        assert!(question(at("10.0.0.1:1"), at("[fd00::1]:1")).is_none());
    }
}
