//! The recordings that were opened last, remembered from one start to the next in the user's state
//! folder (XDG).

use crate::export::write_whole;
use crate::places::User;
use serde::{Deserialize, Serialize};
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// So many are remembered.
const KEPT: usize = 12;
/// A longer file is none that was written here.
const LONGEST: u64 = 256 << 10;

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// Absolute paths, the newest first.
    recordings: Vec<String>,
}

/// `koracle/recent.toml` in the user's state folder. `None` without a home.
pub fn file() -> Option<PathBuf> {
    Some(User::State.folder()?.join("recent.toml"))
}

/// Those in this file that are still there, the newest first. A file that cannot be used counts as
/// none: nothing is lost but a convenience, and the next recording that is opened writes it anew.
pub fn load(file: &Path) -> Vec<PathBuf> {
    let there = read(file).recordings.into_iter().map(PathBuf::from);
    there.filter(|path| path.is_file()).collect()
}

fn read(file: &Path) -> Kept {
    let fits = std::fs::metadata(file).is_ok_and(|m| m.is_file() && m.len() <= LONGEST);
    let text = if fits { std::fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    toml::from_str(&text).unwrap_or_default()
}

/// Puts a recording at the top. What is no regular file (standard input) or has a name that is no
/// text is left out.
pub fn remember(file: &Path, recording: &Path) -> Result<()> {
    let Ok(path) = std::path::absolute(recording) else { return Ok(()) };
    let Some(name) = path.to_str().filter(|_| path.is_file() && !path.starts_with("/proc")) else {
        return Ok(());
    };
    let mut kept = read(file);
    if kept.recordings.first().is_some_and(|first| first == name) {
        return Ok(());
    }
    kept.recordings.retain(|other| other != name);
    kept.recordings.insert(0, name.to_owned());
    kept.recordings.truncate(KEPT);
    let text = toml::to_string(&kept).map_err(Error::other)?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_whole(file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;

    #[test]
    fn the_newest_comes_first_once_and_what_is_gone_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("koracle/recent.toml");
        assert!(load(&file).is_empty());
        let paths: Vec<PathBuf> =
            (0..KEPT + 2).map(|i| folder.path().join(format!("r \"{i}\".csv"))).collect();
        for path in &paths {
            std::fs::write(path, "x").unwrap();
            remember(&file, path).unwrap();
        }
        remember(&file, &paths[5]).unwrap();
        remember(&file, Path::new("/proc/self/stat")).unwrap();
        remember(&file, &folder.path().join("never.csv")).unwrap();
        let there = load(&file);
        assert_eq!((there.len(), &there[0], &there[1]), (KEPT, &paths[5], &paths[KEPT + 1]));
        std::fs::remove_file(&paths[5]).unwrap();
        assert_eq!(load(&file)[0], paths[KEPT + 1]);
        for damaged in ["recordings = 3", "recordings = [\"", "\0\0"] {
            std::fs::write(&file, damaged).unwrap();
            assert!(load(&file).is_empty());
            remember(&file, &paths[1]).unwrap();
            assert_eq!(load(&file), [paths[1].clone()]);
        }
    }
}
