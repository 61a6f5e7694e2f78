//! A question to nf_tables over netlink and the messages of its answer. Refuses to know what they mean.

use std::io::{Error, Result};
use std::os::fd::OwnedFd;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer};
use rustix::net::netlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::Place;
use super::attributes::Attributes;

/// The kernel fills no more of one datagram (netlink_dump()).
const DATAGRAM: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);
/// `struct nlmsghdr`, and the `struct nfgenmsg` after it.
const HEADER: usize = 16;
pub(super) const FAMILY: usize = 4;

/// One message of an answer.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    family: u8,
    pub(super) attributes: Attributes<'a>,
}

impl Message<'_> {
    /// What it is about, from the attributes that hold the names of its table and of itself.
    pub(super) fn place(self, table: u16, name: u16) -> Option<Place> {
        let names = (self.attributes.text(table)?, self.attributes.text(name)?);
        Some((family(self.family)?.to_owned(), names.0, names.1))
    }

    /// The question for the elements of the set that it tells: `NFTA_SET_TABLE` and `NFTA_SET_NAME` are
    /// `NFTA_SET_ELEM_LIST_TABLE` and `NFTA_SET_ELEM_LIST_SET` there, by number and in form.
    pub(super) fn set(self) -> Vec<u8> {
        let mut question = vec![self.family, 0, 0, 0];
        for (kind, value) in self.attributes.all().filter(|(kind, _)| matches!(kind, 1 | 2)) {
            let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
            question.extend([length.to_ne_bytes(), kind.to_ne_bytes()].concat());
            question.extend(value);
            question.resize(question.len().next_multiple_of(4), 0);
        }
        question
    }
}

/// An open question to nf_tables.
pub(super) struct Door {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Door {
    pub(super) fn open() -> Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::NETFILTER),
        )?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self {
            socket,
            buffer: vec![0; DATAGRAM],
        })
    }

    /// Hands over each message of the answer; the question begins with its `struct nfgenmsg`.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        question: &[u8],
        mut each: impl FnMut(Message<'_>),
    ) -> Result<()> {
        let mut bytes = vec![0; HEADER];
        bytes.extend(question);
        let length = u32::try_from(bytes.len()).map_err(Error::other)?;
        let mut header = NetlinkBuffer::new(&mut bytes);
        header.set_length(length);
        header.set_message_type(kind);
        header.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
        rustix::net::send(&self.socket, &bytes, SendFlags::empty())?;
        loop {
            let (length, _) = rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::empty())?;
            let mut rest = self.buffer.get(..length).unwrap_or_default();
            if rest.is_empty() {
                return Err(Error::other("nf_tables ended its answer early"));
            }
            while !rest.is_empty() {
                let message = NetlinkBuffer::new_checked(rest).map_err(Error::other)?;
                let length = usize::try_from(message.length()).map_err(Error::other)?;
                let body = rest.get(HEADER..length).unwrap_or_default();
                match message.message_type() {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => {
                        let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                        return Err(Error::from_raw_os_error(-code));
                    }
                    _ => {
                        if let Some((header, attributes)) = body.split_first_chunk::<FAMILY>() {
                            let attributes = Attributes(attributes);
                            each(Message {
                                family: header[0],
                                attributes,
                            });
                        }
                    }
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

/// `NFPROTO_*` as nft names it; `None` for those that no segment of TCP passes.
const fn family(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "inet",
        2 => "ip",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => return None,
    })
}
