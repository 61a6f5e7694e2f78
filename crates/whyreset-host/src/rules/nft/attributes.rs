//! Attributes of netlink messages by their number. Takes any bytes; what does not fit is not there.

use netlink_packet_core::NlasIterator;

/// `struct nlattr`.
const HEADER: usize = 4;

/// The attributes of a message, or of one of its attributes. Numbers are in network order.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

impl<'a> Attributes<'a> {
    /// All of them, up to the first that does not fit.
    pub(super) fn all(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        NlasIterator::new(self.0)
            .map_while(Result::ok)
            .filter_map(|attribute| {
                let (kind, length) = (attribute.kind(), usize::from(attribute.length()));
                // Its own value() does not live as long as the message.
                Some((kind, attribute.into_inner().get(HEADER..length)?))
            })
    }

    /// What this one holds.
    pub(super) fn bytes(self, kind: u16) -> Option<&'a [u8]> {
        self.all().find(|(is, _)| *is == kind).map(|(_, value)| value)
    }

    pub(super) fn nested(self, kind: u16) -> Option<Self> {
        self.bytes(kind).map(Self)
    }

    pub(super) fn number(self, kind: u16) -> Option<u32> {
        self.bytes(kind)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(super) fn long(self, kind: u16) -> Option<u64> {
        self.bytes(kind)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// A length or a place.
    pub(super) fn size(self, kind: u16) -> Option<usize> {
        self.number(kind)?.try_into().ok()
    }

    /// A name, without the zero at its end.
    pub(super) fn name(self, kind: u16) -> Option<&'a [u8]> {
        self.bytes(kind).map(plain)
    }

    pub(super) fn text(self, kind: u16) -> Option<String> {
        self.bytes(kind).map(text)
    }
}

fn plain(name: &[u8]) -> &[u8] {
    name.strip_suffix(&[0]).unwrap_or(name)
}

pub(super) fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(plain(name)).into_owned()
}
