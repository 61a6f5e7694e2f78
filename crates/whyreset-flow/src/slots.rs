//! Where connections are kept: an open-addressed index over a dense array, with a bound. Refuses to
//! grow beyond it: the longest silent one of those looked at gives way, a finished one first.

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

/// An index entry: nothing, or the place of a connection plus one, and its hash, so that another
/// connection is seldom looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    place: u32,
    hash: u32,
}

#[derive(Debug)]
pub struct Slots {
    index: Vec<Slot>,
    connections: Vec<Connection>,
    most: usize,
    hand: usize,
    evicted: u64,
}

impl Slots {
    pub fn new(most: usize) -> Self {
        Self {
            index: vec![Slot::default(); 1024],
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

    /// Place in the index of this key, or of the free slot where it belongs.
    fn probe(&self, key: &Key, hash: u32) -> (usize, Option<usize>) {
        let mut at = self.home(hash);
        loop {
            let slot = self.index[at];
            if slot.place == 0 {
                return (at, None);
            }
            let place = slot.place as usize - 1;
            if slot.hash == hash && self.connections.get(place).is_some_and(|c| c.key == *key) {
                return (at, Some(place));
            }
            at = (at + 1) & self.mask();
        }
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
        let (_, place) = self.probe(key, key.hash());
        self.connections.get_mut(place?)
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
        match self.probe(key, hash) {
            (_, Some(place)) => place,
            (_, None) if self.connections.len() >= self.most => {
                let place = self.candidate();
                let old_key = self.connections[place].key;
                self.unlink(&old_key);
                let old = core::mem::replace(&mut self.connections[place], Connection::new(*key, first, at));
                if !old.is_over() || old.pending.is_some() {
                    self.evicted += 1;
                    *lost = Some(old);
                }
                self.link(key, hash, place);
                place
            }
            (_, None) => {
                if (self.connections.len() + 1) * 4 > self.index.len() * 3 {
                    self.resize(self.index.len() * 2);
                }
                let place = self.connections.len();
                self.connections.push(Connection::new(*key, first, at));
                self.link(key, hash, place);
                place
            }
        }
    }

    fn link(&mut self, key: &Key, hash: u32, place: usize) {
        let (at, _) = self.probe(key, hash);
        self.index[at] = Slot {
            place: u32::try_from(place + 1).unwrap_or(0),
            hash,
        };
    }

    /// Removes a key from the index and closes the gap (Knuth 6.4, algorithm R).
    fn unlink(&mut self, key: &Key) {
        let (mut gap, Some(_)) = self.probe(key, key.hash()) else {
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
        for place in 0..self.connections.len() {
            let hash = self.connections[place].key.hash();
            let mut at = self.home(hash);
            while self.index[at].place != 0 {
                at = (at + 1) & self.mask();
            }
            self.index[at] = Slot {
                place: u32::try_from(place + 1).unwrap_or(0),
                hash,
            };
        }
    }

    /// Who gives way: of some in turn a finished one, else the longest silent.
    fn candidate(&mut self) -> usize {
        let size = self.connections.len();
        let from = self.hand;
        self.hand = (self.hand + CANDIDATES) % size;
        let places = (0..CANDIDATES).map(|step| (from + step) % size);
        places
            .min_by_key(|&place| {
                let connection = &self.connections[place];
                let waits = connection.pending.is_some();
                (waits, !connection.is_over(), connection.last_at())
            })
            .unwrap_or(0)
    }
}
