//! What the plan sends back: a line that says it is the plan, then frames of a name, a length and bytes. Pages go to a
//! temporary file per CPU as they come; everything else is short text.

use super::RecordError;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, ErrorKind, Read, Write};

/// The plan's first line. A login shell may print other things before it.
const MAGIC: &[u8] = b"KORACLE1\n";
/// So much of such things is passed over.
const MOST_NOISE: u64 = 64 << 10;
const LONGEST_LINE: u64 = 128;
const LONGEST_TEXT: u64 = 1 << 20;
const MOST_PAGES: u64 = 1 << 30;

/// One frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// Pages of this CPU, so many bytes, already written to its file.
    Pages(u16, u64),
    /// Any other: its name and text.
    Text(String, String),
}

/// Reads up to and including the plan's first line. False when the stream ends before it.
pub fn greeting(input: &mut impl BufRead) -> std::io::Result<bool> {
    let mut noise = 0;
    while noise < MOST_NOISE {
        let mut line = Vec::new();
        let n = input.by_ref().take(MOST_NOISE).read_until(b'\n', &mut line)?;
        if line == MAGIC {
            return Ok(true);
        }
        if n == 0 {
            break;
        }
        noise += n as u64;
    }
    Ok(false)
}

/// Files of pages, one per CPU.
#[derive(Debug, Default)]
pub struct Spool {
    pub files: BTreeMap<u16, File>,
}

impl Spool {
    /// Reads the next frame; `None` at the end of the stream.
    pub fn frame(&mut self, input: &mut impl BufRead) -> Result<Option<Frame>, RecordError> {
        let mut line = Vec::new();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(RecordError::Stream)?;
        if read == 0 {
            return Ok(None);
        }
        let broken = || RecordError::Protocol(String::from_utf8_lossy(&line).trim_end().to_owned());
        let text = std::str::from_utf8(&line).ok().and_then(|l| l.strip_suffix('\n')).ok_or_else(broken)?;
        let (name, bytes) = text.split_once(' ').ok_or_else(broken)?;
        let bytes: u64 = bytes.parse().map_err(|_| broken())?;
        if let Some(cpu) = name.strip_prefix("pages.") {
            let cpu: u16 = cpu.parse().ok().filter(|c| *c < crate::trace::MAX_CPUS).ok_or_else(broken)?;
            if bytes > MOST_PAGES {
                return Err(broken());
            }
            self.pages(cpu, bytes, input)?;
            return Ok(Some(Frame::Pages(cpu, bytes)));
        }
        if bytes > LONGEST_TEXT {
            return Err(broken());
        }
        let mut text = vec![0; bytes as usize];
        input.read_exact(&mut text).map_err(RecordError::Stream)?;
        Ok(Some(Frame::Text(name.to_owned(), String::from_utf8_lossy(&text).into_owned())))
    }

    fn pages(&mut self, cpu: u16, bytes: u64, input: &mut impl BufRead) -> Result<(), RecordError> {
        let file = match self.files.entry(cpu) {
            std::collections::btree_map::Entry::Occupied(o) => o.into_mut(),
            std::collections::btree_map::Entry::Vacant(v) => v.insert(tempfile::tempfile().map_err(RecordError::Disk)?),
        };
        let mut left = bytes;
        while left > 0 {
            // Reading and writing fail for different reasons: the connection, or the disk.
            let part = match input.fill_buf() {
                Ok([]) => return Err(RecordError::Stream(ErrorKind::UnexpectedEof.into())),
                Ok(part) => &part[..part.len().min(usize::try_from(left).unwrap_or(usize::MAX))],
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(RecordError::Stream(e)),
            };
            file.write_all(part).map_err(RecordError::Disk)?;
            let n = part.len();
            input.consume(n);
            left -= n as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    #[test]
    fn frames_behind_a_noisy_login() {
        let mut input: &[u8] = b"Welcome!\n\nKORACLE1\nkernel 3\n6.1pages.1 4\nab\ncpages.1 1\nXend 0\n";
        assert!(greeting(&mut input).unwrap());
        let mut spool = Spool::default();
        let mut frames = Vec::new();
        while let Some(frame) = spool.frame(&mut input).unwrap() {
            frames.push(frame);
        }
        let text = |n: &str, t: &str| Frame::Text(n.into(), t.into());
        assert_eq!(frames, [text("kernel", "6.1"), Frame::Pages(1, 4), Frame::Pages(1, 1), text("end", "")]);
        let mut kept = String::new();
        let file = spool.files.get_mut(&1).unwrap();
        file.rewind().unwrap();
        file.read_to_string(&mut kept).unwrap();
        assert_eq!(kept, "ab\ncX");
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_never_a_huge_allocation() {
        assert!(!greeting(&mut &b"sudo: a password is required\n"[..]).unwrap());
        for bad in
            ["kernel\n", "kernel x\n", "kernel 99999999999\n", "kernel 5\nabc", "pages.9999999 1\na", "pages.0 9\na"]
        {
            assert!(Spool::default().frame(&mut bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert_eq!(Spool::default().frame(&mut &b""[..]).unwrap(), None);
    }
}
