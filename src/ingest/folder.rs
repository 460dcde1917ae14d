//! What is given instead of a file: a directory stands for the recordings in it.

use super::{Format, IngestError, input, reader};
use std::path::{Path, PathBuf};

/// Every directory replaced by the recordings in it, by name. Of a directory only regular files
/// count whose first bytes some reader knows; directories in it, hidden files and metadata do not.
/// A directory without any is an error.
pub fn within(given: &[PathBuf]) -> Result<Vec<PathBuf>, IngestError> {
    let mut all = Vec::with_capacity(given.len());
    for path in given {
        if path.is_dir() {
            let found = recordings(path)?;
            if found.is_empty() {
                return Err(IngestError::NoRecordings(path.clone()));
            }
            all.extend(found);
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

/// The recordings of a directory, by name; of a large one only some: at most `most` of its first
/// files are looked at. Metadata and what cannot be read are left out without a word.
pub fn some_within(folder: &Path, most: usize) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(10 * most);
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| is_candidate(path)).collect();
    files.sort();
    files.truncate(most);
    files.retain(|path| is_recording(path));
    files
}

fn is_candidate(path: &Path) -> bool {
    !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
        && path.is_file()
}

fn recordings(folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let io = |source| IngestError::Io { path: folder.into(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if is_candidate(&path) && is_recording(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the first bytes of a file are those of a recording.
pub fn is_recording(path: &Path) -> bool {
    input::open(path).is_ok_and(|mut source| reader::choose(&mut source).is_ok())
}

/// Whether a file is a recording in the native format, or nothing yet.
pub fn is_native(path: &Path) -> bool {
    let Ok(mut source) = input::open(path) else { return false };
    match reader::choose(&mut source) {
        Ok(reader) => reader.format() == Format::Native,
        Err(error) => matches!(error, IngestError::Empty(_)),
    }
}

/// Of a directory where a file was meant: the same error with an example from it, to say what could
/// have been meant.
pub fn with_example(error: IngestError) -> IngestError {
    let IngestError::Directory { folder, .. } = error else { return error };
    let example = recordings(&folder).ok().and_then(|found| found.into_iter().next());
    IngestError::Directory { folder, example }
}
