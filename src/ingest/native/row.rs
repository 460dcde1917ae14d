//! One row of CSV. A name with special characters is quoted and may hold a line end, so a row may
//! be several lines; a quote without its end costs its own line and no other.

use std::ops::Range;

/// The kernel keeps 15 bytes of a name; a quoted field that is longer than this was never closed.
const LONGEST_QUOTED: usize = 256;

/// What stands at the beginning of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A row of so many bytes and lines, line end included.
    CsvRow { length: usize, lines: u64 },
    /// An empty line.
    Empty { length: usize },
    /// A line with a quote that has no end, or goes on behind it.
    Bad { length: usize },
    /// A row that may go on in what follows this text.
    Open,
}

/// The fields of the row that was taken last.
#[derive(Debug, Default)]
pub struct CsvRow {
    /// Each in the text, or in `unquoted` when the row has quotes.
    fields: Vec<Range<u32>>,
    unquoted: Vec<u8>,
    has_quotes: bool,
}

impl CsvRow {
    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Field `i` of the row that `text` begins with; empty where there is none.
    pub fn get<'a>(&'a self, text: &'a [u8], i: usize) -> &'a [u8] {
        let base = if self.has_quotes { &self.unquoted } else { text };
        self.fields.get(i).map_or(&[], |f| &base[f.start as usize..f.end as usize])
    }

    /// Takes the row at the beginning of `text`. `last`: nothing follows this text.
    pub fn take(&mut self, text: &[u8], last: bool) -> Taken {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let length = text.len().min(end + 1);
        let line = &text[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.fields.clear();
        if line.is_empty() {
            return Taken::Empty { length };
        }
        // A line that is too long for a row is told by its length; nobody looks at its fields.
        if length > super::LONGEST + 1 {
            return Taken::CsvRow { length, lines: 1 };
        }
        self.has_quotes = memchr::memchr(b'"', line).is_some();
        if self.has_quotes {
            return self.quoted(text, length, last);
        }
        let mut from = 0;
        for comma in memchr::memchr_iter(b',', line) {
            self.fields.push(from..comma as u32);
            from = comma as u32 + 1;
        }
        self.fields.push(from..line.len() as u32);
        Taken::CsvRow { length, lines: 1 }
    }

    fn quoted(&mut self, text: &[u8], length: usize, last: bool) -> Taken {
        self.unquoted.clear();
        let (mut at, mut lines) = (0, 1);
        loop {
            let from = self.unquoted.len() as u32;
            if text.get(at) == Some(&b'"') {
                at += 1;
                let limit = at + LONGEST_QUOTED;
                loop {
                    match (text.get(at), text.get(at + 1)) {
                        (None, _) if last => return Taken::Bad { length },
                        (None, _) => return Taken::Open,
                        _ if at > limit => return Taken::Bad { length },
                        (Some(b'"'), Some(b'"')) => {
                            self.unquoted.push(b'"');
                            at += 2;
                        }
                        (Some(b'"'), _) => break,
                        (Some(&b), _) => {
                            lines += u64::from(b == b'\n');
                            self.unquoted.push(b);
                            at += 1;
                        }
                    }
                }
                at += 1;
            } else {
                let field = &text[at..];
                let end = memchr::memchr2(b',', b'\n', field).unwrap_or(field.len());
                let bare = if field.get(end) == Some(&b',') {
                    &field[..end]
                } else {
                    trimmed(&field[..end])
                };
                self.unquoted.extend_from_slice(bare);
                at += end;
            }
            self.fields.push(from..self.unquoted.len() as u32);
            match &text[at..] {
                [b',', ..] => at += 1,
                [b'\n', ..] => return Taken::CsvRow { length: at + 1, lines },
                [b'\r', b'\n', ..] => return Taken::CsvRow { length: at + 2, lines },
                [] | [b'\r'] if last => return Taken::CsvRow { length: text.len(), lines },
                [] | [b'\r'] => return Taken::Open,
                _ => return Taken::Bad { length },
            }
        }
    }
}

/// Without the first half of a line end.
fn trimmed(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\r").unwrap_or(text)
}
