//! `NumPy`'s archive of arrays (`numpy.load`): a zip of `NAME.npy`, each a short text that says
//! type and shape, and the numbers, little-endian, row by row. The format is that of
//! `numpy.lib.format`, version 1.0.

use std::fs::File;
use std::io::{BufWriter, Result, Seek, SeekFrom, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A number as `NumPy` keeps it.
pub trait Number: Copy {
    /// Its `dtype`.
    const TYPE: &'static str;

    /// Its bytes.
    fn write(self, out: &mut impl Write) -> Result<()>;
}

macro_rules! numbers {
    ($($number:ty: $name:literal)*) => {$(
        impl Number for $number {
            const TYPE: &'static str = $name;

            fn write(self, out: &mut impl Write) -> Result<()> {
                out.write_all(&self.to_le_bytes())
            }
        }
    )*};
}

numbers! { f32: "<f4" i32: "<i4" i64: "<i8" u8: "|u1" }

impl Number for bool {
    const TYPE: &'static str = "|b1";

    fn write(self, out: &mut impl Write) -> Result<()> {
        out.write_all(&[u8::from(self)])
    }
}

/// Rows that are too many for memory: they wait in a temporary file until the archive is written.
#[derive(Debug)]
pub struct Rows {
    file: BufWriter<File>,
    width: usize,
    count: u64,
}

impl Rows {
    /// None yet, each of `width` numbers.
    pub fn new(width: usize) -> Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(1 << 18, tempfile::tempfile()?), width, count: 0 })
    }

    /// Adds rows: `[n, width]`, one after the other.
    pub fn push(&mut self, rows: &[f32]) -> Result<()> {
        debug_assert_eq!(rows.len() % self.width.max(1), 0, "whole rows");
        self.count += (rows.len() / self.width.max(1)) as u64;
        rows.iter().try_for_each(|x| x.write(&mut self.file))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// An archive that is being written, to anything that takes bytes in order.
pub struct Npz<W: Write>(ZipWriter<zip::write::StreamWriter<W>>);

impl<W: Write> Npz<W> {
    /// An empty one.
    pub fn new(out: W) -> Self {
        Self(ZipWriter::new_stream(out))
    }

    /// `[values]`.
    pub fn numbers<T: Number>(&mut self, name: &str, values: &[T]) -> Result<()> {
        self.begin(name, T::TYPE, &[values.len() as u64])?;
        let mut out = BufWriter::new(&mut self.0);
        values.iter().try_for_each(|x| x.write(&mut out))?;
        out.flush()
    }

    /// `[rows, width]`.
    pub fn rows(&mut self, name: &str, rows: Rows) -> Result<()> {
        self.begin(name, f32::TYPE, &[rows.count, rows.width as u64])?;
        let mut file = rows.file.into_inner()?;
        file.seek(SeekFrom::Start(0))?;
        std::io::copy(&mut file, &mut self.0).map(drop)
    }

    /// `[texts]`.
    pub fn texts<S: AsRef<str>>(&mut self, name: &str, texts: &[S]) -> Result<()> {
        let width = texts.iter().map(|t| t.as_ref().chars().count()).max().unwrap_or(0).max(1);
        self.begin(name, &format!("<U{width}"), &[texts.len() as u64])?;
        for text in texts {
            let letters =
                text.as_ref().chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
            let bytes: Vec<u8> = letters.flat_map(u32::to_le_bytes).collect();
            self.0.write_all(&bytes)?;
        }
        Ok(())
    }

    /// Leaves the archive as it is, after an error: otherwise it would try again to end it, and
    /// complain.
    pub fn abandon(self) {
        std::mem::forget(self.0);
    }

    /// Ends the archive.
    pub fn finish(self) -> Result<()> {
        self.0.finish()?.into_inner().flush()
    }

    fn begin(&mut self, name: &str, dtype: &str, shape: &[u64]) -> Result<()> {
        // A fixed time, so that the same arrays make the same bytes.
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(1))
            .large_file(true);
        self.0.start_file(format!("{name}.npy"), options)?;
        self.0.write_all(&head(dtype, shape))
    }
}

/// What stands before the numbers: it ends with a line end at a multiple of 64 bytes.
fn head(dtype: &str, shape: &[u64]) -> Vec<u8> {
    let shape = shape.iter().fold(String::new(), |all, n| all + &n.to_string() + ",");
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}")
        .into_bytes();
    while !(MAGIC.len() + 2 + text.len() + 1).is_multiple_of(64) {
        text.push(b' ');
    }
    text.push(b'\n');
    let length = (text.len() as u16).to_le_bytes();
    [MAGIC, &length, &text].concat()
}

/// The first bytes, with the version.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};

    #[test]
    fn an_archive_holds_each_array_under_its_name() {
        let mut out = Vec::new();
        let mut npz = Npz::new(&mut out);
        let mut rows = Rows::new(2).unwrap();
        rows.push(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        rows.push(&[]).unwrap();
        assert_eq!((rows.len(), rows.is_empty()), (2, false));
        npz.rows("x", rows).unwrap();
        npz.numbers("y", &[7_i32, -1]).unwrap();
        npz.numbers("mask", &[true, false]).unwrap();
        npz.texts("names", &["lag", "é"]).unwrap();
        npz.finish().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(out)).unwrap();
        let mut array = |name: &str| {
            let mut bytes = Vec::new();
            zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            assert_eq!((&bytes[..8], (10 + length) % 64), (MAGIC, 0));
            (
                String::from_utf8(bytes[10..10 + length].to_vec()).unwrap().trim_end().to_owned(),
                bytes[10 + length..].to_vec(),
            )
        };
        let (head, x) = array("x.npy");
        assert_eq!(head, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,2,), }");
        assert_eq!(
            x,
            [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()
        );
        assert_eq!(array("y.npy").1, [7, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!(array("mask.npy").1, [1, 0]);
        let (head, names) = array("names.npy");
        assert_eq!(head, "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }");
        assert_eq!(names[12..], [0xe9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
