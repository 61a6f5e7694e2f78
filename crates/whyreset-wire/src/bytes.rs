//! Numbers out of byte slices, in network order. Nothing here panics: what is not there is `None`.

pub const fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    match bytes.split_at_checked(at) {
        Some((_, rest)) => match rest.first_chunk::<2>() {
            Some(two) => Some(u16::from_be_bytes(*two)),
            None => None,
        },
        None => None,
    }
}

pub const fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.split_at_checked(at) {
        Some((_, rest)) => match rest.first_chunk::<4>() {
            Some(four) => Some(u32::from_be_bytes(*four)),
            None => None,
        },
        None => None,
    }
}

/// So many bytes from here, as an array.
pub fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}
