//! Undoes gzip, zstd and lz4 on a thread of its own, through a bounded channel: a stream that unpacks to
//! much more than it is costs time, not memory. Knows no capture format.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::bufread::GzDecoder;
use lz4_flex::frame;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::Packing;

/// Bytes that a chunk of the channel holds at most, and chunks in flight.
const CHUNK: usize = 256 * 1024;
const CHUNKS: usize = 8;
/// Packed bytes read at once.
const AHEAD: usize = 128 * 1024;
/// The window that a zstd frame may ask for: what `zstd --long` (2^27) needs.
const WINDOW: u64 = 128 << 20;

/// How a packed stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At its own end mark.
    Clean,
    /// Before it.
    Truncated,
    /// With bytes after it that belong to something else.
    Trailing,
}

enum Message {
    Data(Vec<u8>),
    End(End),
    Failed(String),
}

/// The reading end of a stream that is unpacked by another thread.
pub(crate) struct Unpacked {
    messages: Receiver<Message>,
    chunk: Vec<u8>,
    at: usize,
    end: Option<End>,
}

impl Unpacked {
    /// Starts to unpack `source`.
    pub fn start(packing: Packing, source: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, messages) = sync_channel(CHUNKS);
        thread::Builder::new()
            .name(format!("un{}", packing.as_str()))
            .spawn(move || {
                let mut outlet = Outlet {
                    sender,
                    spare: vec![0; CHUNK],
                };
                let last = match unpack(packing, BufReader::with_capacity(AHEAD, source), &mut outlet) {
                    Ok(end) => Message::End(end),
                    Err(Fault::Hang) => return,
                    Err(Fault::Bad(why)) => Message::Failed(why),
                };
                // Nobody listens any more where this fails.
                drop(outlet.sender.send(last));
            })?;
        Ok(Self {
            messages,
            chunk: Vec::new(),
            at: 0,
            end: None,
        })
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<End> {
        self.end
    }
}

impl Read for Unpacked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            if self.end.is_some() {
                return Ok(0);
            }
            match self.messages.recv() {
                Ok(Message::Data(chunk)) => {
                    self.chunk = chunk;
                    self.at = 0;
                }
                Ok(Message::End(end)) => self.end = Some(end),
                Ok(Message::Failed(why)) => return Err(io::Error::new(io::ErrorKind::InvalidData, why)),
                Err(_) => return Err(io::Error::other("the thread that unpacks it stopped")),
            }
        }
        let rest = &self.chunk[self.at..];
        let taken = rest.len().min(buf.len());
        buf[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Why unpacking stopped early.
enum Fault {
    /// The reader has gone.
    Hang,
    /// The stream is damaged or cannot be read.
    Bad(String),
}

struct Outlet {
    sender: SyncSender<Message>,
    /// What the decoders write into; handed on whole where they fill most of it.
    spare: Vec<u8>,
}

impl Outlet {
    /// Hands on all that `decoder` gives. `Ok(false)`: the stream ended too early.
    fn drain(&mut self, decoder: &mut impl Read) -> Result<bool, Fault> {
        loop {
            match decoder.read(&mut self.spare) {
                Ok(0) => return Ok(true),
                Ok(read) => {
                    let chunk = if read < CHUNK / 2 {
                        self.spare[..read].to_vec()
                    } else {
                        let mut full = std::mem::replace(&mut self.spare, vec![0; CHUNK]);
                        full.truncate(read);
                        full
                    };
                    self.sender.send(Message::Data(chunk)).map_err(|_| Fault::Hang)?;
                }
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(why) => return Err(bad(&why)),
            }
        }
    }
}

fn bad(why: &impl ToString) -> Fault {
    Fault::Bad(why.to_string())
}

/// Member after member, frame after frame, to the end of `source`.
fn unpack(packing: Packing, mut source: BufReader<impl Read>, outlet: &mut Outlet) -> Result<End, Fault> {
    loop {
        let whole = match packing {
            Packing::Gzip => outlet.drain(&mut GzDecoder::new(&mut source))?,
            Packing::Zstd => zstd_frame(&mut source, outlet)?,
            Packing::Lz4 => lz4_frame(&mut source, outlet)?,
        };
        if !whole {
            return Ok(End::Truncated);
        }
        let rest = source.fill_buf().map_err(|why| bad(&why))?;
        match (packing, rest) {
            (_, []) => return Ok(End::Clean),
            // A refill may begin inside a magic number; its first byte tells enough.
            (Packing::Gzip, [0x1f, ..])
            | (Packing::Zstd, [0x28 | 0x50..=0x5f, ..])
            | (Packing::Lz4, [0x02 | 0x04 | 0x50..=0x5f, ..]) => {}
            _ => return Ok(End::Trailing),
        }
    }
}

/// One LZ4 frame. A decoder for each: what one frame made it reserve does not fit the next.
fn lz4_frame(source: &mut BufReader<impl Read>, outlet: &mut Outlet) -> Result<bool, Fault> {
    let mut decoder = frame::FrameDecoder::new(&mut *source);
    let mut skip = None;
    let whole = {
        let mut watched = Watched {
            decoder: &mut decoder,
            skip: &mut skip,
        };
        outlet.drain(&mut watched)?
    };
    match skip {
        Some(length) => skip_bytes(source, u64::from(length)),
        None => Ok(whole),
    }
}

/// Turns the decoder's word for a skippable frame into an end and its length.
struct Watched<'a, R> {
    decoder: &'a mut R,
    skip: &'a mut Option<u32>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buf).or_else(|why| {
            match why
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<frame::Error>())
            {
                Some(frame::Error::SkippableFrame(length)) => {
                    *self.skip = Some(*length);
                    Ok(0)
                }
                _ => Err(why),
            }
        })
    }
}

/// One zstd frame, or one skippable frame.
fn zstd_frame(source: &mut BufReader<impl Read>, outlet: &mut Outlet) -> Result<bool, Fault> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW);
    match decoder.init(&mut *source) {
        Ok(()) => {}
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            return skip_bytes(source, u64::from(length));
        }
        Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
            return Err(Fault::Bad(format!(
                "it wants a window of {requested} bytes, at most {WINDOW} are given; pack it again without --long or --ultra"
            )));
        }
        Err(why) if is_early_end(&why) => return Ok(false),
        Err(why) => return Err(bad(&why)),
    }
    while !decoder.is_finished() {
        let failed = decoder
            .decode_blocks(&mut *source, BlockDecodingStrategy::UptoBytes(CHUNK))
            .err();
        if let Some(why) = failed {
            // The decoder keeps back a window that only the frame's end sets free: give it an end, so
            // that all it holds is handed on before the fault is told.
            let end = [1, 0, 0, 0, 0, 0, 0];
            let freed = decoder
                .decode_blocks(&end[..], BlockDecodingStrategy::UptoBlocks(1))
                .is_ok();
            if freed {
                outlet.drain(&mut decoder)?;
            }
            return if is_early_end(&why) {
                Ok(false)
            } else {
                Err(bad(&why))
            };
        }
        outlet.drain(&mut decoder)?;
    }
    match (
        decoder.get_checksum_from_data(),
        decoder.get_calculated_checksum(),
    ) {
        (Some(said), Some(is)) if said != is => Err(Fault::Bad("its checksum does not match".to_owned())),
        _ => Ok(true),
    }
}

/// Passes over `length` bytes. `Ok(false)`: there were fewer.
fn skip_bytes(source: &mut impl Read, length: u64) -> Result<bool, Fault> {
    let passed = io::copy(&mut source.take(length), &mut io::sink()).map_err(|why| bad(&why))?;
    Ok(passed == length)
}

/// Whether some read below ended too early.
fn is_early_end(why: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(why);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::UnexpectedEof
        {
            return true;
        }
        cause = error.source();
    }
    false
}
