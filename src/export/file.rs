//! Files that appear under their name whole or not at all: written beside it under another name,
//! synced, renamed. Those that are not finished are listed, so that a program that has to stop can
//! take them away; those of a process that was killed are taken away by the next that writes into
//! their folder. Nothing here knows formats.

use super::owner;
use std::collections::BTreeSet;
use std::fs::{File, Metadata, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// Temporary files that exist at this moment.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// Folders in which what dead processes left was looked for.
static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// Links that are followed one after the other, as many as the kernel follows.
const LINKS: usize = 40;

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
    /// A pipe, a device or another's open file, which must not be replaced by a file.
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
    /// Begins a file that will be called `path`, with the permissions of the file that it replaces
    /// or of any new file. A link is followed: what it leads to is replaced, the link stays. The
    /// errors of all functions here name no path: it is the caller's.
    pub fn create(path: &Path) -> Result<Self> {
        let there = std::fs::metadata(path).ok();
        if there.as_ref().is_some_and(Metadata::is_dir) {
            return Err(Error::new(
                ErrorKind::IsADirectory,
                "this is a directory, not a file to write",
            ));
        }
        let end = target(path)?;
        if there.as_ref().is_some_and(|m| !m.is_file()) || end.starts_with("/proc") {
            // Appending is the same for a pipe; an open file of somebody else, such as /dev/stdout,
            // loses nothing.
            let file = File::options().append(true).open(path)?;
            return Ok(Self {
                path: path.into(),
                place: Place::Itself(file),
                _listed: Listed(None),
            });
        }
        let folder = folder(&end);
        sweep(folder);
        let (prefix, suffix) = owner::affixes();
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(&prefix)
            .suffix(suffix)
            .rand_bytes(owner::RANDOM)
            .permissions(Permissions::from_mode(0o666));
        let mut list = unfinished();
        let file = builder.tempfile_in(folder).map_err(|e| without_path(&e))?;
        list.push(file.path().into());
        drop(list);
        let listed = Listed(Some(file.path().into()));
        // Where files cannot be locked, the number of the process has to do.
        let _ = file.as_file().try_lock();
        if let Some(there) = there {
            file.as_file().set_permissions(Permissions::from_mode(there.mode() & 0o777))?;
        }
        Ok(Self { path: end, place: Place::Beside(file), _listed: listed })
    }

    /// To write to. Not the temporary file's own writer, whose errors name the temporary file.
    pub fn file(&self) -> &File {
        match &self.place {
            Place::Beside(file) => file.as_file(),
            Place::Itself(file) => file,
        }
    }

    /// Brings the content to the disk; a pipe has none.
    pub fn sync(&self) -> Result<()> {
        match &self.place {
            Place::Beside(file) => file.as_file().sync_all(),
            Place::Itself(_) => Ok(()),
        }
    }

    /// Gives the file its name, in place of a file that had it. After it both are on the disk.
    pub fn finish(self) -> Result<()> {
        self.sync()?;
        match self.place {
            Place::Beside(file) => file.persist(&self.path).map_err(|e| e.error)?,
            Place::Itself(_) => return Ok(()),
        };
        sync_folder(&self.path)
    }

    /// The same for a name that the program has chosen: [`ErrorKind::AlreadyExists`] when somebody
    /// has taken it.
    pub fn finish_new(self) -> Result<()> {
        self.sync()?;
        match self.place {
            Place::Beside(file) => file.persist_noclobber(&self.path).map_err(|e| e.error)?,
            Place::Itself(_) => return Err(ErrorKind::AlreadyExists.into()),
        };
        sync_folder(&self.path)
    }
}

/// Writes a file so that it appears whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = NewFile::create(path)?;
    file.file().write_all(bytes)?;
    file.finish()
}

/// The same for this user alone, whatever was there: with mode 0600 from the start.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = NamedTempFile::new_in(folder(path))?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings the names in the folder of `path` to the disk.
pub fn sync_folder(path: &Path) -> Result<()> {
    match File::open(folder(path)).and_then(|f| f.sync_all()) {
        // A folder that may not be read, or a file system that does not do this: the names are
        // there all the same.
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Where a write to `path` ends. Links are followed, but none that somebody else put into a folder
/// where everybody may write: with it one could make root write anywhere.
fn target(path: &Path) -> Result<PathBuf> {
    let mut at = path.to_path_buf();
    for _ in 0..LINKS {
        // What a link of this kind says of itself is no name of a file.
        let link = std::fs::symlink_metadata(&at).ok().filter(Metadata::is_symlink);
        let Some(link) = link.filter(|_| !at.starts_with("/proc")) else { return Ok(at) };
        let around = std::fs::metadata(folder(&at))?;
        let open_to_all = around.mode() & 0o1002 == 0o1002;
        if open_to_all && link.uid() != around.uid() && Some(link.uid()) != owner::user() {
            let why = "this is a link that somebody else put into a folder where everybody may \
                       write";
            return Err(Error::new(ErrorKind::PermissionDenied, why));
        }
        at = folder(&at).join(std::fs::read_link(&at)?);
    }
    Err(Error::other("this is a link that leads nowhere"))
}

/// The same as [`remove_left`], once a folder.
fn sweep(folder: &Path) {
    if SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.into()) {
        remove_left(folder);
    }
}

/// Takes away what processes left in a folder that were killed while they wrote there.
pub fn remove_left(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let dead = entry.file_name().to_str().is_some_and(owner::is_dead);
        let ours = |m: Metadata| m.is_file() && Some(m.uid()) == owner::user();
        if dead && entry.metadata().is_ok_and(ours) {
            let path = entry.path();
            // A process that cannot be seen from here (a container) still holds its lock.
            if File::open(&path).is_ok_and(|f| f.try_lock().is_ok()) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}

/// The error without the name of the temporary file, which nobody asked for.
fn without_path(error: &Error) -> Error {
    let text = error.to_string();
    Error::new(error.kind(), text.split(" at path ").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("far")).unwrap();
        symlink("far/there", at("near")).unwrap();
        symlink("near", at("twice")).unwrap();
        for text in ["made", "replaced"] {
            write_whole(&at("twice"), text.as_bytes()).unwrap();
            assert!(at("twice").is_symlink() && at("near").is_symlink());
            assert_eq!(std::fs::read_to_string(at("far/there")).unwrap(), text);
        }
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        assert!(write_whole(&at("a"), b"x").is_err());
        assert!(at("a").is_symlink() && at("b").is_symlink());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "nothing else is left");
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_new_one_has_the_usual_ones() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
        std::fs::write(dir.path().join("usual"), "").unwrap();
        write_whole(&dir.path().join("new"), b"x").unwrap();
        assert_eq!(mode("new"), mode("usual"));
        std::fs::set_permissions(dir.path().join("usual"), Permissions::from_mode(0o600)).unwrap();
        write_whole(&dir.path().join("usual"), b"x").unwrap();
        assert_eq!(mode("usual"), 0o600);
    }

    #[test]
    fn a_chosen_name_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let [first, second] = [0, 1].map(|_| NewFile::create(&path).unwrap());
        first.file().write_all(b"first").unwrap();
        first.finish_new().unwrap();
        assert_eq!(second.finish_new().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn only_what_a_dead_process_left_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        // A process that is over: its number may be another's by now, but not with its start.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let (alive, _) = owner::affixes();
        let kept = [
            format!("{alive}abcdef.tmp"),
            format!(".koracle-{pid}-1-abcdef.tmp.txt"),
            format!(".koracle-{pid}-1-abc.def.tmp"),
            format!(".koracle-{pid}-0-abcdef.tmp"),
            ".koracle-results-2026.tmp".into(),
            ".koracle-abcdef.tmp".into(),
        ];
        let locked = format!(".koracle-{pid}-1-locked.tmp");
        let folder = format!(".koracle-{pid}-1-folder.tmp");
        let gone = format!(".koracle-{pid}-1-abcdef.tmp");
        for name in kept.iter().chain([&locked, &gone]) {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(dir.path().join(&folder)).unwrap();
        let lock = File::open(dir.path().join(&locked)).unwrap();
        lock.try_lock().unwrap();
        write_whole(&dir.path().join("new"), b"x").unwrap();
        let there = |name: &String| dir.path().join(name).exists();
        assert!(!there(&gone), "its owner is dead");
        for name in kept.iter().chain([&locked, &folder]) {
            assert!(there(name), "{name} is not for us to remove");
        }
    }
}
