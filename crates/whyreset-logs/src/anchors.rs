//! Short pieces of text, one of which every line that matters holds; looked for with vector
//! instructions before anything else is done. Refuses to say what a line means.

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, MatchKind};

/// The pieces, in the case in which programs print them. Their beginnings are cut where a capital
/// may stand (`Reset`, `reset`).
const ANCHORS: &[&str] = &[
    "eset",
    "ESET",
    "efused",
    "EFUSED",
    "losed",
    "LOSED",
    "roken",
    "EPIPE",
    "epipe",
    "isconnect",
    "isCONNECT",
    "imed out",
    "TIMED",
    "imeout",
    "IMEOUT",
    "remature",
    "erminat",
    "EOF",
    "eof",
    "nexpected e",
    "nexpected d",
    "bort",
    "BORT",
    "nreach",
    "NREACH",
    "lost",
    "Lost",
    "LOST",
    " away",
    "navailable",
    "NAVAIL",
    "andshake",
    "ncomplete",
    "rrno",
    "os error",
    "eadline",
    "EADLINE",
    "hang up",
    "hung up",
    "upstream",
    "failed (1",
    "failed (3",
    "PC failed",
    "rror",
    "RROR",
    "fail",
    "Fail",
    "FAIL",
    "xception",
    "curl: (",
    "url (",
    "GOAWAY",
    "goaway",
    "\" 499 ",
    "\" 444 ",
    " 460 ",
    " 502 - ",
    " 504 - ",
    "flags\":\"U",
    "flags\":\"D",
    "flags\":\"L",
    "preauth]",
    "did not re",
    "ST_STR",
    "too_many_",
    "o route",
    "missed ",
    "already conn",
    "taken over",
    "in state",
    "ould not ",
    "max number",
    "WSAE",
    "rong version",
    "ended by",
    "no bytes",
    "to respond",
    "packet",
    "oo many ",
    "an't connect",
    "is closing",
    "FORCED",
    "_notify",
    "outines",
    "mpty ",
    "SSL_",
    "without",
    "D-- ",
    "H-- ",
    "C-- ",
    "R-- ",
    "Q-- ",
    " CD ",
    " SD ",
    " cD ",
    " sD ",
    " SC ",
    " sC ",
    " CC ",
    "too large",
    "han the conf",
    "axStart",
    "uffer limit",
    "illed pro",
    "oom-kill",
    "rphaned",
    "able full",
    "YN flood",
    "egfault",
    "code=kill",
    "code=dump",
    " OOM ",
    "arakiri",
    "ARAKIRI",
    "max_child",
    "block size",
    "fast shut",
    "rop conn",
    "crash",
    "hut down",
    "hutting",
];
/// Pieces that one searcher takes: more make it slower than two.
const LOT: usize = 52;

/// The searchers.
pub struct Anchors(Vec<Lot>);

enum Lot {
    Vector(Searcher),
    /// Where the processor has no such instructions.
    Plain(AhoCorasick),
}

impl Default for Anchors {
    fn default() -> Self {
        Self::of(ANCHORS)
    }
}

impl Anchors {
    /// Searchers of other pieces: addresses, say. None holds nothing.
    pub fn of<T: AsRef<[u8]>>(pieces: &[T]) -> Self {
        Self(pieces.chunks(LOT).filter_map(Lot::new).collect())
    }

    /// How many searchers, each of which has its own place in `places`.
    pub fn lots(&self) -> usize {
        self.0.len()
    }

    /// The first place at or after `from` where a piece stands. `places` is kept between calls of
    /// one block and holds what each searcher found last.
    #[inline]
    pub fn next(&self, block: &[u8], from: usize, places: &mut [Option<usize>]) -> Option<usize> {
        let mut first = None::<usize>;
        for (lot, place) in self.0.iter().zip(places) {
            if place.is_some_and(|at| at < from) {
                *place = lot.find(block, from);
            }
            first = match (first, *place) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        first
    }

    /// Fresh places for a block.
    pub fn places(&self, block: &[u8], places: &mut Vec<Option<usize>>) {
        places.clear();
        places.extend(self.0.iter().map(|lot| lot.find(block, 0)));
    }
}

impl Lot {
    fn new<T: AsRef<[u8]>>(pieces: &[T]) -> Option<Self> {
        let vector = packed::Config::new()
            .builder()
            .extend(pieces.iter().map(AsRef::as_ref))
            .build();
        match vector {
            Some(searcher) => Some(Self::Vector(searcher)),
            None => AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostFirst)
                .build(pieces.iter().map(AsRef::as_ref))
                .ok()
                .map(Self::Plain),
        }
    }

    fn find(&self, block: &[u8], from: usize) -> Option<usize> {
        let rest = block.get(from..)?;
        let at = match self {
            Self::Vector(searcher) => searcher.find(rest).map(|found| found.start()),
            Self::Plain(searcher) => searcher.find(rest).map(|found| found.start()),
        };
        at.map(|at| from + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_in_order() {
        let anchors = Anchors::default();
        let block = b"ok\nread: Connection reset by peer\nfine\nlost\nEPIPE";
        let mut places = Vec::new();
        anchors.places(block, &mut places);
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = anchors.next(block, from, &mut places) {
            found.push(at);
            from = at + 1;
        }
        assert!(
            found.contains(&21) && found.windows(2).all(|pair| pair[0] < pair[1]),
            "{found:?}"
        );
        assert_eq!(*found.last().unwrap(), block.len() - 5);
        assert_eq!(anchors.next(block, block.len(), &mut places), None);
        let none = Anchors::of::<&str>(&[]);
        none.places(block, &mut places);
        assert_eq!(none.next(block, 0, &mut places), None);
    }
}
