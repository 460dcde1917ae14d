//! Files that appear under their name whole or not at all: written beside it under another name, then renamed. Those
//! that are not finished are listed, so that a program that has to stop can take them away. Nothing here knows formats.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// Temporary files that exist at this moment.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every unfinished file of this process, then calls `then`, before any other can be begun.
pub fn remove_unfinished(then: impl FnOnce()) {
    let mut list = unfinished();
    for path in list.drain(..) {
        // It may just have got its real name, or be gone: nothing is left to remove then.
        let _ = std::fs::remove_file(path);
    }
    then();
}

/// A file being written. Dropping it before [`NewFile::finish`] leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    place: Place,
    /// After `place`, so that the file is gone before its name is.
    _listed: Listed,
}

#[derive(Debug)]
enum Place {
    /// Gets its name at the end.
    Beside(NamedTempFile),
    /// A pipe or a device, which must not be replaced by a file.
    Itself(File),
}

/// Takes its path off the list when it is dropped.
#[derive(Debug)]
struct Listed(Option<PathBuf>);

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            unfinished().retain(|p| p != path);
        }
    }
}

impl NewFile {
    /// Begins a file that will be called `path`, with the permissions of any new file. The errors of all functions
    /// here name no path: it is the caller's.
    pub fn create(path: &Path) -> Result<Self> {
        let there = std::fs::metadata(path).ok();
        if there.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(Error::new(ErrorKind::IsADirectory, "this is a directory, not a file to write"));
        }
        if there.is_some_and(|m| !m.is_file()) {
            let file = File::options().write(true).open(path)?;
            return Ok(Self { path: path.into(), place: Place::Itself(file), _listed: Listed(None) });
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".koracle-").suffix(".tmp");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut list = unfinished();
        let file = builder.tempfile_in(folder).map_err(|e| without_path(&e))?;
        list.push(file.path().into());
        let listed = Listed(Some(file.path().into()));
        Ok(Self { path: path.into(), place: Place::Beside(file), _listed: listed })
    }

    /// To write to. Not the temporary file's own writer, whose errors name the temporary file.
    pub fn file(&self) -> &File {
        match &self.place {
            Place::Beside(file) => file.as_file(),
            Place::Itself(file) => file,
        }
    }

    /// Gives the file its name, in place of a file that had it.
    pub fn finish(self) -> Result<()> {
        match self.place {
            Place::Beside(file) => file.persist(&self.path).map(drop).map_err(|e| without_path(&e.error)),
            Place::Itself(_) => Ok(()),
        }
    }
}

/// The error without the name of the temporary file, which nobody asked for.
fn without_path(error: &Error) -> Error {
    let text = error.to_string();
    Error::new(error.kind(), text.split(" at path ").next().unwrap_or_default())
}
