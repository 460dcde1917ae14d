//! A page of systrace as the text of ftrace in it. Pages from 2015 on keep each trace in
//! `<script class="trace-data">`, as text or packed in base64; older ones in a string of
//! JavaScript. Everything else becomes empty lines, so that lines keep their numbers.

use super::Ftrace;
use crate::ingest::lines::LONGEST;
use crate::ingest::{Probe, Reader};
use flate2::read::MultiGzDecoder;
use memchr::memmem::find;
use std::io::{BufRead, BufReader, Cursor, Read, Result};

/// Where the page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not in a trace.
    Outside,
    /// In a script of a trace, before its first line.
    Opened,
    /// In the text of ftrace.
    Text,
    /// In such a text that is packed: base64.
    Packed,
    /// In the string of an old page.
    Quoted,
}

/// Reads a page.
pub struct Page<R: Read> {
    source: BufReader<R>,
    place: Place,
    /// Text that is not yet given out: `text[at..]`.
    text: Vec<u8>,
    at: usize,
    line: Vec<u8>,
    /// What a packed text has so far, and the text that came out of it.
    packed: Vec<u8>,
    unpacked: Option<MultiGzDecoder<Cursor<Vec<u8>>>>,
}

impl<R: Read> Page<R> {
    pub fn new(page: R) -> Self {
        let source = BufReader::with_capacity(64 << 10, page);
        Self {
            source,
            place: Place::Outside,
            text: Vec::new(),
            at: 0,
            line: Vec::new(),
            packed: Vec::new(),
            unpacked: None,
        }
    }

    /// The next line, cut down when no line of a trace is so long. False at the end.
    fn line(&mut self) -> Result<bool> {
        self.line.clear();
        loop {
            let part = self.source.fill_buf()?;
            let (n, ended) = match memchr::memchr(b'\n', part) {
                Some(at) => (at + 1, true),
                None => (part.len(), part.is_empty()),
            };
            let room = (4 * LONGEST).saturating_sub(self.line.len()).min(n);
            self.line.extend_from_slice(&part[..room]);
            self.source.consume(n);
            if ended {
                return Ok(n > 0 || !self.line.is_empty());
            }
        }
    }

    /// Turns the line into text.
    fn take(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let body = line.trim_ascii();
        self.place = match self.place {
            Place::Outside
                if find(body, b"<script").is_some() && find(body, b"trace-data").is_some() =>
            {
                let rest = find(body, b"trace-data")
                    .and_then(|at| memchr::memchr(b'>', &body[at..]).map(|e| at + e + 1));
                // The first line may follow on the same one.
                line = rest.map(|at| [&body[at..], b"\n"].concat()).unwrap_or_default();
                self.place = Place::Opened;
                if line.trim_ascii().is_empty() {
                    self.text.push(b'\n');
                } else {
                    self.inside(&line);
                }
                self.line = line;
                return;
            }
            Place::Outside if find(body, b"linuxPerfData").is_some() && body.ends_with(b"\"\\") => {
                Place::Quoted
            }
            Place::Quoted if !body.ends_with(b"\\n\\") => Place::Outside,
            _ => {
                self.inside(&line);
                self.line = line;
                return;
            }
        };
        self.text.push(b'\n');
        self.line = line;
    }

    /// A line that may be of a trace.
    fn inside(&mut self, line: &[u8]) {
        let body = line.trim_ascii();
        if self.place == Place::Opened && !body.is_empty() {
            let text = body.starts_with(b"#")
                || body.starts_with(b"TRACE:")
                || Ftrace.probe(line, "", true) == Probe::Yes;
            self.place = match (text, body.starts_with(b"H4sI")) {
                (true, _) => Place::Text,
                (_, true) => Place::Packed,
                // A trace of another kind.
                _ => Place::Outside,
            };
        }
        let ends = find(body, b"</script>");
        match self.place {
            Place::Text if ends.is_none() => self.text.extend_from_slice(line),
            Place::Quoted => self.text.extend_from_slice(line),
            Place::Packed => base64(&body[..ends.unwrap_or(body.len())], &mut self.packed),
            _ => self.text.push(b'\n'),
        }
        if ends.is_some() && self.place != Place::Outside {
            self.place = Place::Outside;
        }
    }
}

impl<R: Read> Read for Page<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        while self.at == self.text.len() {
            if let Some(unpacked) = &mut self.unpacked {
                let n = unpacked.read(to)?;
                if n > 0 {
                    return Ok(n);
                }
                self.unpacked = None;
            }
            self.text.clear();
            self.at = 0;
            let more = self.line()?;
            if more {
                self.take();
            }
            if !self.packed.is_empty() && (!more || self.place != Place::Packed) {
                self.unpacked =
                    Some(MultiGzDecoder::new(Cursor::new(std::mem::take(&mut self.packed))));
            } else if !more {
                return Ok(0);
            }
        }
        let n = (self.text.len() - self.at).min(to.len());
        to[..n].copy_from_slice(&self.text[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Decodes whole groups of four letters; lines of base64 end at such.
fn base64(text: &[u8], to: &mut Vec<u8>) {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    for group in text.chunks(4) {
        let digits: Vec<u8> = group.iter().map_while(|&b| digit(b)).collect();
        let word = digits.iter().fold(0_u32, |word, &d| word << 6 | u32::from(d))
            << (6 * (4 - digits.len()));
        to.extend_from_slice(&word.to_be_bytes()[1..digits.len().max(1)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &str) -> String {
        let mut text = String::new();
        Page::new(page.as_bytes()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn only_the_text_of_ftrace_stays_and_lines_keep_their_numbers() {
        let old = "<html>\n<script>\n  var linuxPerfData = \"\\\n# tracer: \
                   nop\\n\\\na\\n\\\n\";\n</script>\n";
        assert_eq!(text(old), "\n\n\n# tracer: nop\\n\\\na\\n\\\n\n\n");
        let new = "<html>\n<script class=\"trace-data\" type=\"application/text\">\n# tracer: \
                   nop\nb\n</script>\n<script \
                   class=\"trace-data\">\n{\"traceEvents\":[]}\n</script>\nrest";
        assert_eq!(text(new), "\n\n# tracer: nop\nb\n\n\n\n\n\n");
    }

    #[test]
    fn base64_is_undone() {
        let mut bytes = Vec::new();
        base64(b"YWJjZA==", &mut bytes);
        base64(b"ZWY=", &mut bytes);
        assert_eq!(bytes, b"abcdef");
    }
}
