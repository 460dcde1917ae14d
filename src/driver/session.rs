//! The session that is kept from one start to the next: one file in the user's state folder (XDG).

use crate::app::session::Session;
use crate::dataset::recent;
use crate::export::write_whole;
use std::io::{Error, ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

/// A longer file is none that was written here.
const LONGEST: u64 = 1 << 20;

/// `koracle/session.toml` in the user's state folder. `None` without a home.
pub fn file() -> Option<PathBuf> {
    Some(recent::file()?.with_file_name("session.toml"))
}

/// The session that is kept, without the recordings that are gone, and those; `None` where none was
/// kept. The error is a sentence that names the file.
pub fn load(file: &Path) -> Result<Option<(Session, Vec<PathBuf>)>, String> {
    let wrong = |problem: &str| format!("{}: {problem}", file.display());
    match std::fs::metadata(file) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(wrong(&e.to_string())),
        Ok(meta) if !meta.is_file() => return Err(wrong("this is no file")),
        Ok(meta) if meta.len() > LONGEST => return Err(wrong("this is no session")),
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(file).map_err(|e| wrong(&e.to_string()))?;
    let mut session = Session::parse(&text).map_err(|e| wrong(&e))?;
    let mut gone = session.leave_out(Path::exists);
    gone.dedup();
    Ok(Some((session, gone)))
}

/// Keeps a session, whole or not at all. Names are those that every folder leads to; what is no
/// file on disk (standard input) is left out, and without an open recording nothing is kept.
pub fn save(file: &Path, session: &Session) -> IoResult<()> {
    let mut session = session.clone();
    let open = session.recordings.first().cloned();
    let lasts = |path: &PathBuf| path.is_file() && !path.starts_with("/proc");
    session.recordings.retain(lasts);
    session.compared = session.compared.filter(lasts);
    if session.recordings.first() != open.as_ref() || open.is_none() {
        return Ok(());
    }
    for path in session.recordings.iter_mut().chain(&mut session.compared) {
        *path = std::path::absolute(&*path)?;
    }
    let Some(text) = session.text() else { return Ok(()) };
    let folder = file.parent().ok_or_else(|| Error::other("it has no folder"))?;
    std::fs::create_dir_all(folder)?;
    write_whole(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    fn of(recordings: &[&Path]) -> Session {
        let mut session = Session::parse("koracle_session = 1\nrecordings = []\ntab = \"waits\"");
        session.as_mut().unwrap().recordings = recordings.iter().map(PathBuf::from).collect();
        session.unwrap()
    }

    #[test]
    fn a_session_is_kept_and_what_is_gone_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state/session.toml");
        assert_eq!(load(&file), Ok(None));
        let [a, b] = ["a.csv", "b.csv"].map(|name| dir.path().join(name));
        for path in [&a, &b] {
            std::fs::write(path, "x").unwrap();
        }
        save(&file, &of(&[&a, &b])).unwrap();
        assert_eq!(load(&file), Ok(Some((of(&[&a, &b]), Vec::new()))));
        std::fs::remove_file(&b).unwrap();
        assert_eq!(load(&file), Ok(Some((of(&[&a]), vec![b]))));
        // Standard input leaves what was kept before.
        save(&file, &of(&[Path::new("/proc/self/fd/0")])).unwrap();
        assert_eq!(load(&file).unwrap().unwrap().0, of(&[&a]));
        for damaged in ["recordings = 3", "recordings = [\"", "\0\0", ""] {
            std::fs::write(&file, damaged).unwrap();
            assert!(load(&file).unwrap_err().contains("session.toml: "), "{damaged}");
            save(&file, &of(&[&a])).unwrap();
            assert_eq!(load(&file).unwrap().unwrap().0, of(&[&a]));
        }
    }
}
