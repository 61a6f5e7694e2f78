//! The number that nftables counts its changes with (NFT_MSG_GETGEN): equal numbers, equal rules.
//! Refuses to say what changed.

use rustix::net::netlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::spaces::attribute;

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN`, and the answer's `NFT_MSG_NEWGEN`.
const ASK: u16 = 0x0a10;
const TOLD: u16 = 0x0a0f;
const NLM_F_REQUEST: u16 = 1;
const NFTA_GEN_ID: u16 = 1;
/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEADERS: usize = 20;

/// That of the calling thread's network namespace; `None` where it is not told (CAP_NET_ADMIN, a
/// kernel without nftables).
pub(super) fn current() -> Option<u32> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(netlink::NETFILTER),
    )
    .ok()?;
    let mut question = u32::try_from(HEADERS).ok()?.to_ne_bytes().to_vec();
    question.extend(ASK.to_ne_bytes());
    question.extend(NLM_F_REQUEST.to_ne_bytes());
    question.resize(HEADERS, 0);
    rustix::net::send(&socket, &question, SendFlags::empty()).ok()?;
    let mut answer = [0; 512];
    // The kernel answers before send() returns.
    let (length, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::DONTWAIT).ok()?;
    read(answer.get(..length)?)
}

fn read(answer: &[u8]) -> Option<u32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let number = attribute(answer.get(HEADERS..)?, NFTA_GEN_ID)?;
    (kind == TOLD).then_some(u32::from_be_bytes(number.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_number_is_read_and_any_bytes_are_taken() {
        let mut answer = vec![28, 0, 0, 0, 0x0f, 0x0a, 0, 0];
        answer.resize(20, 0);
        answer.extend([8, 0, 1, 0, 0, 0, 1, 7]);
        if cfg!(target_endian = "little") {
            assert_eq!(read(&answer), Some(263));
        }
        for cut in 0..answer.len() {
            read(&answer[..cut]);
        }
    }
}
