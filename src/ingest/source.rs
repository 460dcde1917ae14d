//! Where a reader gets its bytes: a bounded, decompressed stream that can be looked at before it is
//! consumed. A file, a pipe, standard input and memory look alike. Formats that need to jump get
//! the bytes with [`Source::seekable`].

use super::decode::{MAGIC, Packing};
use super::{Format, IngestError};
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

/// Bytes that can be read anywhere.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// What is packed or piped and must be at hand as a whole is kept in memory up to here, and beyond
/// it in a temporary file.
const IN_MEMORY: usize = 32 << 20;
/// The most that is put aside in a temporary file.
const PUT_ASIDE: u64 = 16 << 30;

/// The bytes of one recording, without their compression.
///
/// Reading never fails: a stream that is damaged, cut or cannot be read further ends there, and
/// [`Self::damage`] says why. What came before is as good as ever.
pub struct Source<'a> {
    name: String,
    packing: Packing,
    stream: Box<dyn Read + Send + 'a>,
    /// The same bytes as they lie in a file or in memory, when they are not packed.
    plain: Option<Plain<'a>>,
    /// What was looked at and not yet consumed: `head[at..]`.
    head: Vec<u8>,
    at: usize,
    /// Bytes that left the stream, and whether there are more.
    taken: u64,
    ended: bool,
    damage: Option<String>,
}

enum Plain<'a> {
    File(File),
    Memory(&'a [u8]),
}

impl<'a> Source<'a> {
    /// From memory. `name` is for messages, and for the formats that are told by it.
    pub fn memory(bytes: &'a [u8], name: &str) -> Self {
        let mut source = Self::stream(bytes, name);
        source.plain = (source.packing == Packing::Plain).then_some(Plain::Memory(bytes));
        source
    }

    /// From a regular file that stands at its beginning.
    pub fn file(file: File, name: &str) -> Self {
        let again = file.try_clone();
        let mut source = Self::stream(file, name);
        source.plain = again.ok().filter(|_| source.packing == Packing::Plain).map(Plain::File);
        source
    }

    /// From anything that can be read once: a pipe, standard input, a connection.
    pub fn stream(mut input: impl Read + Send + 'a, name: &str) -> Self {
        let mut magic = Vec::with_capacity(MAGIC);
        let mut failed = (&mut input).take(MAGIC as u64).read_to_end(&mut magic).err();
        let packing = Packing::sniff(&magic);
        let stream = packing.unpack(Cursor::new(magic).chain(input)).unwrap_or_else(|e| {
            failed = Some(e);
            Box::new(std::io::empty())
        });
        let mut source = Self {
            name: name.into(),
            packing,
            stream,
            plain: None,
            head: Vec::new(),
            at: 0,
            taken: 0,
            ended: false,
            damage: None,
        };
        if let Some(e) = failed {
            source.fail(&e);
        }
        source
    }

    /// The name of the input, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the bytes were packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Decompressed bytes that were consumed so far.
    pub fn position(&self) -> u64 {
        self.taken - (self.head.len() - self.at) as u64
    }

    /// Decompressed bytes that left the stream so far, consumed or only looked at.
    pub fn bytes(&self) -> u64 {
        self.taken
    }

    /// How many bytes were not consumed yet, where that is known before they are read.
    pub fn left(&self) -> Option<u64> {
        let all = match self.plain.as_ref()? {
            Plain::Memory(bytes) => bytes.len() as u64,
            Plain::File(file) => file.metadata().ok()?.len(),
        };
        Some(all.saturating_sub(self.position()))
    }

    /// Why there is not more, when the stream is cut or damaged, or could not be read further.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// The next `n` bytes, or all that are left, without consuming them; and whether these are all.
    pub fn peek(&mut self, n: usize) -> (&[u8], bool) {
        if self.at > 0 {
            self.head.drain(..self.at);
            self.at = 0;
        }
        if self.head.len() < n {
            let mut head = std::mem::take(&mut self.head);
            let more = n - head.len();
            self.pull(&mut head, more);
            self.head = head;
        }
        (&self.head, self.ended)
    }

    /// Appends up to `n` more bytes to `to`, less only at the end. Returns how many.
    pub fn fill(&mut self, to: &mut Vec<u8>, n: usize) -> usize {
        let first = (self.head.len() - self.at).min(n);
        to.extend_from_slice(&self.head[self.at..self.at + first]);
        self.at += first;
        if self.at == self.head.len() {
            (self.head, self.at) = (Vec::new(), 0);
        }
        first + self.pull(to, n - first)
    }

    /// What was not consumed yet, where it lies as it is in memory.
    pub fn in_memory(&self) -> Option<&'a [u8]> {
        let Some(Plain::Memory(bytes)) = self.plain else { return None };
        bytes.get(self.position() as usize..)
    }

    /// Consumes the first `n` bytes of [`Self::in_memory`].
    pub fn pass(&mut self, n: usize) {
        let Some((_, rest)) = self.in_memory().and_then(|left| left.split_at_checked(n)) else {
            return;
        };
        self.taken = self.position() + n as u64;
        (self.head, self.at) = (Vec::new(), 0);
        (self.stream, self.ended) = (Box::new(rest), false);
    }

    /// All bytes from the first one, at hand for jumping: the file or memory itself, or what was
    /// put aside of a packed or piped one. To be asked before anything was consumed; `format` is
    /// for the message when they are too many.
    pub fn seekable(&mut self, format: Format) -> Result<Box<dyn ReadSeek + 'a>, IngestError> {
        let io = |name: &str, source| IngestError::Io { path: name.into(), source };
        match self.plain.take() {
            Some(Plain::Memory(bytes)) => return Ok(Box::new(Cursor::new(bytes))),
            Some(Plain::File(mut file)) => {
                file.seek(SeekFrom::Start(0)).map_err(|e| io(&self.name, e))?;
                return Ok(Box::new(file));
            }
            None => {}
        }
        let mut aside = tempfile::SpooledTempFile::new(IN_MEMORY);
        let mut block = Vec::new();
        while self.fill(&mut block, 1 << 20) > 0 {
            if self.position() > PUT_ASIDE {
                return Err(IngestError::TooLarge {
                    name: self.name.clone(),
                    format,
                    limit: PUT_ASIDE,
                });
            }
            aside.write_all(&block).map_err(|e| io(&self.name, e))?;
            block.clear();
        }
        aside.seek(SeekFrom::Start(0)).map_err(|e| io(&self.name, e))?;
        Ok(Box::new(aside))
    }

    /// Appends up to `n` bytes of the stream itself.
    fn pull(&mut self, to: &mut Vec<u8>, n: usize) -> usize {
        let before = to.len();
        if !self.ended && n > 0 {
            // On an error `read_to_end` has already appended what came before it.
            let result = (&mut self.stream).take(n as u64).read_to_end(to);
            self.taken += (to.len() - before) as u64;
            match result {
                Err(e) => self.fail(&e),
                Ok(_) => self.ended = to.len() - before < n,
            }
        }
        to.len() - before
    }

    fn fail(&mut self, error: &std::io::Error) {
        self.ended = true;
        let (label, at) = (self.packing.label(), self.taken);
        self.damage = Some(match self.packing {
            Packing::Plain => format!("it cannot be read further than {at} bytes: {error}"),
            _ => format!(
                "the {label} stream is cut or damaged after {at} decompressed bytes: {error}"
            ),
        });
    }
}

impl Read for Source<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.at < self.head.len() {
            let n = (self.head.len() - self.at).min(to.len());
            to[..n].copy_from_slice(&self.head[self.at..self.at + n]);
            self.at += n;
            return Ok(n);
        }
        if self.ended || to.is_empty() {
            return Ok(0);
        }
        loop {
            match self.stream.read(to) {
                Ok(n) => {
                    self.taken += n as u64;
                    self.ended = n == 0;
                    return Ok(n);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    self.fail(&e);
                    return Ok(0);
                }
            }
        }
    }
}
