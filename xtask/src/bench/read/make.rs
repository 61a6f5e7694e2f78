//! The captures of the benchmark, the same bytes each time. Made packet by packet into any writer,
//! so that a stream needs no disk; holds no more than the connections that are open at once.

mod frame;
mod talk;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use self::frame::{Addresses, Options, RST, SYN, Segment};
use self::talk::{End, Manner, Talk};

/// Which capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Small packets of many connections at once, one connection in five reset.
    Small,
    /// Full-size packets, few resets.
    Full,
    /// One long connection that ends in a reset.
    One,
    /// A SYN each to as many ends.
    Scan,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Small, Self::Full, Self::One, Self::Scan];

    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Full => "full",
            Self::One => "one",
            Self::Scan => "scan",
        }
    }

    /// For people.
    pub fn about(self) -> &'static str {
        match self {
            Self::Small => "small packets, interleaved connections, 20 % of them reset, 10 % IPv6",
            Self::Full => "full-size packets, few resets",
            Self::One => "one long connection, reset at its end",
            Self::Scan => "an all-SYN scan",
        }
    }

    /// Connections of the whole capture.
    fn connections(self) -> u64 {
        match self {
            Self::Small => 1_000_000,
            Self::Full => 4000,
            Self::One => 1,
            Self::Scan => 10_000_000,
        }
    }

    /// About how many packets it has, by which a smaller one is chosen.
    pub fn packets(self) -> f64 {
        match self {
            Self::Small => 17.8e6,
            Self::Full => 1.23e6,
            Self::One => 6e6,
            Self::Scan => 10e6,
        }
    }

    /// At least as many bytes as it has.
    pub fn most_bytes(self) -> f64 {
        match self {
            Self::Small => 1.7e9,
            Self::Full => 1.4e9,
            Self::One => 1e9,
            Self::Scan => 0.75e9,
        }
    }
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    pub packets: u64,
    pub connections: u64,
    /// Segments with RST.
    pub resets: u64,
    pub bytes: u64,
}

/// Writes the capture, `scale` times its full size (more than 0).
pub fn capture(kind: Kind, scale: f64, out: &mut impl Write) -> io::Result<Made> {
    let mut sheet = Sheet::new(out, u64::MAX)?;
    match kind {
        Kind::Small => sheet.crowd(scaled(kind.connections(), scale), scaled(100_000, scale), small)?,
        Kind::Full => sheet.crowd(scaled(kind.connections(), scale), scaled(500, scale), full)?,
        Kind::One => {
            let middle = talk::low(scaled(6_000_000, scale));
            let talk =
                |number, random| Talk::new(number, Manner::Bulk { payload: 100 }, End::Abort, middle, random);
            sheet.crowd(1, 1, talk)?;
        }
        Kind::Scan => sheet.scan(scaled(kind.connections(), scale))?,
    }
    sheet.finish()
}

/// Writes connections like those of [`Kind::Small`] until about so many bytes are written.
pub fn stream(bytes: u64, out: &mut impl Write) -> io::Result<Made> {
    let mut sheet = Sheet::new(out, bytes)?;
    sheet.crowd(u64::MAX, 100_000, small)?;
    sheet.finish()
}

/// Two in ten are reset, one in each way.
fn small(number: u64, random: u64) -> Talk {
    let end = match number % 10 {
        2 => End::Abort,
        7 => End::Stateless,
        _ => End::Close,
    };
    Talk::new(number, Manner::Chat, end, 6 + talk::low(random >> 7) % 11, random)
}

/// One in fifty is reset.
fn full(number: u64, random: u64) -> Talk {
    let end = if number % 50 == 7 { End::Abort } else { End::Close };
    Talk::new(number, Manner::Bulk { payload: frame::FULL }, end, 301, random)
}

/// A capture under way.
struct Sheet<'a, W> {
    out: &'a mut W,
    /// Bytes after which no more is written.
    limit: u64,
    buffer: Vec<u8>,
    made: Made,
    /// Microseconds.
    clock: u64,
    random: u64,
}

impl<'a, W: Write> Sheet<'a, W> {
    const CHUNK: usize = 1 << 20;

    fn new(out: &'a mut W, limit: u64) -> io::Result<Self> {
        out.write_all(&frame::HEAD)?;
        let bytes = frame::HEAD.len() as u64;
        Ok(Self {
            out,
            limit,
            buffer: Vec::with_capacity(Self::CHUNK + 4096),
            made: Made {
                bytes,
                ..Made::default()
            },
            clock: 1_767_225_600_000_000,
            random: 0x0139_408d_cbbf_7a44,
        })
    }

    /// Connections that take turns, at most `open` of them at once; each packet is of another one.
    fn crowd(&mut self, count: u64, open: u64, begin: impl Fn(u64, u64) -> Talk) -> io::Result<()> {
        let mut talks = Vec::new();
        let mut fresh = 0;
        while fresh < open.min(count) {
            talks.push(begin(fresh, self.random()));
            fresh += 1;
        }
        while !talks.is_empty() && self.made.bytes < self.limit {
            let random = self.random();
            let place = usize::try_from((u128::from(random) * talks.len() as u128) >> 64).unwrap_or(0);
            let (segment, last) = talks[place].advance(self.clock);
            self.put(&segment)?;
            if !last {
                continue;
            }
            self.made.connections += 1;
            if fresh < count {
                talks[place] = begin(fresh, random);
                fresh += 1;
            } else {
                talks.swap_remove(place);
            }
        }
        self.made.connections += talks.len() as u64;
        Ok(())
    }

    /// One host asks every address of a large network in a scattered order, and none answers.
    fn scan(&mut self, count: u64) -> io::Result<()> {
        for number in 0..count {
            // An odd factor: no address comes twice before all of them have come.
            let asked = talk::low(number.wrapping_mul(0x9e37_79b1)) & 0x00ff_ffff;
            let segment = Segment {
                addresses: Addresses::V4([198, 51, 100, 7], (0x0a00_0000 | asked).to_be_bytes()),
                ports: (if number >> 24 == 0 { 40_001 } else { 40_002 }, 443),
                sequence: talk::low(self.random()),
                acknowledged: 0,
                flags: SYN,
                window: 1024,
                options: Options::None,
                ttl: 52,
                ip_id: 54_321,
                payload: 0,
            };
            self.put(&segment)?;
        }
        self.made.connections += count;
        Ok(())
    }

    fn put(&mut self, segment: &Segment) -> io::Result<()> {
        let before = self.buffer.len();
        frame::put(&mut self.buffer, self.clock, segment);
        self.made.bytes += (self.buffer.len() - before) as u64;
        self.made.packets += 1;
        self.made.resets += u64::from(segment.flags & RST != 0);
        self.clock += 1 + self.random % 3;
        if self.buffer.len() >= Self::CHUNK {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn finish(self) -> io::Result<Made> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.made)
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// At least 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a capture are positive and far below 2^52"
)]
fn scaled(count: u64, scale: f64) -> u64 {
    ((count as f64 * scale).round() as u64).max(1)
}
