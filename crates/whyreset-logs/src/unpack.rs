//! gzip and zstd undone while reading, in bounded memory. Refuses zstd windows beyond what rotated
//! logs have.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The window that a frame may ask for: 2^24, twice that of `zstd -19`.
const WINDOW: u64 = 16 << 20;
/// Bytes decoded at once.
const STEP: usize = 128 * 1024;

/// Undoes what the first bytes tell of.
pub fn unpacked<R: Read + Send + 'static>(source: R) -> io::Result<Box<dyn Read + Send>> {
    let mut source = BufReader::with_capacity(128 * 1024, source);
    let head = source.fill_buf()?;
    Ok(match head {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(source)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Zstd::new(source)),
        _ => Box::new(source),
    })
}

/// Frame after frame.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    open: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self {
            source,
            decoder,
            open: false,
        }
    }

    /// Opens the next frame. `Ok(false)`: there is none.
    fn next(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                    return Err(bad(&format!(
                        "its zstd window is {requested} bytes, at most {WINDOW} are given; unpack it first: zstd -dc FILE | whyreset logs -"
                    )));
                }
                Err(why) => return Err(bad(&why)),
            }
        }
        Ok(false)
    }
}

fn bad(why: &impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.open {
                if !self.next()? {
                    return Ok(0);
                }
                self.open = true;
            }
            let read = self.decoder.read(buf)?;
            if read > 0 {
                return Ok(read);
            }
            if self.decoder.is_finished() {
                self.open = false;
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBytes(STEP))
                .map_err(|why| bad(&why))?;
        }
    }
}
