//! Services that IPVS balances in the calling thread's network namespace, and how long it remembers a
//! silent connection. A segment that opens nothing and still reaches the kernel's own TCP at such an
//! address has no entry there: IPVS takes all others before. Refuses to list connections.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use netlink_packet_core::NlasIterator;
use rustix::net::netlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use whyreset_evidence::Balanced;

/// Of the namespace that a thread stands in; /proc/net is that of the first thread.
const SERVICES: &str = "/proc/thread-self/net/ip_vs";
/// Bytes of the list that are read.
const LONGEST: u64 = 16 << 20;

/// The service at this address, as it is known in the calling thread's network namespace. `None` also
/// for one that may hand segments to this very kernel, and where services go by a mark of the packet
/// filter: there a segment tells nothing.
#[must_use]
pub fn service(at: SocketAddr) -> Option<Balanced> {
    let mut text = String::new();
    let file = std::fs::File::open(SERVICES).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    let scheduler = scheduler(&text, at)?;
    Some(Balanced {
        service: at,
        scheduler,
        timeout_ms: timeout_s().map_or(0, |seconds| u64::from(seconds) * 1_000),
    })
}

/// How the TCP service at this address chooses its server.
fn scheduler(text: &str, at: SocketAddr) -> Option<String> {
    let mut found = None;
    let mut inside = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["TCP", address, name, ..] => {
                inside = read(address) == Some(at);
                if inside {
                    found = Some(name.to_owned());
                }
            }
            ["->", _, "Local", ..] if inside => return None,
            ["->", ..] => {}
            _ => inside = false,
        }
    }
    found
}

/// `C0A80001:0050` or `[2001:0db8:...]:0050`.
fn read(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?)),
    };
    Some(SocketAddr::new(ip, port))
}

/// How long a connection that is open may be silent, seconds (`IPVS_CMD_GET_CONFIG`; needs
/// CAP_NET_ADMIN).
fn timeout_s() -> Option<u32> {
    // include/uapi/linux/genetlink.h and ip_vs.h.
    const GENL_ID_CTRL: u16 = 16;
    const CTRL_CMD_GETFAMILY: u8 = 3;
    const CTRL_ATTR_FAMILY_ID: u16 = 1;
    const CTRL_ATTR_FAMILY_NAME: u16 = 2;
    const IPVS_CMD_GET_CONFIG: u8 = 13;
    const IPVS_CMD_ATTR_TIMEOUT_TCP: u16 = 4;
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::GENERIC),
    )
    .ok()?;
    let mut name = vec![9, 0];
    name.extend(CTRL_ATTR_FAMILY_NAME.to_ne_bytes());
    name.extend(b"IPVS\0\0\0\0");
    let family = ask(&socket, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, &name)?;
    let family = u16::from_ne_bytes(attribute(&family, CTRL_ATTR_FAMILY_ID)?.try_into().ok()?);
    let config = ask(&socket, family, IPVS_CMD_GET_CONFIG, &[])?;
    let seconds = attribute(&config, IPVS_CMD_ATTR_TIMEOUT_TCP)?;
    Some(u32::from_ne_bytes(seconds.try_into().ok()?))
}

/// `struct nlmsghdr` and `struct genlmsghdr`.
const HEADERS: usize = 16 + 4;

/// The attributes of the answer.
fn ask(socket: &OwnedFd, family: u16, command: u8, attributes: &[u8]) -> Option<Vec<u8>> {
    const NLM_F_REQUEST: u16 = 1;
    const VERSION: u8 = 1;
    let length = u32::try_from(HEADERS + attributes.len()).ok()?;
    let mut question = length.to_ne_bytes().to_vec();
    question.extend(family.to_ne_bytes());
    question.extend(NLM_F_REQUEST.to_ne_bytes());
    question.extend([0; 8]);
    question.extend([command, VERSION, 0, 0]);
    question.extend(attributes);
    rustix::net::send(socket, &question, SendFlags::empty()).ok()?;
    let mut answer = vec![0; 4096];
    // The kernel answers before send() returns.
    let (length, _) = rustix::net::recv(socket, &mut answer, RecvFlags::DONTWAIT).ok()?;
    answer.truncate(length);
    let kind = u16::from_ne_bytes([*answer.get(4)?, *answer.get(5)?]);
    (kind == family).then(|| answer.split_off(HEADERS.min(answer.len())))
}

fn attribute(attributes: &[u8], kind: u16) -> Option<Vec<u8>> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == kind)
        .map(|attribute| attribute.value().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
UDP  C6120002:0035 rr
  -> C6120005:0035      Masq    1      0          0
TCP  C6120002:1F90 wlc persistent 360 FFFFFFFF
  -> C6120005:1F90      Masq    1      0          0
TCP  [fd00:0077:0001:0001:0000:0000:0000:00fe]:1F90 rr
  -> [fd00:0077:0001:0002:0000:0000:0000:0002]:1F90      Masq    1      0          0
TCP  C6120002:1F91 rr
  -> C6120005:1F90      Masq    1      0          0
  -> C6120002:1F90      Local   1      0          0
FWM  00000001 rr
  -> C6120005:1F90      Masq    1      0          0
";

    fn at(text: &str) -> Option<String> {
        scheduler(LIST, text.parse().expect("an address"))
    }

    #[test]
    fn a_service_is_found_by_its_address() {
        assert_eq!(at("198.18.0.2:8080").as_deref(), Some("wlc"));
        assert_eq!(at("[fd00:77:1:1::fe]:8080").as_deref(), Some("rr"));
    }

    #[test]
    fn another_port_or_protocol_is_no_service() {
        assert_eq!(at("198.18.0.2:53"), None);
        assert_eq!(at("198.18.0.5:8080"), None);
    }

    #[test]
    fn one_that_may_end_here_tells_nothing() {
        assert_eq!(at("198.18.0.2:8081"), None);
    }

    #[test]
    fn any_text_is_read() {
        for text in [
            "",
            "TCP",
            "TCP  : rr",
            "TCP [::1:0 rr",
            "-> x Local",
            "TCP  ZZ:1 rr\n->",
        ] {
            assert_eq!(scheduler(text, "1.2.3.4:5".parse().expect("an address")), None);
        }
    }
}
