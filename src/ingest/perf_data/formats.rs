//! The tracing data of a recording: `header_page`, `header_event` and the `format` texts of
//! tracefs, each behind its length, as trace-cmd's files of version 5 had them. Events that are not
//! used are passed over.

use super::{u32_at, u64_at};
use crate::ingest::ringbuf::events::Layout;
use crate::ingest::ringbuf::format::{Field, Num, fields, find};

const MAGIC: &[u8] = b"\x17\x08\x44tracing";

/// The layouts of the events, by what their bytes say they are.
#[derive(Debug, Default)]
pub struct Formats {
    layouts: Vec<Layout>,
    /// Where the bytes of an event say which it is; the same in all.
    id: Option<Num>,
    /// Per number of an event: its place in `layouts`, plus one.
    places: Vec<u16>,
    cut: bool,
}

impl Formats {
    /// Reads tracing data as far as they can be read.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut all = Self::default();
        // What is cut or of another shape ends the list, and what came before is good.
        all.cut = all.all(bytes).is_none();
        all
    }

    /// True when there is no event that can be read.
    pub fn is_empty(&self) -> bool {
        self.layouts.is_empty()
    }

    /// True when the list has no end.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The layout of a tracepoint's bytes.
    #[inline]
    pub fn of(&self, raw: &[u8]) -> Option<&Layout> {
        let id = usize::try_from(self.id?.read(raw)?).ok()?;
        let place = *self.places.get(id)?;
        self.layouts.get(usize::from(place).checked_sub(1)?)
    }

    fn all(&mut self, bytes: &[u8]) -> Option<()> {
        let mut rest = Rest(bytes.strip_prefix(MAGIC)?);
        rest.text()?; // version
        rest.take(6)?; // byte order, size of a long, size of a page
        for _ in 0..2 {
            rest.text()?; // header_page, header_event
            rest.sized()?;
        }
        for _ in 0..rest.number()? {
            rest.sized()?; // ftrace's own events
        }
        for _ in 0..rest.number()? {
            rest.text()?; // system
            for _ in 0..rest.number()? {
                self.add(&String::from_utf8_lossy(rest.sized()?));
            }
        }
        Some(())
    }

    /// A layout that does not hold what it must costs its event alone.
    fn add(&mut self, text: &str) -> Option<()> {
        let name = text.lines().find_map(|l| l.strip_prefix("name:"))?.trim();
        let file = format!("{name}/format");
        let fields = fields(&file, text).ok()?;
        let layout = Layout::parse(name, &file, text, &fields).ok()??;
        let id = usize::try_from(layout.id).ok().filter(|id| u16::try_from(*id).is_ok())?;
        self.id = Some(find(&file, text, &fields, "common_type").and_then(Field::num).ok()?);
        if self.places.len() <= id {
            self.places.resize(id + 1, 0);
        }
        self.layouts.push(layout);
        self.places[id] = u16::try_from(self.layouts.len()).ok()?;
        Some(())
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// Up to a zero byte.
    fn text(&mut self) -> Option<&'a [u8]> {
        let taken = self.take(memchr::memchr(0, self.0)?);
        self.take(1)?;
        taken
    }

    fn number(&mut self) -> Option<u32> {
        u32_at(self.take(4)?, 0)
    }

    /// Behind its length.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = u64_at(self.take(8)?, 0)?;
        self.take(usize::try_from(length).ok()?)
    }
}
