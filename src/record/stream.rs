//! What the plan sends back: a line that says it is the plan, then frames of a name, a length and
//! bytes. Pages go to a temporary file per CPU as they come; everything else is short text. A job
//! of its own reads them, so that whoever waits for them can do something meanwhile. The other side
//! does not decide how much of this machine it takes.

use super::{MOST_BYTES, MOST_CPUS, RecordError};
use crate::job::{Job, JobError};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// The plan's first line. A login shell may print other things before it.
const MAGIC: &[u8] = b"KORACLE1\n";
/// So much of such things is passed over.
const MOST_NOISE: u64 = 64 << 10;
const LONGEST_LINE: u64 = 128;
const LONGEST_TEXT: u64 = 64 << 10;
const LONGEST_PAGES: u64 = 1 << 30;
/// Read ahead of the plan, and frames that wait for their reader.
const AHEAD: usize = 1 << 18;
const WAITING: usize = 256;

/// One frame, or the part of one that was there.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// Pages, or what a probe printed: so many bytes, already written to their file.
    Pages(u64),
    /// Any other: its name and text.
    Text(String, String),
}

/// What came from the plan.
#[derive(Debug)]
pub enum Came {
    /// Its first line.
    Greeting,
    /// Bytes of pages; they are in their files.
    Bytes(u64),
    /// A text and its name.
    Text(String, String),
    /// All pages: either the plan has sent the last one, or the stream has broken, and why comes
    /// next.
    Pages(Spool),
    /// The stream is no good any more.
    Broken(RecordError),
    /// It has ended.
    End,
}

/// What comes from the plan, while somebody else reads it.
#[derive(Debug)]
pub struct Incoming {
    came: Receiver<Came>,
    _job: Job,
}

impl Incoming {
    /// Starts reading.
    pub fn read(output: impl Read + Send + 'static) -> Self {
        Self::read_most(output, MOST_BYTES)
    }

    /// The same with another limit for the bytes of pages.
    fn read_most(output: impl Read + Send + 'static, most: u64) -> Self {
        let (tell, came) = sync_channel(WAITING);
        let failed = tell.clone();
        let job = Job::spawn(
            "record",
            move |_| {
                read(&mut BufReader::with_capacity(AHEAD, output), Spool::with_room(most), &tell);
            },
            move |done: Result<(), JobError>| {
                if let Err(error) = done {
                    // Nobody listens any more: then nobody misses it.
                    let _ = failed.try_send(Came::Broken(error.into()));
                }
            },
        );
        Self { came, _job: job }
    }

    /// What came next, or `None` when nothing came for so long.
    pub fn next(&self, wait: Duration) -> Option<Came> {
        match self.came.recv_timeout(wait) {
            Ok(came) => Some(came),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Came::End),
        }
    }
}

/// Reads to the end, or until nobody listens.
fn read(input: &mut impl BufRead, mut spool: Spool, tell: &SyncSender<Came>) {
    let broken = match greeting(input) {
        Ok(false) => None,
        Err(e) => Some(RecordError::Stream(e)),
        Ok(true) => {
            if tell.send(Came::Greeting).is_err() {
                return;
            }
            loop {
                let came = match spool.frame(input) {
                    Ok(Some(Frame::Pages(bytes))) => Came::Bytes(bytes),
                    Ok(Some(Frame::Text(name, _))) if name == "fetched" => {
                        Came::Pages(std::mem::take(&mut spool))
                    }
                    Ok(Some(Frame::Text(name, text))) => Came::Text(name, text),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                };
                if tell.send(came).is_err() {
                    return;
                }
            }
        }
    };
    // The receiver may be gone; then nobody wants these either.
    let _ = tell.send(Came::Pages(spool));
    let _ = broken.map(|error| tell.send(Came::Broken(error)));
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
    /// What a probe of the kernel's own state printed.
    pub truth: Option<File>,
    /// So many bytes may still come.
    room: u64,
    /// The frame that is being read into a file: its CPU, none for the probe, and the bytes that it
    /// still has.
    left: (Option<u16>, u64),
}

impl Spool {
    /// For so many bytes of pages.
    pub fn with_room(room: u64) -> Self {
        Self { room, ..Self::default() }
    }

    /// Reads the next frame, or what is there of a frame of pages; `None` at the end of the stream.
    pub fn frame(&mut self, input: &mut impl BufRead) -> Result<Option<Frame>, RecordError> {
        if self.left.1 > 0 {
            return self.pages(input).map(|bytes| Some(Frame::Pages(bytes)));
        }
        let mut line = Vec::new();
        let read = input
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(RecordError::Stream)?;
        if read == 0 {
            return Ok(None);
        }
        if !line.ends_with(b"\n") && read < LONGEST_LINE as usize {
            return Err(RecordError::Stream(ErrorKind::UnexpectedEof.into()));
        }
        let broken = || RecordError::Protocol(String::from_utf8_lossy(&line).trim_end().to_owned());
        let text = std::str::from_utf8(&line)
            .ok()
            .and_then(|l| l.strip_suffix('\n'))
            .ok_or_else(broken)?;
        let (name, bytes) = text.split_once(' ').ok_or_else(broken)?;
        let bytes: u64 = bytes.parse().map_err(|_| broken())?;
        if let Some(cpu) = name.strip_prefix("pages.") {
            let cpu: u16 = cpu.parse().ok().filter(|c| *c < MOST_CPUS).ok_or_else(broken)?;
            if bytes > LONGEST_PAGES {
                return Err(broken());
            }
            self.left = (Some(cpu), bytes);
            return Ok(Some(Frame::Pages(0)));
        }
        if name == "truth" && bytes <= LONGEST_PAGES {
            self.left = (None, bytes);
            return Ok(Some(Frame::Pages(0)));
        }
        if bytes > LONGEST_TEXT {
            return Err(broken());
        }
        let mut text = vec![0; bytes as usize];
        input.read_exact(&mut text).map_err(RecordError::Stream)?;
        Ok(Some(Frame::Text(name.to_owned(), String::from_utf8_lossy(&text).into_owned())))
    }

    fn pages(&mut self, input: &mut impl BufRead) -> Result<u64, RecordError> {
        let (cpu, left) = (self.left.0, self.left.1.min(self.room));
        if left == 0 {
            return Err(RecordError::Full);
        }
        let new = || tempfile::tempfile().map_err(RecordError::disk);
        let file = match cpu.map(|cpu| self.files.entry(cpu)) {
            Some(Entry::Occupied(o)) => o.into_mut(),
            Some(Entry::Vacant(v)) => v.insert(new()?),
            None if self.truth.is_some() => self.truth.as_mut().ok_or(RecordError::Full)?,
            None => self.truth.insert(new()?),
        };
        // Reading and writing fail for different reasons: the connection, or the disk.
        let part = match input.fill_buf() {
            Ok([]) => return Err(RecordError::Stream(ErrorKind::UnexpectedEof.into())),
            Ok(part) => &part[..part.len().min(usize::try_from(left).unwrap_or(usize::MAX))],
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(0),
            Err(e) => return Err(RecordError::Stream(e)),
        };
        file.write_all(part).map_err(RecordError::disk)?;
        let n = part.len();
        input.consume(n);
        self.left.1 -= n as u64;
        self.room -= n as u64;
        Ok(n as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    #[test]
    fn frames_behind_a_noisy_login() {
        let mut input: &[u8] = b"Welcome!\n\nKORACLE1\nkernel 3\n6.1pages.1 4\nab\ncpages.1 \
                                 1\nXend 0\n";
        assert!(greeting(&mut input).unwrap());
        let mut spool = Spool::with_room(5);
        let mut frames = Vec::new();
        while let Some(frame) = spool.frame(&mut input).unwrap() {
            if frame != Frame::Pages(0) {
                frames.push(frame);
            }
        }
        let text = |n: &str, t: &str| Frame::Text(n.into(), t.into());
        assert_eq!(
            frames,
            [text("kernel", "6.1"), Frame::Pages(4), Frame::Pages(1), text("end", "")]
        );
        let mut kept = String::new();
        let file = spool.files.get_mut(&1).unwrap();
        file.rewind().unwrap();
        file.read_to_string(&mut kept).unwrap();
        assert_eq!(kept, "ab\ncX");
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_never_a_huge_allocation() {
        assert!(!greeting(&mut &b"sudo: a password is required\n"[..]).unwrap());
        for bad in [
            "kernel\n",
            "kernel x\n",
            "kernel 99999999999\n",
            "kernel 5\nabc",
            "pages.9999999 1\na",
            "pages.0 9\na",
            "pages.-1 5\nabcde",
            "pages.2048 5\nabcde",
            "pages.../../x 5\nabcde",
            "kernel 65537\nabc",
            "kernel 99999999999999999999999\n",
        ] {
            let (mut input, mut spool) = (bad.as_bytes(), Spool::with_room(99));
            let error = loop {
                match spool.frame(&mut input) {
                    Ok(frame) => assert!(frame.is_some(), "{bad:?}"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, RecordError::Protocol(_) | RecordError::Stream(_)), "{bad:?}");
        }
        assert_eq!(Spool::default().frame(&mut &b""[..]).unwrap(), None);
    }

    #[test]
    fn pages_are_handed_over_once_whether_the_stream_ends_or_breaks() {
        let told = |bytes: &'static [u8]| {
            let incoming = Incoming::read_most(bytes, 3);
            let mut told = Vec::new();
            loop {
                told.push(
                    match incoming.next(Duration::from_mins(1)).expect("a word in a minute") {
                        Came::Greeting => "greeting".to_owned(),
                        Came::Bytes(0) => continue,
                        Came::Bytes(n) => format!("{n} bytes"),
                        Came::Text(name, _) => name,
                        Came::Pages(spool) => format!("{} files", spool.files.len()),
                        Came::Broken(_) => "broken".to_owned(),
                        Came::End => return told.join(" "),
                    },
                );
            }
        };
        let whole = b"hi\nKORACLE1\npages.0 2\nxypages.3 1\nzfetched 0\nend 0\n";
        assert_eq!(told(whole), "greeting 2 bytes 1 bytes 2 files end 0 files");
        assert_eq!(told(&whole[..23]), "greeting 1 bytes 1 files broken");
        assert_eq!(told(b"no plan at all"), "0 files");
        // No more is taken than there is room for; what came until then is handed over.
        let much = b"KORACLE1\npages.0 2\nabpages.1 9\n123456789end 0\n";
        assert_eq!(told(much), "greeting 2 bytes 1 bytes 2 files broken");
    }

    #[test]
    fn what_never_ends_and_is_no_plan_is_left_after_a_little() {
        for byte in [0, b'\n', b'x'] {
            let mut endless = BufReader::new(std::io::repeat(byte));
            assert!(!greeting(&mut endless).unwrap());
        }
    }
}
