//! A text in blocks of whole lines, so that only a few MB of it are in memory at a time. A line
//! beyond [`LONGEST`] is cut down to one that readers refuse by its length; how a text is cut into
//! blocks never shows in the result.

pub use super::bounds::LONGEST;

use super::report::{Place, Reason, Report};
use super::source::Source;
use std::borrow::Cow;

/// Bytes of a block.
pub const BLOCK: usize = 4 << 20;

/// Whole lines of a text.
#[derive(Debug, Default)]
pub struct Block<'a> {
    /// The lines, each with its end; only the text's last one may be without.
    pub text: Cow<'a, [u8]>,
    /// Offset of the first byte in the whole text.
    pub start: u64,
}

/// Cuts a source into blocks.
#[derive(Debug)]
pub struct Lines {
    size: usize,
    /// The beginning of a line whose end has not been read yet, and its offset.
    rest: Vec<u8>,
    start: u64,
    /// A block that was used up, whose memory is used again.
    spare: Vec<u8>,
    ended: bool,
    /// Where a last line without an end starts, and whether it was given out.
    ragged: Option<(u64, bool)>,
}

impl Lines {
    /// Blocks of about `size` bytes; [`BLOCK`] but in tests.
    pub fn new(size: usize) -> Self {
        Self {
            size: size.max(1),
            rest: Vec::new(),
            start: 0,
            spare: Vec::new(),
            ended: false,
            ragged: None,
        }
    }

    /// The next lines; `None` after the last. Of a stream that is known to be damaged a last line
    /// without an end is not given out.
    pub fn next<'a>(&mut self, source: &mut Source<'a>) -> Option<Block<'a>> {
        if self.ended {
            return None;
        }
        let mut text = std::mem::take(&mut self.spare);
        text.clear();
        text.append(&mut self.rest);
        let start = self.start;
        let end = loop {
            text.reserve(self.size);
            let seen = text.len();
            if source.fill(&mut text, self.size) == 0 {
                self.ended = true;
                break self.last(&mut text, source);
            }
            if let Some(at) = memchr::memrchr(b'\n', &text[seen..]) {
                break seen + at + 1;
            }
            if text.len() > LONGEST {
                let skipped = self.skip(&mut text, source);
                self.start = start + skipped;
                return Some(Block { text: text.into(), start });
            }
        };
        self.rest.extend_from_slice(&text[end..]);
        text.truncate(end);
        self.start = start + end as u64;
        (!text.is_empty()).then_some(Block { text: text.into(), start })
    }

    /// [`Self::next`] without a copy, where the source lies in memory and a block of it holds the
    /// end of a line.
    pub fn lent<'a>(&mut self, source: &mut Source<'a>) -> Option<Block<'a>> {
        let left = source.in_memory().filter(|_| self.rest.is_empty())?;
        let text = &left[..left.len().min(self.size)];
        let end = memchr::memrchr(b'\n', text)? + 1;
        source.pass(end);
        let start = self.start;
        self.start += end as u64;
        Some(Block { text: text[..end].into(), start })
    }

    /// Takes back the memory of a block.
    pub fn reuse(&mut self, block: Block<'_>) {
        if let Cow::Owned(text) = block.text {
            self.spare = text;
        }
    }

    /// Says what a last line without an end means. `report` has counted all lines that were given
    /// out.
    pub fn finish(self, source: &Source<'_>, report: &mut Report) {
        report.bytes = source.bytes();
        report.truncated = source.damage().map(str::to_owned);
        let Some((at, given)) = self.ragged else { return };
        if !given {
            report.units += 1;
            report.note(Place::Line { line: report.units, byte: at }, Reason::Cut);
        } else if let Some(last) = report.bad.last_mut().filter(|note| note.place.byte() >= at) {
            last.reason = Reason::Cut;
        }
        let note = "the last line has no line end: the text may be cut there";
        report.truncated.get_or_insert_with(|| note.into());
    }

    /// Where the text ends.
    fn last(&mut self, text: &mut Vec<u8>, source: &Source<'_>) -> usize {
        if !text.is_empty() {
            let whole = source.damage().is_none();
            self.ragged = Some((self.start, whole));
            if !whole {
                text.clear();
            }
        }
        text.len()
    }

    /// Reads on to the end of a line that is too long, of which `text` keeps enough to be refused.
    /// Returns its length.
    fn skip(&mut self, text: &mut Vec<u8>, source: &mut Source<'_>) -> u64 {
        let mut length = text.len() as u64;
        text.truncate(LONGEST + 1);
        text.push(b'\n');
        loop {
            self.rest.clear();
            if source.fill(&mut self.rest, LONGEST) == 0 {
                self.ended = true;
                self.ragged = Some((self.start, true));
                return length;
            }
            if let Some(at) = memchr::memchr(b'\n', &self.rest) {
                self.rest.drain(..=at);
                return length + at as u64 + 1;
            }
            length += self.rest.len() as u64;
        }
    }
}
