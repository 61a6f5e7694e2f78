//! Connection tracking of one network namespace: the translations (NAT) that it has forgotten, kept
//! for as long as a stray segment may still come for them, and how full its table is. Costs nothing
//! where no connection is tracked.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use socket2::{SockFilter, SockRef};
use whyreset_evidence::{Process, Timestamp, Tracking, Translation};

use super::message::{self, DELETE, Entry};

/// `NFNLGRP_CONNTRACK_DESTROY` as a bit (include/uapi/linux/netfilter/nfnetlink.h).
const DESTROYED: u32 = 1 << 2;
/// Bytes that may wait in the kernel between two looks.
const BUFFER: usize = 4 << 20;
/// The longest datagram that is taken, bytes.
const MESSAGE: usize = 16 << 10;
/// Messages taken at one look at most: a flood must not hold the watcher up.
const AT_ONCE: usize = 16_384;
/// Names of translations that are remembered; each has two.
const KEPT: usize = 8_192;
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const MOST: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const TIMEOUT: &str = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established";
/// `TCP_CONNTRACK_ESTABLISHED`.
pub(super) const ESTABLISHED: u8 = 3;
/// `TCP_CONNTRACK_TIME_WAIT`: entries in this state and later ones were over.
pub(super) const OVER: u8 = 7;

/// Whether connections are tracked here at all.
pub(super) fn is_used() -> bool {
    Path::new(COUNT).exists()
}

/// What is asked of one namespace. A sysctl belongs to the namespace in which it was opened.
pub(super) struct Tracked {
    socket: OwnedFd,
    count: Option<File>,
    most: Option<File>,
    timeout: Option<File>,
}

impl Tracked {
    /// Listens in the namespace that this thread is in.
    pub(super) fn open() -> Result<Self, Errno> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::NETFILTER),
        )?;
        // Without the right to more the kernel's own limit holds.
        _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER);
        let failed = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
        SockRef::from(&socket)
            .attach_filter(&translated_only())
            .map_err(failed)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, DESTROYED))?;
        Ok(Self {
            socket,
            count: File::open(COUNT).ok(),
            most: File::open(MOST).ok(),
            timeout: File::open(TIMEOUT).ok(),
        })
    }

    pub(super) fn fill(&self) -> Option<Tracking> {
        Some(Tracking {
            entries: number(self.count.as_ref()?)?,
            most: number(self.most.as_ref()?)?,
        })
    }

    pub(super) fn drain(&self, kept: &mut Kept) {
        let mut buffer = [0; MESSAGE];
        for _ in 0..AT_ONCE {
            match rustix::net::recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => break,
                Ok((length, _)) => {
                    for gone in message::read(buffer.get(..length).unwrap_or_default(), DELETE) {
                        kept.keep(&gone, || self.timeout_ms());
                    }
                }
                // The buffer ran over; what follows is whole again.
                Err(Errno::NOBUFS) => kept.lost += 1,
                Err(_) => break,
            }
        }
    }

    /// Milliseconds that an idle established connection is remembered; 0 where it is not told.
    fn timeout_ms(&self) -> u64 {
        let seconds = self.timeout.as_ref().and_then(number);
        seconds.map_or(0, |seconds| seconds.saturating_mul(1_000))
    }
}

fn number(file: &File) -> Option<u64> {
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.trim().parse().ok()
}

/// Translations that were forgotten, by either name.
#[derive(Default)]
pub(super) struct Kept {
    by_name: HashMap<(SocketAddr, SocketAddr), (Timestamp, Translation)>,
    order: VecDeque<(SocketAddr, SocketAddr)>,
    /// Times that messages were lost.
    pub(super) lost: u64,
}

impl Kept {
    pub(super) fn find(&self, from: SocketAddr, to: SocketAddr) -> Option<(Timestamp, Translation)> {
        self.by_name.get(&(from, to)).cloned()
    }

    fn keep(&mut self, gone: &Entry, timeout_ms: impl FnOnce() -> u64) {
        if gone.state.is_some_and(|state| state >= OVER) {
            return;
        }
        let at = now();
        let reply = Translation {
            other: gone.original,
            reply: true,
            state: gone.state.unwrap_or(0),
            timeout_ms: if gone.state == Some(ESTABLISHED) {
                timeout_ms()
            } else {
                0
            },
            stands: false,
            asked: gone.portid != 0,
            by: process(gone.portid),
        };
        let original = Translation {
            other: gone.reply,
            reply: false,
            ..reply.clone()
        };
        for (name, translation) in [(gone.reply, reply), (gone.original, original)] {
            if self.by_name.insert(name, (at, translation)).is_none() {
                self.order.push_back(name);
            }
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.by_name.remove(&oldest);
            }
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

/// A netlink port is by custom its owner's process id; one that has ended has no name any more.
fn process(portid: u32) -> Option<Process> {
    if portid == 0 {
        return None;
    }
    let name = fs::read_to_string(format!("/proc/{portid}/comm")).ok()?;
    Some(Process::new(portid, name.trim_end().to_owned()))
}

/// Lets messages through whose `CTA_STATUS` says that addresses were translated
/// (`IPS_SRC_NAT | IPS_DST_NAT`): others are dropped in the kernel.
fn translated_only() -> [SockFilter; 9] {
    const LOAD: u16 = 0x00; // BPF_LD | BPF_IMM
    const LOAD_X: u16 = 0x01; // BPF_LDX | BPF_IMM
    const LOAD_AT: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const LOAD_AT_X: u16 = 0x40; // BPF_LD | BPF_W | BPF_IND
    const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    const TO_X: u16 = 0x07; // BPF_MISC | BPF_TAX
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    /// `SKF_AD_OFF + SKF_AD_NLATTR`: the offset of the attribute with type X, looked for from A on.
    const FIND_ATTRIBUTE: u32 = 0xffff_f000 + 12;
    const HEADERS: u32 = 20;
    const CTA_STATUS: u32 = 3;
    const NAT: u32 = 0x30;
    [
        SockFilter::new(LOAD, 0, 0, HEADERS),
        SockFilter::new(LOAD_X, 0, 0, CTA_STATUS),
        SockFilter::new(LOAD_AT, 0, 0, FIND_ATTRIBUTE),
        SockFilter::new(EQUAL, 4, 0, 0),
        SockFilter::new(TO_X, 0, 0, 0),
        SockFilter::new(LOAD_AT_X, 0, 0, 4),
        SockFilter::new(ANY_BIT, 0, 1, NAT),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str, port: usize) -> SocketAddr {
        format!("{ip}:{port}").parse().expect("an address")
    }

    fn gone(port: usize, state: u8) -> Entry {
        Entry {
            original: (at("10.0.0.2", port), at("10.0.0.1", 80)),
            reply: (at("10.0.0.9", 8080), at("10.0.0.2", port)),
            state: Some(state),
            portid: 0,
        }
    }

    #[test]
    fn a_translation_is_found_by_both_names_and_the_oldest_give_way() {
        let mut kept = Kept::default();
        for port in 1..=KEPT {
            kept.keep(&gone(port, ESTABLISHED), || 5_000);
        }
        assert_eq!(kept.by_name.len(), KEPT);
        assert!(kept.find(at("10.0.0.9", 8080), at("10.0.0.2", 1)).is_none());
        let (_, reply) = kept
            .find(at("10.0.0.9", 8080), at("10.0.0.2", KEPT))
            .expect("the last");
        assert!(reply.reply && !reply.asked);
        assert_eq!((reply.other.1, reply.timeout_ms), (at("10.0.0.1", 80), 5_000));
        let (_, original) = kept
            .find(at("10.0.0.2", KEPT), at("10.0.0.1", 80))
            .expect("the last");
        assert!(!original.reply);
    }

    #[test]
    fn what_was_over_is_not_lost() {
        let mut kept = Kept::default();
        kept.keep(&gone(1, OVER), || 0);
        assert!(kept.by_name.is_empty());
    }
}
