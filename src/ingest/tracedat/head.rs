//! The head of the file: version, layouts of the ring buffer and its events, and the options.
//! Version 6 has them one after the other, version 7 in sections that the options point to.

use super::options::{Options, Said};
use super::packing::Packing;
use super::walk::Walk;
use super::{IngestError, MAGIC, ReadSeek};
use crate::trace::EventKind;
use std::io::{Cursor, Read, Seek};

/// A layout text is some KB; one of more than this is none.
const LONGEST: u64 = 1 << 20;
/// The largest section that is unpacked.
const LARGEST: u64 = 64 << 20;
/// Bit of a section's flags.
const PACKED: u64 = 1;

/// What stands before the pages.
pub struct Head {
    /// Bytes of the file.
    pub size: u64,
    /// How parts of it are packed.
    pub packing: Packing,
    /// Text of `events/header_page`.
    pub header_page: String,
    /// Text of `events/header_event`.
    pub header_event: String,
    /// Name and `format` text of each event that a trace holds.
    pub events: Vec<(String, String)>,
    /// What the options say.
    pub said: Said,
}

impl Head {
    /// Reads it, and gives the file back.
    pub fn read<'a>(
        file: Box<dyn ReadSeek + 'a>,
        name: &str,
    ) -> Result<(Self, Box<dyn ReadSeek + 'a>), IngestError> {
        let mut walk = Walk::new(file, name)?;
        walk.skip(MAGIC.len() as u64)?;
        let version = walk.text()?;
        if walk.number(1)? != 0 {
            return Err(IngestError::Machine {
                file: name.into(),
                byte: walk.at() as usize - 1,
                what: "big-endian",
            });
        }
        // Size of a long in user space, and of a page: the ring buffer has its own.
        walk.skip(5)?;
        let mut head = Self {
            size: walk.size(),
            packing: Packing::Plain,
            header_page: String::new(),
            header_event: String::new(),
            events: Vec::new(),
            said: Said::default(),
        };
        match version.as_str() {
            "6" => head.six(&mut walk)?,
            "7" => head.seven(&mut walk)?,
            other => {
                return Err(
                    walk.wrong(format!("trace.dat of version {other:?}; 6 and 7 can be read"))
                );
            }
        }
        Ok((head, walk.into_inner()))
    }

    fn six<R: Read + Seek>(&mut self, walk: &mut Walk<R>) -> Result<(), IngestError> {
        self.header(walk)?;
        of_tracers(walk)?;
        self.formats(walk)?;
        // Symbols, formats of `trace_printk`, names.
        for size in [4, 4, 8] {
            let n = walk.number(size)?;
            walk.skip(n)?;
        }
        let cpus = walk.number(4)?;
        let mut options = Options::new(cpus);
        options.six(walk)?;
        self.said = options.finish();
        Ok(())
    }

    fn seven<R: Read + Seek>(&mut self, walk: &mut Walk<R>) -> Result<(), IngestError> {
        let name = walk.text()?;
        walk.text()?;
        let unknown = || walk.wrong(format!("packed with {name:?}; zlib and zstd can be unpacked"));
        self.packing = Packing::parse(&name).ok_or_else(unknown)?;
        let mut options = Options::new(0);
        let mut next = walk.number(8)?;
        let mut seen = Vec::new();
        while next != 0 && !seen.contains(&next) {
            seen.push(next);
            // What the last sections said is all there is of a file that is cut.
            let section = match self.section(walk, next, 0) {
                Err(problem) if seen.len() > 1 => {
                    options.cut(&problem);
                    break;
                }
                section => section?,
            };
            next = options.seven(&mut Walk::new(Cursor::new(section), "options")?)?;
        }
        let places = std::mem::take(&mut options.places);
        let part = |head: &mut Self, walk: &mut Walk<R>, id: u64, name: &str| {
            let at = places.iter().rev().find(|p| p.0 == id).map(|p| p.1);
            let at = at.ok_or_else(|| walk.wrong(format!("no {name} in the file")))?;
            Walk::new(Cursor::new(head.section(walk, at, id)?), name)
        };
        let mut section = part(self, walk, 16, "header info")?;
        self.header(&mut section)?;
        let mut section = part(self, walk, 18, "event formats")?;
        self.formats(&mut section)?;
        for buffer in &mut options.buffers {
            walk.go(buffer.at)?;
            walk.skip(2)?;
            buffer.packed = walk.number(2)? & PACKED != 0;
        }
        self.said = options.finish();
        Ok(())
    }

    /// The bytes of a section, unpacked.
    fn section<R: Read + Seek>(
        &self,
        walk: &mut Walk<R>,
        at: u64,
        id: u64,
    ) -> Result<Vec<u8>, IngestError> {
        walk.go(at)?;
        let found = walk.number(2)?;
        if found != id {
            return Err(walk.wrong(format!("section {id} should be here, and {found} is")));
        }
        let flags = walk.number(2)?;
        walk.skip(4)?;
        let size = walk.number(8)?;
        if flags & PACKED == 0 {
            // Before 3.2 trace-cmd counted sections too short by the length of their end.
            return walk.take(size.saturating_add(64).min(walk.size() - walk.at()).min(LARGEST));
        }
        let (packed, size) = (walk.number(4)?, walk.number(4)?);
        let bytes = walk.take(packed)?;
        if size > LARGEST {
            return Err(walk.wrong(format!("a section of {size} bytes")));
        }
        let damaged = |problem| walk.wrong(format!("section {id} cannot be unpacked: {problem}"));
        self.packing.unpack(&bytes, size as usize).map_err(damaged)
    }

    /// `header_page` and `header_event`, each behind its name.
    fn header<R: Read + Seek>(&mut self, walk: &mut Walk<R>) -> Result<(), IngestError> {
        let mut next = |name: &str| {
            let found = walk.text()?;
            if found != name {
                return Err(walk.wrong(format!("{name} should be here")));
            }
            let size = walk.number(8)?;
            text(walk, size)
        };
        self.header_page = next("header_page")?;
        self.header_event = next("header_event")?;
        Ok(())
    }

    /// The events of every system; those that a trace holds are kept.
    fn formats<R: Read + Seek>(&mut self, walk: &mut Walk<R>) -> Result<(), IngestError> {
        for _ in 0..walk.number(4)? {
            let system = walk.text()?;
            let wanted = matches!(system.as_str(), "sched" | "task");
            for _ in 0..walk.number(4)? {
                let size = walk.number(8)?;
                if !wanted {
                    walk.skip(size)?;
                    continue;
                }
                let text = text(walk, size)?;
                let name = text
                    .lines()
                    .find_map(|l| l.strip_prefix("name: "))
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                if EventKind::ALL.iter().any(|k| k.tracepoint() == name) {
                    self.events.push((name, text));
                }
            }
        }
        Ok(())
    }
}

/// The layouts of what tracers write, which no trace holds.
fn of_tracers<R: Read + Seek>(walk: &mut Walk<R>) -> Result<(), IngestError> {
    for _ in 0..walk.number(4)? {
        let size = walk.number(8)?;
        walk.skip(size)?;
    }
    Ok(())
}

fn text<R: Read + Seek>(walk: &mut Walk<R>, size: u64) -> Result<String, IngestError> {
    if size > LONGEST {
        return Err(walk.wrong(format!("a text of {size} bytes")));
    }
    Ok(String::from_utf8_lossy(&walk.take(size)?).into_owned())
}
