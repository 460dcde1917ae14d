//! [`Trace`] to bytes: the native format (CSV in zstd, with its metadata beside it), ftrace text
//! and Perfetto's protobuf. Files appear whole or not at all. Nothing here reads a recording.

mod csv;
mod file;
pub mod npz;
mod owner;
pub mod perfetto;
mod place;
mod text;

pub use self::csv::{csv_to, io_error};
pub use self::file::{
    NewFile, remove_left, remove_unfinished, sync_folder, write_private, write_whole,
};
pub use self::owner::{is_temporary, process_start, user};
pub use self::place::{check_output, is_metadata, metadata_path};
pub use self::text::ftrace_text;

use self::place::Pair;
use crate::trace::Trace;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// zstd level for small recordings that are kept: slow to write, as fast to read as any other.
const ARCHIVE_LEVEL: i32 = 19;
/// A recording of so many events is small.
const SMALL: usize = 50_000;
/// zstd level for recordings that somebody waits for.
pub const WAITED_LEVEL: i32 = 9;

/// zstd level for a recording of so many events: as small as can be, as long as nobody waits for
/// it.
pub fn level_for(events: usize) -> i32 {
    if events <= SMALL { ARCHIVE_LEVEL } else { WAITED_LEVEL }
}

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
    /// A native recording is two files, so that its name has to end in the way that tells the
    /// other's name.
    #[error("{}: a native recording's name ends in .csv.zst (or in .csv, not \
             compressed)", .0.display())]
    Name(PathBuf),
    /// Something that is not ours would be lost.
    #[error("{}: {why}", path.display())]
    Refused {
        /// What would be lost.
        path: PathBuf,
        /// Why it is left alone, and the way out.
        why: &'static str,
    },
    /// The metadata cannot be written as TOML.
    #[error("{}: {source}", path.display())]
    Meta {
        /// The metadata file.
        path: PathBuf,
        /// What is wrong.
        source: toml::ser::Error,
    },
}

/// Writes `NAME.csv.zst` (at this zstd level; see [`level_for`]) or `NAME.csv`, and `NAME.toml`
/// beside it, where [`check_output`] allows it. Returns the bytes of the event file.
pub fn native(trace: &Trace, path: &Path, level: i32) -> Result<u64, ExportError> {
    native_over(trace, path, level, false)
}

/// The same; with `force` also over a foreign file that has the name of the metadata.
///
/// Both are written and synced under other names. Then the metadata of a recording that is replaced
/// go, the events get their name, and the new metadata: whenever this is cut short, no metadata
/// stand beside events that are not theirs.
pub fn native_over(
    trace: &Trace,
    path: &Path,
    level: i32,
    force: bool,
) -> Result<u64, ExportError> {
    let pair = Pair::of(path)?;
    pair.check(force)?;
    let io = |source| ExportError::Io { path: path.into(), source };
    let meta_io = |source| ExportError::Io { path: pair.meta.clone(), source };
    let meta = toml::to_string(trace.meta())
        .map_err(|source| ExportError::Meta { path: pair.meta.clone(), source })?;
    let events = NewFile::create(path).map_err(io)?;
    if pair.packed {
        let mut encoder =
            zstd::stream::write::Encoder::new(BufWriter::new(events.file()), level).map_err(io)?;
        // A reader then knows that nothing was changed on the way.
        encoder.include_checksum(true).map_err(io)?;
        csv_to(trace, &mut encoder).map_err(io)?;
        encoder.finish().and_then(|mut file| file.flush()).map_err(io)?;
    } else {
        let mut file = BufWriter::new(events.file());
        csv_to(trace, &mut file).and_then(|()| file.flush()).map_err(io)?;
    }
    let size = events.file().metadata().map_err(io)?.len();
    let beside = NewFile::create(&pair.meta).map_err(meta_io)?;
    beside.file().write_all(meta.as_bytes()).map_err(meta_io)?;
    events.sync().map_err(io)?;
    beside.sync().map_err(meta_io)?;
    // It may have been put there meanwhile.
    pair.check(force)?;
    match std::fs::remove_file(&pair.meta) {
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        result => result.and_then(|()| sync_folder(&pair.meta)).map_err(meta_io)?,
    }
    events.finish().map_err(io)?;
    beside.finish().map_err(meta_io)?;
    Ok(size)
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
