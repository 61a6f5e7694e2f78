//! Translations (NAT) that connection tracking has forgotten, as ctnetlink tells them: kept for as
//! long as a stray segment may still come for them; and how full its table is. Refuses to ask for
//! the table itself, and costs nothing where no connection is tracked.

mod message;

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::SystemTime;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use socket2::{SockFilter, SockRef};
use whyreset_evidence::{Process, Timestamp, Tracking, Translation};

use self::message::Gone;
use crate::HostError;
use crate::netns;

/// `NFNLGRP_CONNTRACK_DESTROY` as a bit (include/uapi/linux/netfilter/nfnetlink.h).
const DESTROYED: u32 = 1 << 2;
/// Bytes that may wait in the kernel between two looks.
const BUFFER: usize = 4 << 20;
/// The longest datagram that is taken, bytes.
const MESSAGE: usize = 16 << 10;
/// Translations that are remembered.
const KEPT: usize = 4_096;
/// Namespaces that are listened to.
const NAMESPACES: usize = 256;
/// Messages taken at one look at most: a flood must not hold the watcher up.
const AT_ONCE: usize = 16_384;
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
const MOST: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
const TIMEOUT: &str = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established";
/// Entries in these states of `enum tcp_conntrack` were over: TIME_WAIT and later.
const OVER: u8 = 7;

/// One namespace that is listened to.
struct Ear {
    /// Inode of the namespace.
    netns: u32,
    socket: OwnedFd,
    /// `nf_conntrack_count` and `nf_conntrack_max` of that namespace.
    fill: Option<(File, File)>,
    /// `nf_conntrack_tcp_timeout_established` of that namespace.
    timeout: Option<File>,
}

struct Kept {
    at: Timestamp,
    translation: Translation,
}

/// Translations that were forgotten since this was made.
#[derive(Default)]
pub struct Translations {
    ears: Vec<Ear>,
    kept: HashMap<(SocketAddr, SocketAddr), Kept>,
    order: VecDeque<(SocketAddr, SocketAddr)>,
    buffer: Vec<u8>,
    /// Times that messages were lost.
    lost: u64,
}

impl Translations {
    /// Listens in the namespace with this inode, or in all that there are; where a namespace cannot
    /// be entered (CAP_SYS_ADMIN) or listened in (CAP_NET_ADMIN) it is left out.
    ///
    /// # Errors
    /// Not one namespace could be listened to.
    pub fn listen(only: Option<u32>) -> Result<Self, HostError> {
        // setns() is a thread's own affair; the thread ends before anything else begins.
        let listening = std::thread::spawn(move || listen_in(only)).join();
        let ears = listening.unwrap_or(Err(Errno::CANCELED)).map_err(|error| {
            HostError::new(
                "translations (NAT) that are forgotten cannot be seen",
                error,
                "run with CAP_NET_ADMIN, in a kernel with nf_conntrack_netlink",
            )
        })?;
        Ok(Self {
            ears,
            ..Self::default()
        })
    }

    /// The translation that named a segment from `from` to `to`, and when it was found to be gone
    /// (up to the time between two looks late).
    pub fn gone(&mut self, from: SocketAddr, to: SocketAddr) -> Option<(Timestamp, Translation)> {
        self.drain();
        let kept = self.kept.get(&(from, to))?;
        Some((kept.at, kept.translation.clone()))
    }

    /// How full the table of the namespace with this inode is.
    pub fn fill(&self, netns: u32) -> Option<Tracking> {
        let ear = self.ears.iter().find(|ear| ear.netns == netns)?;
        let (count, most) = ear.fill.as_ref()?;
        Some(Tracking {
            entries: number(count)?,
            most: number(most)?,
        })
    }

    /// Takes what has come since the last look.
    pub fn drain(&mut self) {
        if self.ears.is_empty() {
            return;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(MESSAGE, 0);
        let ears = std::mem::take(&mut self.ears);
        for ear in &ears {
            for _ in 0..AT_ONCE {
                match rustix::net::recv(&ear.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                    Ok((0, _)) => break,
                    Ok((length, _)) => {
                        for gone in message::read(buffer.get(..length).unwrap_or_default()) {
                            self.keep(&gone, ear);
                        }
                    }
                    // The buffer ran over; what follows is whole again.
                    Err(Errno::NOBUFS) => self.lost += 1,
                    Err(_) => break,
                }
            }
        }
        (self.ears, self.buffer) = (ears, buffer);
    }

    /// Whether connections are tracked here at all: without it, nothing is missed.
    pub fn matter() -> bool {
        Path::new(TIMEOUT).exists()
    }

    /// How often messages were lost because too many came between two looks.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn keep(&mut self, gone: &Gone, ear: &Ear) {
        if gone.state.is_some_and(|state| state >= OVER) {
            return;
        }
        let at = now();
        let translation = |other, reply| Translation {
            other,
            reply,
            state: gone.state.unwrap_or(0),
            timeout_ms: if gone.state == Some(3) {
                ear.timeout_ms()
            } else {
                0
            },
            asked: gone.portid != 0,
            by: process(gone.portid),
        };
        let named = [
            (gone.reply, translation(gone.original, true)),
            (gone.original, translation(gone.reply, false)),
        ];
        for (name, translation) in named {
            if self.kept.insert(name, Kept { at, translation }).is_none() {
                self.order.push_back(name);
            }
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.kept.remove(&oldest);
            }
        }
    }
}

impl Ear {
    /// Milliseconds that an idle established connection is remembered; 0 where it is not told.
    fn timeout_ms(&self) -> u64 {
        let seconds = self.timeout.as_ref().and_then(number);
        seconds.map_or(0, |seconds| seconds.saturating_mul(1_000))
    }
}

/// The number that a sysctl holds now; it is the opener's namespace that counts.
fn number(file: &File) -> Option<u64> {
    let mut text = [0; 32];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.trim().parse().ok()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

/// A netlink port is by custom its owner's process id; one that has ended has no name any more.
fn process(portid: u32) -> Option<Process> {
    let name = fs::read_to_string(format!("/proc/{portid}/comm")).ok()?;
    (portid != 0).then(|| Process::new(portid, name.trim_end().to_owned()))
}

fn listen_in(only: Option<u32>) -> Result<Vec<Ear>, Errno> {
    let own = netns::current();
    let mut ears = Vec::new();
    let mut refusal = Errno::NOENT;
    if only.is_none_or(|inode| inode == own) {
        match ear(own) {
            Ok(ear) => ears.push(ear),
            Err(error) => refusal = error,
        }
    }
    for (inode, file) in netns::others(only, NAMESPACES) {
        let network = Some(rustix::thread::LinkNameSpaceType::Network);
        let entered = rustix::thread::move_into_link_name_space(file.as_fd(), network);
        match entered.and_then(|()| ear(inode)) {
            Ok(ear) => ears.push(ear),
            Err(error) => refusal = error,
        }
    }
    if ears.is_empty() { Err(refusal) } else { Ok(ears) }
}

/// Listens in the namespace that this thread is in.
fn ear(netns: u32) -> Result<Ear, Errno> {
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
    let fill = File::open(COUNT).ok().zip(File::open(MOST).ok());
    Ok(Ear {
        netns,
        socket,
        fill,
        timeout: File::open(TIMEOUT).ok(),
    })
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

    fn deaf() -> Ear {
        Ear {
            netns: 1,
            socket: rustix::net::socket(AddressFamily::UNIX, SocketType::DGRAM, None).expect("a socket"),
            fill: None,
            timeout: None,
        }
    }

    #[test]
    fn the_oldest_give_way() {
        let mut translations = Translations::default();
        let ear = deaf();
        let at =
            |ip: &str, port: usize| -> SocketAddr { format!("{ip}:{port}").parse().expect("an address") };
        for port in 1..=KEPT {
            let gone = Gone {
                original: (at("10.0.0.2", port), at("10.0.0.1", 80)),
                reply: (at("10.0.0.9", 8080), at("10.0.0.2", port)),
                state: Some(3),
                portid: 0,
            };
            translations.keep(&gone, &ear);
        }
        assert_eq!(translations.kept.len(), KEPT);
        assert!(
            translations
                .gone(at("10.0.0.9", 8080), at("10.0.0.2", 1))
                .is_none()
        );
        let (_, last) = translations
            .gone(at("10.0.0.9", 8080), at("10.0.0.2", KEPT))
            .expect("the last one");
        assert!(last.reply && !last.asked);
        assert_eq!(last.other.1, at("10.0.0.1", 80));
    }

    #[test]
    fn what_was_over_is_not_lost() {
        let ends: (SocketAddr, SocketAddr) = ("10.0.0.2:1".parse().unwrap(), "10.0.0.1:80".parse().unwrap());
        let mut translations = Translations::default();
        let gone = Gone {
            original: ends,
            reply: (ends.1, ends.0),
            state: Some(OVER),
            portid: 0,
        };
        translations.keep(&gone, &deaf());
        assert!(translations.kept.is_empty());
    }
}
