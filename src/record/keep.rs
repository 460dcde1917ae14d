//! Where a finished recording goes. The place is tried before minutes of recording; when it cannot
//! be written all the same (a disk that filled up, a folder that was removed), the recording is
//! kept in a temporary folder instead.

use super::quote::quote;
use crate::export::{self, ExportError, NewFile, WAITED_LEVEL, metadata_path};
use crate::trace::Trace;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Less room than this is none for a recording.
const ROOM: usize = 1 << 20;

/// A recording that was written.
#[derive(Debug)]
pub struct Kept {
    /// The file of its events.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Why it is not where it was wanted, and the command that brings it there.
    pub moved: Option<String>,
}

/// Whether a recording can be written to `path`, as far as can be known before: see
/// [`export::check_output`], and there is room for a small one.
pub fn check(path: &Path, force: bool) -> Result<(), ExportError> {
    export::check_output(path, force)?;
    // Nothing is written into a pipe or a device.
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return Ok(());
    }
    let fill = NewFile::create(path).and_then(|file| {
        file.file().write_all(&vec![0; ROOM])?;
        file.sync()
    });
    fill.map_err(|source| ExportError::Io { path: path.into(), source })
}

/// Writes a recording to `path`, or where there is room. The error is that of `path`, when there is
/// room nowhere.
pub fn save(trace: &Trace, path: &Path, force: bool) -> Result<Kept, ExportError> {
    let why = match export::native_over(trace, path, WAITED_LEVEL, force) {
        Ok(bytes) => return Ok(Kept { path: path.into(), bytes, moved: None }),
        Err(why) => why,
    };
    let name = path.file_name().unwrap_or_default();
    for place in [std::env::temp_dir(), "/var/tmp".into(), "/dev/shm".into()] {
        let Ok(folder) = tempfile::Builder::new().prefix("koracle-kept-").tempdir_in(place) else {
            continue;
        };
        let kept = folder.path().join(name);
        if let Ok(bytes) = export::native_over(trace, &kept, WAITED_LEVEL, false) {
            // From here on it is not removed any more.
            let moved = Some(format!(
                "{why}; the recording is kept in {}: {}",
                kept.display(),
                back(&kept, path)
            ));
            let _ = folder.keep();
            return Ok(Kept { path: kept, bytes, moved });
        }
    }
    Err(why)
}

/// The command that brings a kept recording to where it was wanted.
fn back(kept: &Path, wanted: &Path) -> String {
    let words = [Some(kept.to_path_buf()), metadata_path(kept).ok()].into_iter().flatten();
    let words: Vec<String> = words.map(|p| quote(&p.to_string_lossy())).collect();
    let folder = wanted.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    format!("mv -i {} {}", words.join(" "), quote(&folder.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{TraceBuilder, TraceMeta};

    #[test]
    fn a_place_is_tried_before_anything_is_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("folder.csv.zst")).unwrap();
        std::fs::write(at("Cargo.toml"), "[package]\nname = \"mine\"\n").unwrap();
        for bad in ["none/x.csv.zst", "folder.csv.zst", "Cargo.csv.zst", "x.txt"] {
            assert!(check(&at(bad), false).is_err(), "{bad}");
        }
        check(&at("x.csv.zst"), false).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn what_cannot_be_written_where_it_was_wanted_is_kept() {
        let trace = TraceBuilder::default().finish(TraceMeta::default());
        let gone = tempfile::tempdir().unwrap().path().join("it's.csv.zst");
        let kept = save(&trace, &gone, false).unwrap();
        let moved = kept.moved.unwrap();
        assert!(kept.path.is_file() && moved.contains("No such file or directory"), "{moved}");
        // The command does it, as soon as the folder is there.
        let folder = gone.parent().unwrap();
        std::fs::create_dir(folder).unwrap();
        let command = &moved[moved.find("mv -i ").unwrap()..];
        assert!(std::process::Command::new("sh").args(["-c", command]).status().unwrap().success());
        assert!(gone.is_file() && folder.join("it's.toml").is_file());
        for left in [folder, kept.path.parent().unwrap()] {
            std::fs::remove_dir_all(left).unwrap();
        }
    }
}
