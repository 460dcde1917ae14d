//! Takes the compression off while reading: zstd, gzip or xz, told by their magic bytes; and turns
//! UTF-16 into UTF-8. What a decoder may hold is bounded, so that a small file cannot ask for much
//! memory.

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
    /// Text in UTF-16 with its mark, as PowerShell's `>` writes it.
    Utf16,
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
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Self::Utf16,
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
            Self::Utf16 => "utf-16",
        }
    }

    /// The decompressed stream of a packed one.
    pub fn unpack<'a>(self, packed: impl Read + Send + 'a) -> Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(packed),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(
                    BufReader::with_capacity(READ, packed),
                )?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Self::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ, packed))),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(BufReader::with_capacity(READ, packed), stream))
            }
            Self::Utf16 => Box::new(Narrow {
                wide: packed,
                big: None,
                text: Vec::new(),
                at: 0,
                odd: Vec::new(),
            }),
        })
    }
}

/// UTF-16 as UTF-8. What is no text becomes the sign for that.
struct Narrow<R> {
    wide: R,
    /// The order of bytes, once the mark was read.
    big: Option<bool>,
    text: Vec<u8>,
    at: usize,
    /// The first bytes of a character that goes on.
    odd: Vec<u8>,
}

impl<R: Read> Read for Narrow<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        while self.at == self.text.len() {
            let mut block = std::mem::take(&mut self.odd);
            let read = (&mut self.wide).take(READ as u64).read_to_end(&mut block)?;
            if read == 0 {
                return Ok(0);
            }
            let big = *self.big.get_or_insert(block.starts_with(&[0xfe, 0xff]));
            let unit = |pair: &[u8]| {
                let pair = [pair[0], pair[1]];
                if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
            };
            // The second half of a pair may be in the next block.
            let whole = block.len() & !1;
            let split = whole >= 2 && (0xd800..0xdc00).contains(&unit(&block[whole - 2..]));
            let whole = if split { whole - 2 } else { whole };
            self.odd = block.split_off(whole);
            let letters = char::decode_utf16(block.chunks_exact(2).map(unit));
            let letters = letters
                .map(|l| l.unwrap_or(char::REPLACEMENT_CHARACTER))
                .filter(|l| *l != '\u{feff}');
            self.text = letters.collect::<String>().into_bytes();
            self.at = 0;
        }
        let n = (self.text.len() - self.at).min(to.len());
        to[..n].copy_from_slice(&self.text[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_of_both_orders() {
        let text = "# a é 🚀\n";
        for big in [false, true] {
            let order = |u: u16| if big { u.to_be_bytes() } else { u.to_le_bytes() };
            let wide: Vec<u8> =
                std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect();
            assert_eq!(Packing::sniff(&wide), Packing::Utf16);
            let mut narrow = String::new();
            Packing::Utf16.unpack(&wide[..]).unwrap().read_to_string(&mut narrow).unwrap();
            assert_eq!(narrow, text);
        }
    }
}
