//! The elements of a set: single keys, intervals, and keys put together of fields with an interval
//! each. Refuses to look further than its bound.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::program::Known;
use crate::rules::tri::Tri;

/// Elements that are taken of one set.
const MOST: usize = 1_000_000;

/// A key, in place where it is no longer than an IPv6 address: a set may hold a million.
type Key = SmallVec<[u8; 16]>;

/// Bytes that a set is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// The least that meets it, and the greatest; in fields each for itself.
    low: Key,
    high: Key,
}

/// One set or map.
#[derive(Default)]
pub(super) struct Set {
    /// In the order of their low ends.
    elements: Vec<(Element, usize)>,
    /// Bytes of each field, rounded up to whole registers; empty where there is one.
    fields: Vec<usize>,
    /// What meets no element meets this one.
    rest: Option<usize>,
    /// An element asks more than its key, or not all were read.
    pub(super) doubtful: bool,
}

/// An element as it is told, beside its number in that order.
pub(super) struct Told<'a> {
    pub(super) key: &'a [u8],
    /// The greatest key that meets it.
    pub(super) end: Option<&'a [u8]>,
    /// It ends the interval before it (NFT_SET_ELEM_INTERVAL_END).
    pub(super) closes: bool,
}

impl Set {
    /// Of elements that are told in any order.
    pub(super) fn new(told: &[Told<'_>], interval: bool, fields: Vec<usize>, rest: Option<usize>) -> Self {
        let mut set = Self {
            rest,
            doubtful: told.len() > MOST,
            fields,
            ..Self::default()
        };
        let mut order: Vec<usize> = (0..told.len().min(MOST)).collect();
        order.sort_by(|&a, &b| told[a].key.cmp(told[b].key));
        for (at, &number) in order.iter().enumerate() {
            let one = &told[number];
            if one.closes {
                continue;
            }
            let high = match one.end {
                Some(end) => Key::from_slice(end),
                None if interval && set.fields.is_empty() => {
                    let next = order[at..].iter().map(|&next| told[next].key);
                    next.into_iter()
                        .find(|next| *next > one.key)
                        .map_or_else(|| Key::from_elem(0xff, one.key.len()), before)
                }
                None => Key::from_slice(one.key),
            };
            let low = Key::from_slice(one.key);
            set.elements.push((Element { low, high }, number));
        }
        set
    }

    /// Each element with the number that it was told by, and what meets none.
    pub(super) fn elements(&self) -> impl Iterator<Item = (Option<&Element>, usize)> {
        let all = self
            .elements
            .iter()
            .map(|(element, number)| (Some(element), *number));
        all.chain(self.rest.map(|number| (None, number)))
    }

    /// Whether these bytes are in it.
    pub(super) fn has(&self, value: &[Known]) -> Tri {
        let found = if self.rest.is_some() {
            Tri::Yes
        } else if let (true, Some(value)) = (self.fields.is_empty(), value.iter().copied().collect()) {
            self.find(&value)
        } else {
            Tri::any(self.elements.iter().map(|(one, _)| self.meets(one, value)))
        };
        if self.doubtful { Tri::Perhaps } else { found }
    }

    /// Whether they meet this element.
    pub(super) fn meets(&self, element: &Element, value: &[Known]) -> Tri {
        let mut met = Tri::known(element.low.len() <= value.len());
        let whole = [element.low.len()];
        let fields = if self.fields.is_empty() {
            &whole[..]
        } else {
            &self.fields
        };
        let mut begin = 0;
        for &length in fields {
            let range = begin..(begin + length).min(element.low.len()).min(value.len());
            let (Some(value), Some(low), Some(high)) = (
                value.get(range.clone()),
                element.low.get(range.clone()),
                element.high.get(range),
            ) else {
                return Tri::Perhaps;
            };
            met = met.and(between(value, low, high));
            begin += length;
        }
        met
    }

    fn find(&self, value: &Key) -> Tri {
        let after = self.elements.partition_point(|(one, _)| one.low <= *value);
        let last = after.checked_sub(1).and_then(|at| self.elements.get(at));
        Tri::known(last.is_some_and(|(one, _)| *value <= one.high))
    }
}

/// The greatest number below this one.
fn before(key: &[u8]) -> Key {
    let mut key = Key::from_slice(key);
    for byte in key.iter_mut().rev() {
        let (less, borrowed) = byte.overflowing_sub(1);
        *byte = less;
        if !borrowed {
            break;
        }
    }
    key
}

/// Whether the bytes lie in an interval that holds its ends.
pub(super) fn between(value: &[Known], low: &[u8], high: &[u8]) -> Tri {
    if low == high {
        return equal(value, low);
    }
    match (compare(value, low), compare(value, high)) {
        (Some(low), Some(high)) => Tri::known(low != Ordering::Less && high != Ordering::Greater),
        (Some(Ordering::Less), _) | (_, Some(Ordering::Greater)) => Tri::No,
        _ => Tri::Perhaps,
    }
}

/// Whether the bytes are these.
pub(super) fn equal(value: &[Known], with: &[u8]) -> Tri {
    let each = value.iter().zip(with).map(|(value, with)| match value {
        Some(value) => Tri::known(value == with),
        None => Tri::Perhaps,
    });
    each.fold(Tri::known(value.len() == with.len()), Tri::and)
}

/// Their order, as memcmp() has it; `None` where a byte is not known that decides it.
pub(super) fn compare(value: &[Known], with: &[u8]) -> Option<Ordering> {
    for (value, with) in value.iter().zip(with) {
        match (*value)?.cmp(with) {
            Ordering::Equal => {}
            other => return Some(other),
        }
    }
    Some(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: &[u8], closes: bool) -> Told<'_> {
        Told {
            key,
            end: None,
            closes,
        }
    }

    fn known(bytes: &[u8]) -> Vec<Known> {
        bytes.iter().copied().map(Some).collect()
    }

    #[test]
    fn single_keys_and_intervals_in_any_order() {
        let points = Set::new(
            &[told(&[0, 80], false), told(&[0, 22], false)],
            false,
            vec![],
            None,
        );
        for (port, met) in [(22, Tri::Yes), (80, Tri::Yes), (23, Tri::No), (81, Tri::No)] {
            assert_eq!(points.has(&known(&[0, port])), met, "{port}");
        }
        assert_eq!(points.has(&[Some(0), None]), Tri::Perhaps);
        assert_eq!(
            points.has(&[Some(1), None]),
            Tri::No,
            "the byte that is known is in no key"
        );
        // 1-255, 512-.
        let ranges = Set::new(
            &[
                told(&[1, 0], true),
                told(&[2, 0], false),
                told(&[0, 1], false),
                told(&[0, 0], true),
            ],
            true,
            vec![],
            None,
        );
        for (bytes, met) in [
            ([0, 0], Tri::No),
            ([0, 1], Tri::Yes),
            ([0, 255], Tri::Yes),
            ([1, 0], Tri::No),
            ([2, 0], Tri::Yes),
            ([255, 255], Tri::Yes),
        ] {
            assert_eq!(ranges.has(&known(&bytes)), met, "{bytes:?}");
        }
    }

    #[test]
    fn fields_have_an_interval_each() {
        let one = Told {
            key: &[10, 0, 0, 0, 0, 80, 0, 0],
            end: Some(&[10, 0, 0, 9, 0, 90, 0, 0]),
            closes: false,
        };
        let set = Set::new(&[one], true, vec![4, 4], None);
        for (bytes, met) in [
            ([10, 0, 0, 5, 0, 85, 0, 0], Tri::Yes),
            ([10, 0, 0, 5, 0, 91, 0, 0], Tri::No),
            ([10, 0, 1, 5, 0, 85, 0, 0], Tri::No),
        ] {
            assert_eq!(set.has(&known(&bytes)), met, "{bytes:?}");
        }
        let mut half = known(&[10, 0, 0, 5, 0, 85, 0, 0]);
        half[5] = None;
        assert_eq!(set.has(&half), Tri::Perhaps);
        half[2] = Some(1);
        assert_eq!(set.has(&half), Tri::No);
    }

    #[test]
    fn what_meets_none_meets_the_rest_and_doubt_stays() {
        let mut set = Set::new(&[told(&[1], false)], false, vec![], Some(7));
        assert_eq!(set.has(&known(&[9])), Tri::Yes);
        assert_eq!(
            set.elements().map(|(_, number)| number).collect::<Vec<_>>(),
            [0, 7]
        );
        set.doubtful = true;
        assert_eq!(set.has(&known(&[1])), Tri::Perhaps);
        assert_eq!(before(&[1, 0]).as_slice(), [0, 255]);
    }
}
