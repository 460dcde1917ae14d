//! How parts of a file of version 7 are packed: each on its own, with both sizes before it.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// The compression that the head names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Nothing is packed.
    Plain,
    /// zlib.
    Zlib,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// By its name in the head.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::Plain),
            "zlib" => Some(Self::Zlib),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Exactly `size` bytes; the error is a sentence.
    pub fn unpack(self, packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
        let bytes = match self {
            Self::Plain => packed.to_vec(),
            Self::Zlib => {
                let mut bytes = Vec::new();
                let mut decoder = ZlibDecoder::new(packed).take(size as u64);
                decoder.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
                bytes
            }
            Self::Zstd => zstd::bulk::decompress(packed, size).map_err(|e| e.to_string())?,
        };
        if bytes.len() == size {
            Ok(bytes)
        } else {
            Err(format!("{} bytes instead of {size}", bytes.len()))
        }
    }
}
