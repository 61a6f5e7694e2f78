//! Where connections are kept: an open-addressed index over a dense array, with a bound. Refuses to
//! grow beyond it, and to look far for one: the longest silent one of those looked at gives way, a finished
//! one first.

use alloc::vec;
use alloc::vec::Vec;

use crate::conn::Connection;
use crate::key::{Direction, Key};

/// Hashes that are looked for together.
const ROW: usize = 128;
/// No place.
pub const NOWHERE: u32 = u32::MAX;
/// Connections that are looked at when one must give way.
const CANDIDATES: usize = 16;
/// Slots from its home on in which a connection gets a place: more than chance ever fills in a row. Hashes
/// bear no secret, so that somebody may have made many alike; each of these would be looked at for each of
/// the others' segments.
const NEAR_HOME: usize = 512;

/// An index entry: nothing, or the place of a connection plus one, and its hash, so that another
/// connection is seldom looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    place: u32,
    hash: u32,
}

/// Where a key is.
enum Found {
    /// Its slot and its place.
    Here(usize, usize),
    /// Nowhere, and there is a slot for it.
    Free,
    /// Nowhere, and all slots near its home are taken.
    Crowded,
}

#[derive(Debug)]
pub struct Slots {
    index: Vec<Slot>,
    /// None is so many slots or more from its home: [`NEAR_HOME`], if a growing index did not need more.
    reach: usize,
    connections: Vec<Connection>,
    most: usize,
    hand: usize,
    evicted: u64,
}

impl Slots {
    pub fn new(most: usize) -> Self {
        Self {
            index: vec![Slot::default(); 1024],
            reach: NEAR_HOME,
            connections: Vec::new(),
            most: most.clamp(CANDIDATES, u32::MAX as usize / 4),
            hand: 0,
            evicted: 0,
        }
    }

    pub const fn len(&self) -> usize {
        self.connections.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter()
    }

    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn mask(&self) -> usize {
        self.index.len() - 1
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize & self.mask()
    }

    /// Looks for a key from its home on, as far as any is from it.
    fn probe(&self, key: &Key, hash: u32) -> Found {
        let home = self.home(hash);
        for step in 0..self.reach.min(self.index.len()) {
            let at = (home + step) & self.mask();
            let slot = self.index[at];
            if slot.place == 0 {
                return if step < NEAR_HOME {
                    Found::Free
                } else {
                    Found::Crowded
                };
            }
            let place = slot.place as usize - 1;
            if slot.hash == hash && self.connections.get(place).is_some_and(|c| c.key == *key) {
                return Found::Here(at, place);
            }
        }
        Found::Crowded
    }

    /// Finds where the connections of these hashes most likely are and reads them, so that they are at
    /// hand then: first all places in the index, then all connections, for memory answers many questions
    /// in the time of one. `places` get what [`Self::find_or_insert`] takes for a guess.
    pub fn touch(&self, hashes: &[u32], places: &mut [u32]) -> u64 {
        /// Slots that are looked at.
        const NEAR: usize = 32;
        let mask = self.mask();
        let mut touched = 0;
        for (hashes, places) in hashes.chunks(ROW).zip(places.chunks_mut(ROW)) {
            for hash in hashes {
                touched ^= u64::from(self.index[self.home(*hash)].hash);
            }
            // Of many segments of one connection in a row only the first one has to ask.
            let mut last = None;
            for (place, hash) in places.iter_mut().zip(hashes) {
                if let Some((asked, told)) = last
                    && asked == *hash
                {
                    *place = told;
                    continue;
                }
                let home = self.home(*hash);
                let near = (0..NEAR).map(|step| self.index[(home + step) & mask]);
                *place = near
                    .take_while(|slot| slot.place != 0)
                    .find(|slot| slot.hash == *hash)
                    .map_or(NOWHERE, |slot| slot.place - 1);
                last = Some((*hash, *place));
            }
            let mut last = NOWHERE;
            for place in places {
                if last == *place {
                    continue;
                }
                last = *place;
                let connection = self.connections.get(*place as usize);
                touched ^= connection.map_or(0, Connection::touch);
            }
        }
        touched
    }

    /// The connection at a place that [`Self::find_or_insert`] gave.
    pub fn get(&self, place: usize) -> Option<&Connection> {
        self.connections.get(place)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut Connection> {
        self.connections.get_mut(place)
    }

    pub fn find(&mut self, key: &Key) -> Option<&mut Connection> {
        match self.probe(key, key.hash()) {
            Found::Here(_, place) => self.connections.get_mut(place),
            Found::Free | Found::Crowded => None,
        }
    }

    /// The connection of this key, where it is at the place that [`Self::touch`] guessed.
    #[inline]
    pub fn expected(&mut self, key: &Key, guess: u32) -> Option<&mut Connection> {
        self.connections
            .get_mut(guess as usize)
            .filter(|found| found.key == *key)
    }

    /// Where the connection of this key is, made where there is none; `lost` gets one that gave way. It is
    /// looked for first where `guess` says.
    #[inline]
    pub fn find_or_insert(
        &mut self,
        key: &Key,
        guess: u32,
        first: Direction,
        at: u64,
        lost: &mut Option<Connection>,
    ) -> usize {
        let guess = guess as usize;
        match self.connections.get(guess) {
            Some(found) if found.key == *key => guess,
            _ => self.look_for(key, first, at, lost),
        }
    }

    /// Makes room for so many connections at once, as far as there is any.
    pub fn expect(&mut self, count: usize) {
        let count = count.min(self.most);
        self.connections
            .reserve(count.saturating_sub(self.connections.len()));
        let size = (count * 4 / 3 + 1).next_power_of_two();
        if size > self.index.len() {
            self.resize(size);
        }
    }

    #[inline(never)]
    fn look_for(&mut self, key: &Key, first: Direction, at: u64, lost: &mut Option<Connection>) -> usize {
        let hash = key.hash();
        let new = || Connection::new(*key, first, at);
        match self.probe(key, hash) {
            Found::Here(_, place) => place,
            Found::Crowded => {
                let home = self.home(hash);
                let near = (0..CANDIDATES).map(|step| (home + step) & self.mask());
                // All of these are taken.
                let place_of = |slot: usize| self.index[slot].place.saturating_sub(1) as usize;
                let slot = near
                    .min_by_key(|slot| self.worth(place_of(*slot)))
                    .unwrap_or(home);
                let place = place_of(slot);
                self.index[slot].hash = hash;
                self.give_way(place, new(), lost);
                place
            }
            Found::Free if self.connections.len() >= self.most => {
                let place = self.candidate();
                let old_key = self.connections[place].key;
                self.unlink(&old_key);
                self.give_way(place, new(), lost);
                self.link(hash, place);
                place
            }
            Found::Free => {
                if (self.connections.len() + 1) * 4 > self.index.len() * 3 {
                    self.resize(self.index.len() * 2);
                }
                let place = self.connections.len();
                self.connections.push(new());
                self.link(hash, place);
                place
            }
        }
    }

    /// Puts a connection in another one's place.
    fn give_way(&mut self, place: usize, new: Connection, lost: &mut Option<Connection>) {
        let old = core::mem::replace(&mut self.connections[place], new);
        if !old.is_over() || old.pending.is_some() {
            self.evicted += 1;
            *lost = Some(old);
        }
    }

    /// Has the first free slot from the home of this hash on lead to a place.
    fn link(&mut self, hash: u32, place: usize) {
        let (mut at, mut step) = (self.home(hash), 1);
        while self.index[at].place != 0 {
            at = (at + 1) & self.mask();
            step += 1;
        }
        self.reach = self.reach.max(step);
        self.index[at] = Slot {
            place: u32::try_from(place + 1).unwrap_or(0),
            hash,
        };
    }

    /// Removes a key from the index and closes the gap (Knuth 6.4, algorithm R).
    fn unlink(&mut self, key: &Key) {
        let Found::Here(mut gap, _) = self.probe(key, key.hash()) else {
            return;
        };
        let mask = self.mask();
        let mut at = gap;
        loop {
            self.index[gap] = Slot::default();
            loop {
                at = (at + 1) & mask;
                let slot = self.index[at];
                if slot.place == 0 {
                    return;
                }
                let home = self.home(slot.hash);
                let stays = if gap <= at {
                    gap < home && home <= at
                } else {
                    gap < home || home <= at
                };
                if !stays {
                    break;
                }
            }
            self.index[gap] = self.index[at];
            gap = at;
        }
    }

    /// Makes an index of this size, a power of two.
    fn resize(&mut self, size: usize) {
        self.index = vec![Slot::default(); size];
        self.reach = NEAR_HOME;
        for place in 0..self.connections.len() {
            let hash = self.connections[place].key.hash();
            self.link(hash, place);
        }
    }

    /// Who gives way: of some in turn a finished one, else the longest silent.
    fn candidate(&mut self) -> usize {
        let size = self.connections.len();
        let from = self.hand;
        self.hand = (self.hand + CANDIDATES) % size;
        let places = (0..CANDIDATES).map(|step| (from + step) % size);
        places.min_by_key(|place| self.worth(*place)).unwrap_or(0)
    }

    /// The less, the sooner it gives way: whether a reset waits in it, whether it goes on, when it was last
    /// heard of.
    fn worth(&self, place: usize) -> (bool, bool, u64) {
        let connection = &self.connections[place];
        let waits = connection.pending.is_some();
        (waits, !connection.is_over(), connection.last_at())
    }
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, SocketAddr};

    use super::*;

    /// Keys whose hashes end in the same bits: homes of all of them are alike up to this size of the index.
    fn alike(size: u32) -> impl Iterator<Item = Key> {
        let key = |number: u32| {
            let client = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 | number >> 12), 40_000));
            let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 1_000 + (number & 0xfff) as u16));
            Key::of(client, server).0
        };
        (0..).map(key).filter(move |key| key.hash() % size == 7 % size)
    }

    #[test]
    fn those_made_alike_give_way_to_each_other() {
        let mut slots = Slots::new(1 << 14);
        let keys: Vec<Key> = alike(1 << 14).take(2 * NEAR_HOME).collect();
        let others: Vec<Key> = alike(1).take(1_000).collect();
        let mut lost = None;
        for (at, key) in (0..).zip(others.iter().chain(&keys)) {
            let place = slots.find_or_insert(key, NOWHERE, Direction::Low, at, &mut lost);
            assert!(slots.get(place).is_some_and(|found| found.key == *key));
        }
        assert!(slots.reach <= 2 * NEAR_HOME, "{}", slots.reach);
        let held =
            |keys: &[Key], slots: &mut Slots| keys.iter().filter(|key| slots.find(key).is_some()).count();
        let (alike, ordinary) = (held(&keys, &mut slots), held(&others, &mut slots));
        assert!((NEAR_HOME / 2..=NEAR_HOME).contains(&alike), "{alike}");
        // Few of those that chance has brought near them.
        assert!(ordinary > 900, "{ordinary}");
        assert_eq!(
            slots.evicted(),
            (keys.len() + others.len() - alike - ordinary) as u64
        );
        assert_eq!(slots.len(), alike + ordinary);
    }

    /// What was found before an index grew is found after it, and what is removed leaves no gap.
    #[test]
    fn all_are_found_while_there_is_room() {
        let mut slots = Slots::new(3_000);
        let keys: Vec<Key> = alike(4).take(5_000).collect();
        let mut lost = None;
        for (at, key) in (0..).zip(&keys) {
            slots.find_or_insert(key, NOWHERE, Direction::Low, at, &mut lost);
            if at == 2_999 {
                assert!(keys[..3_000].iter().all(|key| slots.find(key).is_some()));
                assert_eq!(slots.evicted(), 0);
            }
        }
        let found = keys.iter().filter(|key| slots.find(key).is_some()).count();
        assert_eq!((found, slots.len()), (3_000, 3_000));
        assert_eq!(slots.evicted(), 2_000);
    }
}
