//! A log searched on several threads in blocks of whole lines, its hits told in order. Refuses to
//! hold more than a block for each thread: a line without an end is looked at in its beginning only.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex};
use std::thread;

use crate::anchors::Anchors;
use crate::words::Scratch;
use crate::{Look, Vocabulary};

/// Bytes of a block.
pub const BLOCK: usize = 512 * 1024;
/// Bytes of a line that are looked at, and told.
pub const LONGEST_LINE: usize = 64 * 1024;

/// What was passed through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Plain bytes.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Lines longer than a block, of which only a beginning was looked at.
    pub overlong: u64,
}

/// A line that is something.
#[derive(Clone, Debug)]
pub struct Hit<T> {
    /// 1-based.
    pub line: u64,
    /// What the caller took from it.
    pub value: T,
}

/// The end that gives blocks out.
struct Door<R> {
    source: R,
    /// The beginning of a line whose end was not in the last block.
    rest: Vec<u8>,
    next: u64,
    /// Within a line that is longer than a block.
    skipping: bool,
    done: Option<io::Result<()>>,
    bytes: u64,
    overlong: u64,
}

/// The end that takes hits in.
struct Desk<S> {
    turn: u64,
    lines: u64,
    sink: S,
    /// A thread ended without its turn.
    broken: bool,
}

/// Searches `source` on `threads` threads. `take` sees each line that is something, on whichever
/// thread found it, and gives what is worth keeping; `sink` gets these in the order of the lines.
///
/// # Errors
/// Reading failed; everything before has been told by then.
pub fn scan<R, T, F, S>(
    source: R,
    words: &Vocabulary,
    threads: usize,
    take: F,
    sink: S,
) -> (Scanned, io::Result<()>)
where
    R: Read + Send,
    T: Send,
    F: Fn(&[u8], Look) -> Option<T> + Sync,
    S: FnMut(Hit<T>) + Send,
{
    let door = Mutex::new(Door {
        source,
        rest: Vec::new(),
        next: 0,
        skipping: false,
        done: None,
        bytes: 0,
        overlong: 0,
    });
    let desk = Mutex::new(Desk {
        turn: 0,
        lines: 0,
        sink,
        broken: false,
    });
    let turned = Condvar::new();
    let anchors = Anchors::default();
    let work = || worker(&door, &desk, &turned, &anchors, words, &take);
    thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let door = door
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let desk = desk
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let scanned = Scanned {
        bytes: door.bytes,
        lines: desk.lines,
        overlong: door.overlong,
    };
    (scanned, door.done.unwrap_or(Ok(())))
}

/// Tells the others where one thread is unwound, so that none waits for it.
struct Leaving<'a, S>(&'a Mutex<Desk<S>>, &'a Condvar);

impl<S> Drop for Leaving<'_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            if let Ok(mut desk) = self.0.lock() {
                desk.broken = true;
            }
            self.1.notify_all();
        }
    }
}

fn worker<R: Read, T, F, S>(
    door: &Mutex<Door<R>>,
    desk: &Mutex<Desk<S>>,
    turned: &Condvar,
    anchors: &Anchors,
    words: &Vocabulary,
    take: &F,
) where
    F: Fn(&[u8], Look) -> Option<T>,
    S: FnMut(Hit<T>),
{
    let _leaving = Leaving(desk, turned);
    let mut block = Vec::with_capacity(BLOCK);
    let mut found = Found::default();
    let mut hits = Vec::new();
    loop {
        let Ok(number) = door.lock().map(|mut door| door.fill(&mut block)) else {
            return;
        };
        let Some(number) = number else { return };
        let lines = search(&block, anchors, words, take, &mut found, &mut hits);
        let Ok(mut desk) = desk.lock() else { return };
        while desk.turn != number {
            if desk.broken {
                return;
            }
            match turned.wait(desk) {
                Ok(waited) => desk = waited,
                Err(_) => return,
            }
        }
        let before = desk.lines;
        for (line, value) in hits.drain(..) {
            (desk.sink)(Hit {
                line: before + line,
                value,
            });
        }
        desk.lines += lines;
        desk.turn += 1;
        drop(desk);
        turned.notify_all();
    }
}

impl<R: Read> Door<R> {
    /// Fills `block` with whole lines and gives its number; `None` at the end.
    fn fill(&mut self, block: &mut Vec<u8>) -> Option<u64> {
        block.clear();
        block.append(&mut self.rest);
        while self.done.is_none() {
            let had = block.len();
            let want = BLOCK - had;
            let read = (&mut self.source).take(want as u64).read_to_end(block);
            self.bytes += (block.len() - had) as u64;
            match read {
                Ok(read) if read < want => self.done = Some(Ok(())),
                Ok(_) => {}
                Err(why) => self.done = Some(Err(why)),
            }
            if self.skipping {
                // The rest of a line that has been told of already.
                match memchr::memchr(b'\n', block) {
                    Some(end) => {
                        block.drain(..=end);
                        self.skipping = false;
                    }
                    None => block.clear(),
                }
                continue;
            }
            match memchr::memrchr(b'\n', block) {
                Some(end) => {
                    self.rest.extend_from_slice(&block[end + 1..]);
                    block.truncate(end + 1);
                    return Some(self.number());
                }
                None if block.len() == BLOCK => {
                    self.overlong += 1;
                    self.skipping = true;
                    block.truncate(LONGEST_LINE);
                    // Its end, which is passed over.
                    block.push(b'\n');
                    return Some(self.number());
                }
                None => {}
            }
        }
        (!block.is_empty()).then(|| self.number())
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

#[derive(Default)]
struct Found {
    places: Vec<Option<usize>>,
    scratch: Scratch,
}

/// Looks at the lines of one block that hold an anchor; gives how many lines it has.
fn search<T>(
    block: &[u8],
    anchors: &Anchors,
    words: &Vocabulary,
    take: &impl Fn(&[u8], Look) -> Option<T>,
    found: &mut Found,
    hits: &mut Vec<(u64, T)>,
) -> u64 {
    let (mut at, mut counted, mut line) = (0, 0, 1_u64);
    let count = |part: &[u8]| memchr::memchr_iter(b'\n', part).count() as u64;
    anchors.places(block, &mut found.places);
    while let Some(place) = anchors.next(block, at, &mut found.places) {
        let begin = memchr::memrchr(b'\n', &block[..place]).map_or(0, |before| before + 1);
        let end = memchr::memchr(b'\n', &block[place..]).map_or(block.len(), |after| place + after);
        let whole = &block[begin..end.min(begin + LONGEST_LINE)];
        let look = words.look(whole, &mut found.scratch);
        if !look.is_nothing() {
            line += count(&block[counted..begin]);
            counted = begin;
            if let Some(value) = take(whole, look) {
                hits.push((line, value));
            }
        }
        at = end + 1;
    }
    let open = u64::from(block.last().is_some_and(|last| *last != b'\n'));
    line - 1 + count(&block[counted..]) + open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tag;

    fn found(text: &[u8], threads: usize) -> (Vec<(u64, String)>, Scanned) {
        let words = Vocabulary::new([("reset by peer", Tag::Message(0))]);
        let mut hits = Vec::new();
        let (scanned, end) = scan(
            text,
            &words,
            threads,
            |line, _| Some(String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned()),
            |hit| hits.push((hit.line, hit.value)),
        );
        end.unwrap();
        (hits, scanned)
    }

    #[test]
    fn lines_are_numbered_in_order_across_blocks_and_threads() {
        let mut text = String::new();
        let mut expected = Vec::new();
        for number in 1..=60_000_u64 {
            if number % 997 == 0 {
                let line = format!("line {number}: Connection reset by peer");
                text.push_str(&line);
                expected.push((number, line));
            } else {
                text.push_str("nothing to see in this line, which is of some length");
            }
            text.push('\n');
        }
        for threads in [1, 2, 5] {
            let (hits, scanned) = found(text.as_bytes(), threads);
            assert_eq!(hits, expected, "{threads} threads");
            assert_eq!((scanned.lines, scanned.bytes), (60_000, text.len() as u64));
        }
    }

    #[test]
    fn a_line_without_an_end_is_looked_at_in_its_beginning() {
        let mut text = b"a\nreset by peer ".to_vec();
        text.resize(text.len() + 3 * BLOCK, b'x');
        text.extend_from_slice(b" reset by peer\nlast: reset by peer");
        let (hits, scanned) = found(&text, 2);
        assert_eq!(hits.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((scanned.lines, scanned.overlong), (3, 1));
    }

    #[test]
    fn odd_ends_and_bytes_are_borne() {
        for (text, lines) in [(&b""[..], 0), (b"\n", 1), (b"x", 1), (b"\n\n\0\xff\n", 3)] {
            assert_eq!(found(text, 2).1.lines, lines, "{text:?}");
        }
        let nothing = vec![0; 2 * BLOCK];
        assert_eq!(found(&nothing, 2).1.overlong, 1);
    }
}
