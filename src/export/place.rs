//! Where a native recording may be written. It is two files, and the second one is named by nobody:
//! so what has its name already must say itself that it is metadata of ours, or is left alone.

use super::{ExportError, NewFile};
use crate::trace::TraceMeta;
use std::path::{Path, PathBuf};

/// Keys that every metadata file of ours has; together they are nobody else's.
const KEYS: [&str; 11] = [
    "name",
    "workload",
    "category",
    "run",
    "kernel",
    "scheduler",
    "cpus",
    "clock",
    "lost",
    "skipped",
    "start_ns",
];

/// A native recording's two files.
pub(super) struct Pair<'a> {
    pub events: &'a Path,
    pub meta: PathBuf,
    /// Whether the events are compressed.
    pub packed: bool,
}

impl<'a> Pair<'a> {
    pub fn of(events: &'a Path) -> Result<Self, ExportError> {
        let name = events.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let bare = |end: &str| name.strip_suffix(end).filter(|n| !n.is_empty());
        let (packed, bare) =
            (bare(".csv.zst").is_some(), bare(".csv.zst").or_else(|| bare(".csv")));
        let meta = events.with_file_name(format!(
            "{}.toml",
            bare.ok_or_else(|| ExportError::Name(events.into()))?
        ));
        Ok(Self { events, meta, packed })
    }

    /// The other name that events of the same metadata may have.
    fn sibling(&self) -> PathBuf {
        self.meta.with_extension(if self.packed { "csv" } else { "csv.zst" })
    }

    /// Refuses what is not ours to replace; `force` gives up a plain file that has the name of the
    /// metadata.
    pub fn check(&self, force: bool) -> Result<(), ExportError> {
        let refused = |path: &Path, why| Err(ExportError::Refused { path: path.into(), why });
        let links =
            [self.events, &self.meta].into_iter().find(|p| p.is_symlink() && !leads_to_no_file(p));
        if let Some(link) = links {
            return refused(
                link,
                "this is a link; a recording's two files are written beside each other, not \
                 through links",
            );
        }
        let Ok(there) = std::fs::symlink_metadata(&self.meta) else { return Ok(()) };
        if !there.is_file() {
            return refused(
                &self.meta,
                "the recording's metadata go here, and this is no plain file; choose another name",
            );
        }
        if force {
            return Ok(());
        }
        if !is_metadata(&self.meta) {
            return refused(
                &self.meta,
                "the recording's metadata go here, and this file is something else; choose another \
                 name, or say --force",
            );
        }
        if self.sibling().exists() {
            return refused(
                &self.meta,
                "these are the metadata of another recording beside it; choose another name, or \
                 say --force",
            );
        }
        Ok(())
    }
}

/// Such as `/dev/stdout`.
fn leads_to_no_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| !m.is_file())
}

/// Whether a file says itself that it is a recording's metadata.
pub fn is_metadata(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let keys = |t: toml::Table| KEYS.iter().all(|key| t.contains_key(*key));
    text.parse::<toml::Table>().is_ok_and(keys) && toml::from_str::<TraceMeta>(&text).is_ok()
}

/// The metadata file of the native recording `path`; an error when that is no name of one.
pub fn metadata_path(path: &Path) -> Result<PathBuf, ExportError> {
    Pair::of(path).map(|pair| pair.meta)
}

/// Whether a native recording can be written to `path`, to be asked before minutes of work: the
/// name is one of a recording, its folder can be written to, and nothing that is not ours would be
/// lost. `force`: a foreign file with the name of the metadata may be.
pub fn check_output(path: &Path, force: bool) -> Result<(), ExportError> {
    Pair::of(path)?.check(force)?;
    NewFile::create(path).map(drop).map_err(|source| ExportError::Io { path: path.into(), source })
}
