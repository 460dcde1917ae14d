//! [`Trace`] to bytes: the native format (CSV in zstd, with its metadata beside it) and ftrace text.
//! Files appear whole or not at all. Nothing here reads a recording.

mod csv;
mod file;
mod text;

pub use self::csv::csv_to;
pub use self::file::{NewFile, remove_unfinished};
pub use self::text::ftrace_text;

use crate::trace::Trace;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// zstd level for recordings that are kept: slow to write, as fast to read as any other.
pub const ARCHIVE_LEVEL: i32 = 19;
/// zstd level for recordings that somebody waits for.
pub const WAITED_LEVEL: i32 = 9;

/// Why a recording could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A native recording is two files, so that its name has to end in the way that tells the other's name.
    #[error("{}: a native recording's name ends in .csv.zst (or in .csv, not compressed)", .0.display())]
    Name(PathBuf),
    /// The metadata cannot be written as TOML.
    #[error("{}: {source}", path.display())]
    Meta {
        /// The metadata file.
        path: PathBuf,
        /// What is wrong.
        source: toml::ser::Error,
    },
}

/// Writes `NAME.csv.zst` (at this zstd level; see [`ARCHIVE_LEVEL`]) or `NAME.csv`, and `NAME.toml` beside it. Both are
/// written under another name and then renamed. Returns the bytes of the event file.
pub fn native(trace: &Trace, path: &Path, level: i32) -> Result<u64, ExportError> {
    let io = |source| ExportError::Io { path: path.into(), source };
    let file_name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let packed = file_name.strip_suffix(".csv.zst").filter(|n| !n.is_empty());
    let bare = packed.or_else(|| file_name.strip_suffix(".csv").filter(|n| !n.is_empty()));
    let meta_path = path.with_file_name(format!("{}.toml", bare.ok_or_else(|| ExportError::Name(path.into()))?));

    let meta = toml::to_string(trace.meta()).map_err(|source| ExportError::Meta { path: meta_path.clone(), source })?;
    let events = NewFile::create(path).map_err(io)?;
    if packed.is_some() {
        let mut encoder = zstd::stream::write::Encoder::new(BufWriter::new(events.file()), level).map_err(io)?;
        // A reader then knows that nothing was changed on the way.
        encoder.include_checksum(true).map_err(io)?;
        csv_to(trace, &mut encoder).map_err(io)?;
        encoder.finish().and_then(|mut file| file.flush()).map_err(io)?;
    } else {
        let mut file = BufWriter::new(events.file());
        csv_to(trace, &mut file).and_then(|()| file.flush()).map_err(io)?;
    }
    let size = events.file().metadata().map_err(io)?.len();
    write_whole(&meta_path, meta.as_bytes()).map_err(|source| ExportError::Io { path: meta_path.clone(), source })?;
    events.finish().map_err(io)?;
    Ok(size)
}

/// Writes a file so that it appears whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let file = NewFile::create(path)?;
    file.file().write_all(bytes)?;
    file.finish()
}

/// What to write next: losses come before the first event of their CPU after they began.
enum Item<'a> {
    Event(usize),
    Gap(&'a crate::trace::Gap),
}

/// Events and losses in the order in which a reader finds the same losses again.
fn items(trace: &Trace) -> impl Iterator<Item = Item<'_>> {
    let mut placed: Vec<(usize, &crate::trace::Gap)> = trace
        .gaps()
        .iter()
        .map(|gap| {
            let events = trace.cpu_events(gap.cpu);
            let after = events.partition_point(|&i| trace.time(i as usize) <= gap.from);
            (events.get(after).map_or(trace.len(), |&i| i as usize), gap)
        })
        .collect();
    placed.sort_by_key(|(before, _)| *before);
    let mut placed = placed.into_iter().peekable();
    let mut next = 0;
    std::iter::from_fn(move || {
        if let Some((_, gap)) = placed.next_if(|(before, _)| *before <= next) {
            return Some(Item::Gap(gap));
        }
        next += 1;
        (next <= trace.len()).then_some(Item::Event(next - 1))
    })
}
