//! The records of `perf record -z`: one zstd stream, cut into records of its own. What a decoder
//! may hold is bounded.

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// Windows up to 128 MiB, as for whole recordings.
const WINDOW_LOG: u32 = 27;
/// Bytes that come out at once.
const PIECE: usize = 256 << 10;

/// The stream so far.
pub struct Unpack {
    decoder: Decoder<'static>,
    /// What came out and was not used up.
    out: Vec<u8>,
}

impl Unpack {
    pub fn new() -> std::io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self { decoder, out: Vec::new() })
    }

    /// Unpacks the next part of the stream. `use_up` is given what is there, as often as there is
    /// more, and says how much of it it used.
    pub fn feed(
        &mut self,
        packed: &[u8],
        mut use_up: impl FnMut(&[u8]) -> usize,
    ) -> std::io::Result<()> {
        let mut input = InBuffer::around(packed);
        loop {
            let seen = self.out.len();
            self.out.resize(seen + PIECE, 0);
            let mut output = OutBuffer::around(&mut self.out[seen..]);
            let result = self.decoder.run(&mut input, &mut output);
            let got = output.pos();
            self.out.truncate(seen + got);
            let used = use_up(&self.out);
            self.out.drain(..used);
            result?;
            // A piece that was filled may have left something inside.
            if got < PIECE && (input.pos() == packed.len() || got == 0) {
                return Ok(());
            }
        }
    }
}
