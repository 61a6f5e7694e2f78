//! What is known of ends, found by their address and port at once. Refuses to grow beyond a bound: ends
//! that come later are not known. Nobody can make it slow either: an end that has too many before it in
//! its row is not known.

use alloc::vec::Vec;

use crate::key::{End, mixed};

/// Slots that are looked at for one end.
const ROW: usize = 64;
/// Slots at first.
const FIRST: usize = 64;

/// Values by ends.
#[derive(Debug)]
pub struct Known<T> {
    /// Open addressing; never more than half full.
    slots: Vec<Option<(End, T)>>,
    len: usize,
    most: usize,
}

impl<T> Known<T> {
    /// Of so many ends at most.
    pub const fn new(most: usize) -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
            most,
        }
    }

    /// What is known of an end.
    pub fn get(&self, end: End) -> Option<&T> {
        match self.slots.get(self.place(end)?) {
            Some(Some((_, value))) => Some(value),
            _ => None,
        }
    }

    /// The same, to change it; made from `new` where nothing is known and there is room.
    pub fn entry(&mut self, end: End, new: impl FnOnce() -> T) -> Option<&mut T> {
        if self.len * 2 >= self.slots.len() && self.len < self.most {
            self.grow();
        }
        let place = self.place(end)?;
        let full = self.len >= self.most;
        let slot = self.slots.get_mut(place)?;
        if slot.is_none() {
            if full {
                return None;
            }
            *slot = Some((end, new()));
            self.len += 1;
        }
        slot.as_mut().map(|(_, value)| value)
    }

    /// The slot of an end, or the free one where it belongs.
    fn place(&self, end: End) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let home = (mixed(end) >> 32) as usize & mask;
        (home..home + ROW)
            .map(|place| place & mask)
            .find(|place| match &self.slots[*place] {
                Some((known, _)) => *known == end,
                None => true,
            })
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(FIRST);
        let old = core::mem::take(&mut self.slots);
        self.slots.resize_with(size, || None);
        self.len = 0;
        for (end, value) in old.into_iter().flatten() {
            if let Some(place) = self.place(end) {
                self.slots[place] = Some((end, value));
                self.len += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn end(number: u32) -> End {
        End::of((Ipv4Addr::from_bits(number / 3), (number % 3) as u16).into())
    }

    #[test]
    fn ends_are_found_again() {
        let mut known = Known::new(10_000);
        for number in 0..10_000 {
            *known.entry(end(number), || 0).unwrap() += number;
            *known.entry(end(number), || 0).unwrap() += 1;
        }
        for number in 0..10_000 {
            assert_eq!(known.get(end(number)), Some(&(number + 1)));
        }
        assert_eq!(known.get(end(10_000)), None);
        assert!(known.entry(end(10_000), || 0).is_none(), "there is no room");
        assert_eq!(known.entry(end(7), || 0), Some(&mut 8));
        assert!(known.slots.len() <= 32_768);
    }
}
