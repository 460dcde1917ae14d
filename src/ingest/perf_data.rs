//! `perf.data` of `perf record` and `perf sched record`: a file, or the stream of
//! `perf record -o -`; with `-z`, too.
//!
//! ```text
//! file     header · attributes · records ............ · features (formats of the events, kernel, CPUs, command)
//! stream   header · attributes, features and formats as records · records ...
//! ```
//!
//! What a record holds is said by the attribute of its event, what is in a tracepoint's bytes by
//! the format texts of the recorded kernel: those of tracefs, which the ring-buffer reader knows.
//! Little-endian machines only.

mod attr;
mod feature;
mod formats;
mod session;
mod unpack;

use super::{Format, IngestError, Place, Probe, ReadSeek, Reader, Reason, Sink, Source};
use session::Session;
use std::io::{Read, SeekFrom};

/// The format.
pub struct PerfData;

const MAGIC: &[u8; 8] = b"PERFILE2";
/// What a machine of the other byte order writes.
const FOREIGN_MAGIC: &[u8; 8] = b"2ELIFREP";
/// Size of the header of a stream; of files it is larger.
const STREAM_HEADER: u64 = 16;
const FILE_HEADER: usize = 104;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Attributes, identifiers and features larger than this are not believed.
const LARGEST: u64 = 64 << 20;

impl Reader for PerfData {
    fn format(&self) -> Format {
        Format::PerfData
    }

    fn probe(&self, head: &[u8], _: &str, complete: bool) -> Probe {
        match head.first_chunk::<8>() {
            Some(MAGIC | FOREIGN_MAGIC) => Probe::Yes,
            None if !complete && (MAGIC.starts_with(head) || FOREIGN_MAGIC.starts_with(head)) => {
                Probe::More
            }
            _ => Probe::No,
        }
    }

    fn read(&self, source: &mut Source<'_>, to: &mut Sink) -> Result<(), IngestError> {
        let name = source.name().to_owned();
        let (head, _) = source.peek(FILE_HEADER);
        if head.starts_with(FOREIGN_MAGIC) {
            return Err(IngestError::Machine { file: name, byte: 0, what: "big-endian" });
        }
        // CPU by CPU, in blocks.
        to.events.in_any_order();
        if u64_at(head, 8) == Some(STREAM_HEADER) {
            let mut header = Vec::new();
            source.fill(&mut header, STREAM_HEADER as usize);
            let mut session = Session::new(to);
            records(&mut |buffer, n| source.fill(buffer, n), STREAM_HEADER, &mut session);
            session.end();
            to.report.truncated =
                to.report.truncated.take().or_else(|| source.damage().map(str::to_owned));
            return Ok(());
        }
        let mut file = source.seekable(Format::PerfData)?;
        read_file(file.as_mut(), &name, to)?;
        to.report.truncated = source.damage().map(str::to_owned).or(to.report.truncated.take());
        Ok(())
    }
}

/// A stretch of a file.
#[derive(Clone, Copy, Debug)]
struct Section {
    offset: u64,
    size: u64,
}

impl Section {
    /// As headers hold it.
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Self { offset: u64_at(bytes, at)?, size: u64_at(bytes, at + 8)? })
    }

    /// Its bytes, as many as there are.
    fn read(self, file: &mut dyn ReadSeek) -> Vec<u8> {
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.offset)).is_ok() {
            // What cannot be read is not there.
            let _ = file.take(self.size.min(LARGEST)).read_to_end(&mut bytes);
        }
        bytes
    }
}

fn read_file(file: &mut dyn ReadSeek, name: &str, to: &mut Sink) -> Result<(), IngestError> {
    let damaged = |problem: String| IngestError::Damaged { name: name.into(), problem };
    let head = Section { offset: 0, size: FILE_HEADER as u64 }.read(file);
    let header = || {
        Some((
            u64_at(&head, 8)?,
            u64_at(&head, 16)?,
            Section::at(&head, 24)?,
            Section::at(&head, 40)?,
        ))
    };
    let (_, attr_size, attrs, data) =
        header().ok_or_else(|| damaged("the header of perf.data is cut".into()))?;
    let bits: Vec<u8> = head.get(72..FILE_HEADER).unwrap_or_default().to_vec();
    let mut session = Session::new(to);
    let attr_size = (attr_size as usize).clamp(64, 4096);
    for attr in attrs.read(file).chunks_exact(attr_size) {
        let (attr, ids) = attr.split_at(attr_size - 16);
        let ids = Section::at(ids, 0).map(|ids| ids.read(file)).unwrap_or_default();
        session.attr(attr, &ids);
    }
    let length = file.seek(SeekFrom::End(0)).unwrap_or(0);
    let end = data.offset.saturating_add(data.size);
    features(file, end, &bits, &mut session);
    // Features stand at the end: of a file that is cut, or was never finished, the formats are
    // missing.
    if !session.has_formats() && (end >= length || data.size == 0) {
        let what = if data.size == 0 {
            "perf was ended before it finished this file"
        } else {
            "this perf.data is cut"
        };
        return Err(damaged(format!(
            "{what}: the formats of its events, which stand at its end, are missing, and without \
             them no event can be read. `perf record -o - ... > FILE` writes them first"
        )));
    }
    let _ = file.seek(SeekFrom::Start(data.offset));
    let mut left = data.size;
    let mut more = |buffer: &mut Vec<u8>, n: usize| {
        let n = left.min(n as u64);
        let got = file.take(n).read_to_end(buffer).unwrap_or(0);
        left = if (got as u64) < n { 0 } else { left - n };
        got
    };
    records(&mut more, data.offset, &mut session);
    session.end();
    to.report.bytes = length;
    Ok(())
}

/// Reads the features, whose sections stand behind the records.
fn features(file: &mut dyn ReadSeek, end: u64, bits: &[u8], session: &mut Session<'_>) {
    let set =
        (0..bits.len() as u64 * 8).filter(|bit| bits[*bit as usize / 8] & 1 << (bit % 8) != 0);
    let set: Vec<u64> = set.collect();
    let table = Section { offset: end, size: set.len() as u64 * 16 }.read(file);
    for (i, bit) in set.into_iter().enumerate() {
        if let Some(section) = Section::at(&table, i * 16).filter(|_| feature::wanted(bit)) {
            let bytes = section.read(file);
            session.feature(bit, &bytes);
            if (bytes.len() as u64) < section.size {
                session.cut_note();
            }
        }
    }
}

/// Feeds all records of a stream to a session, a block at a time. `at` is the offset of the first.
fn records(
    more: &mut dyn FnMut(&mut Vec<u8>, usize) -> usize,
    mut at: u64,
    session: &mut Session<'_>,
) {
    let mut buffer = Vec::new();
    loop {
        let got = more(&mut buffer, BLOCK);
        let used = session.feed(&buffer, at);
        at += used as u64;
        buffer.drain(..used);
        if got == 0 {
            break;
        }
        if buffer.len() as u64 > LARGEST + BLOCK as u64 {
            session.note(at, Reason::Other("a record that is too large".into()));
            break;
        }
    }
    if !buffer.is_empty() {
        session.cut(at);
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
