//! Takes the compression off while reading: zstd, gzip or xz, told by their magic bytes. What a decoder may hold is
//! bounded, so that a small file cannot ask for much memory.

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use std::io::{BufReader, Read, Result};

/// How the bytes were packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// Not compressed.
    #[default]
    Plain,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
}

/// Bytes that tell a compression.
pub const MAGIC: usize = 6;
/// Bytes that are read at once.
const READ: usize = 128 << 10;
/// zstd windows up to 128 MiB, as `zstd --long` and `--ultra -22` write.
const ZSTD_WINDOW_LOG: u32 = 27;
/// xz needs 65 MiB for what `xz -9` writes.
const XZ_MEMORY: u64 = 256 << 20;

impl Packing {
    /// By the first bytes.
    pub fn sniff(bytes: &[u8]) -> Self {
        match bytes {
            // A frame, or a skippable frame, as `pzstd` writes first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => Self::Plain,
        }
    }

    /// For messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
        }
    }

    /// The decompressed stream of a packed one.
    pub fn unpack<'a>(self, packed: impl Read + Send + 'a) -> Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(packed),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(READ, packed))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Self::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ, packed))),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(BufReader::with_capacity(READ, packed), stream))
            }
        })
    }
}
