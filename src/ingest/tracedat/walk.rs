//! Numbers and texts out of a file or a part of it, one after the other. Every length is held
//! against what is there before anything is taken, and what is wrong has its offset.

use super::IngestError;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Texts of the head are short: names, versions.
const LONGEST: usize = 4 << 10;

/// A place in the bytes. Numbers are little-endian: other machines are refused before.
pub struct Walk<R: Read + Seek> {
    bytes: BufReader<R>,
    /// Names the part, for messages.
    name: String,
    at: u64,
    end: u64,
}

impl<R: Read + Seek> Walk<R> {
    /// From the first byte.
    pub fn new(mut bytes: R, name: &str) -> Result<Self, IngestError> {
        let io = |source| IngestError::Io { path: name.into(), source };
        let end = bytes.seek(SeekFrom::End(0)).map_err(io)?;
        bytes.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(Self { bytes: BufReader::new(bytes), name: name.into(), at: 0, end })
    }

    /// Where it stands.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.end
    }

    /// The bytes themselves.
    pub fn into_inner(self) -> R {
        self.bytes.into_inner()
    }

    /// What is wrong at this place.
    pub fn wrong(&self, problem: impl Into<String>) -> IngestError {
        IngestError::Layout {
            file: self.name.clone(),
            byte: self.at as usize,
            problem: problem.into(),
        }
    }

    /// Goes to an offset.
    pub fn go(&mut self, to: u64) -> Result<(), IngestError> {
        if to > self.end {
            return Err(self.wrong(format!(
                "what follows is at byte {to}, and the file ends at {}",
                self.end
            )));
        }
        self.bytes.seek_relative(to.wrapping_sub(self.at) as i64).map_err(|e| self.io(e))?;
        self.at = to;
        Ok(())
    }

    /// Passes over `n` bytes.
    pub fn skip(&mut self, n: u64) -> Result<(), IngestError> {
        self.go(self.at.saturating_add(n))
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: u64) -> Result<Vec<u8>, IngestError> {
        if n > self.end - self.at {
            return Err(
                self.wrong(format!("{n} bytes should follow, and {} do", self.end - self.at))
            );
        }
        let mut taken = vec![0; n as usize];
        self.bytes.read_exact(&mut taken).map_err(|e| self.io(e))?;
        self.at += n;
        Ok(taken)
    }

    /// A number of 1 to 8 bytes.
    pub fn number(&mut self, bytes: usize) -> Result<u64, IngestError> {
        let mut word = [0; 8];
        if bytes as u64 > self.end - self.at {
            return Err(self.wrong("it ends here"));
        }
        self.bytes.read_exact(&mut word[..bytes]).map_err(|e| self.io(e))?;
        self.at += bytes as u64;
        Ok(u64::from_le_bytes(word))
    }

    /// A text up to its NUL.
    pub fn text(&mut self) -> Result<String, IngestError> {
        let mut text = Vec::new();
        loop {
            match self.number(1)? as u8 {
                0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
                _ if text.len() == LONGEST => return Err(self.wrong("a name without an end")),
                byte => text.push(byte),
            }
        }
    }

    fn io(&self, source: std::io::Error) -> IngestError {
        IngestError::Io { path: self.name.clone().into(), source }
    }
}
