//! Takes the compression off: zstd, gzip or xz, told by their magic bytes. A damaged or cut stream gives the part that
//! decoded, and says so.

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use std::borrow::Cow;
use std::io::Read;

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
}

/// What came out of a compressed stream.
pub struct Unpacked<'a> {
    pub packing: Packing,
    pub bytes: Cow<'a, [u8]>,
    /// Why there is not more, when the stream is cut or damaged.
    pub damage: Option<String>,
}

/// Decompresses everything that can be. Plain bytes are passed on unchanged.
pub fn unpack(packed: Cow<'_, [u8]>) -> Unpacked<'_> {
    let packing = Packing::sniff(&packed);
    let input: &[u8] = &packed;
    let mut bytes = Vec::new();
    // On an error `read_to_end` has already appended what came before it.
    let result = match packing {
        Packing::Plain => return Unpacked { packing, bytes: packed, damage: None },
        Packing::Zstd => zstd::stream::read::Decoder::with_buffer(input).and_then(|mut d| {
            // Windows beyond zstd's default limit of 128 MiB come from `zstd --long`.
            d.window_log_max(31)?;
            d.read_to_end(&mut bytes)
        }),
        Packing::Gzip => MultiGzDecoder::new(input).read_to_end(&mut bytes),
        Packing::Xz => XzDecoder::new_multi_decoder(input).read_to_end(&mut bytes),
    };
    let damage = result.err().map(|e| {
        let (label, at) = (packing.label(), bytes.len());
        format!("the {label} stream is cut or damaged after {at} decompressed bytes: {e}")
    });
    Unpacked { packing, bytes: bytes.into(), damage }
}
