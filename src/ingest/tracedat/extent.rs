//! The pages of one CPU as a stream, out of a file that all CPUs share. Packed pages are unpacked
//! chunk by chunk; a chunk that is damaged becomes one page that the decoder counts as damaged.

use super::options::Pages;
use super::packing::Packing;
use super::{Place, ReadSeek, Reason, Report};
use std::cell::RefCell;
use std::io::{Read, Result, SeekFrom};
use std::rc::Rc;

/// trace-cmd packs ten pages at a time.
const LARGEST_CHUNK: u64 = 16 << 20;

/// The file, and what was noticed while reading from it.
#[derive(Clone)]
pub struct Shared<'a>(Rc<RefCell<Inner<'a>>>);

struct Inner<'a> {
    file: Box<dyn ReadSeek + 'a>,
    size: u64,
    /// Parts of the file that a CPU has already.
    taken: Vec<(u64, u64)>,
    /// Damaged chunks: of which CPU, where, why.
    bad: Vec<(u16, u64, String)>,
}

impl<'a> Shared<'a> {
    pub fn new(file: Box<dyn ReadSeek + 'a>, size: u64) -> Self {
        Self(Rc::new(RefCell::new(Inner { file, size, taken: Vec::new(), bad: Vec::new() })))
    }

    /// The CPUs' pages as far as they are in the file. No byte of it belongs to two CPUs: a file
    /// that says so is damaged, and reading it would take longer than its size.
    pub fn claim(&self, all: &[Pages], report: &mut Report) -> Vec<Pages> {
        let mut inner = self.0.borrow_mut();
        let mut good: Vec<Pages> = Vec::new();
        for &pages in all {
            let end = pages.at.saturating_add(pages.size);
            let there = end.min(inner.size);
            let twice = inner.taken.iter().any(|t| pages.at < t.1 && t.0 < end);
            if twice || good.iter().any(|g| g.cpu == pages.cpu) {
                let place = Place::Page { stream: format!("cpu{}", pages.cpu.0), byte: 0 };
                report.note(place, Reason::Other("its pages are those of another CPU".into()));
                continue;
            }
            if there < end {
                let missing = end - there.max(pages.at);
                let sentence = format!(
                    "{missing} bytes of CPU {} are missing at the end of the file",
                    pages.cpu.0
                );
                report.truncated.get_or_insert(sentence);
            }
            if pages.at < there {
                inner.taken.push((pages.at, end));
                good.push(Pages { size: there - pages.at, ..pages });
            }
        }
        good
    }

    /// Adds what was damaged.
    pub fn tell(&self, report: &mut Report) {
        for (cpu, at, problem) in self.0.borrow_mut().bad.drain(..) {
            let place = Place::Page { stream: format!("cpu{cpu} of the file"), byte: at };
            report
                .note(place, Reason::Other(format!("packed pages cannot be unpacked: {problem}")));
        }
    }

    /// Bytes from one place, as many as there are.
    fn at(&self, at: u64, to: &mut [u8]) -> Result<usize> {
        let mut inner = self.0.borrow_mut();
        inner.file.seek(SeekFrom::Start(at))?;
        inner.file.read(to)
    }

    fn bad(&self, cpu: u16, at: u64, problem: String) {
        self.0.borrow_mut().bad.push((cpu, at, problem));
    }
}

/// One CPU's pages.
pub struct Extent<'a> {
    shared: Shared<'a>,
    cpu: u16,
    at: u64,
    end: u64,
    packing: Option<Packing>,
    /// Bytes of a page of the ring buffer.
    page: usize,
    /// Chunks that are left, once their number is known; what of the last one was not given out.
    chunks: Option<u64>,
    chunk: Vec<u8>,
    given: usize,
}

impl<'a> Extent<'a> {
    /// `packing`: how the pages are packed, if they are.
    pub fn new(shared: &Shared<'a>, pages: Pages, packing: Option<Packing>, page: usize) -> Self {
        Self {
            shared: shared.clone(),
            cpu: pages.cpu.0,
            at: pages.at,
            // trace-cmd 3.1 does not count the number of chunks that stands before packed pages.
            end: pages.at + pages.size + if packing.is_some() { 4 } else { 0 },
            packing,
            page,
            chunks: None,
            chunk: Vec::new(),
            given: 0,
        }
    }

    /// Fills `to`; false when the extent ends before.
    fn exact(&mut self, to: &mut [u8]) -> Result<bool> {
        if to.len() as u64 > self.end - self.at {
            return Ok(false);
        }
        let mut done = 0;
        while done < to.len() {
            match self.shared.at(self.at, &mut to[done..])? {
                0 => return Ok(false),
                n => {
                    done += n;
                    self.at += n as u64;
                }
            }
        }
        Ok(true)
    }

    fn word(&mut self) -> Result<Option<u64>> {
        let mut word = [0; 4];
        Ok(self.exact(&mut word)?.then(|| u64::from(u32::from_le_bytes(word))))
    }

    /// Unpacks the next chunk. False when there is none.
    fn next(&mut self, packing: Packing) -> Result<bool> {
        let left = match self.chunks {
            Some(left) => left,
            None => self.word()?.unwrap_or(0),
        };
        self.chunks = Some(left.saturating_sub(1));
        if left == 0 {
            return Ok(false);
        }
        let (start, sizes) = (self.at, (self.word()?, self.word()?));
        let (Some(packed), Some(size)) = sizes else {
            return Ok(self.broken(start, "it ends here", true));
        };
        if packed > self.end - self.at || size > LARGEST_CHUNK {
            return Ok(self.broken(start, "it is longer than what is there", true));
        }
        let mut bytes = vec![0; packed as usize];
        if !self.exact(&mut bytes)? {
            return Ok(self.broken(start, "it ends here", true));
        }
        match packing.unpack(&bytes, size as usize) {
            Ok(chunk) => (self.chunk, self.given) = (chunk, 0),
            Err(problem) => return Ok(self.broken(start, &problem, false)),
        }
        Ok(true)
    }

    /// A page that cannot be stands for what is damaged; `last`: where the next chunk begins is not
    /// known.
    fn broken(&mut self, at: u64, problem: &str, last: bool) -> bool {
        self.shared.bad(self.cpu, at, problem.into());
        (self.chunk, self.given) = (vec![0xff; self.page], 0);
        if last {
            self.chunks = Some(0);
        }
        true
    }
}

impl Read for Extent<'_> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let Some(packing) = self.packing else {
            let n = (self.end - self.at).min(to.len() as u64) as usize;
            let n = self.shared.at(self.at, &mut to[..n])?;
            self.at += n as u64;
            return Ok(n);
        };
        while self.given == self.chunk.len() {
            if !self.next(packing)? {
                return Ok(0);
            }
        }
        let n = (self.chunk.len() - self.given).min(to.len());
        to[..n].copy_from_slice(&self.chunk[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}
