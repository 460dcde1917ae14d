//! What the program carries in itself, so that a copied binary shows something: one recording of
//! each scheduler (the models are in `predictor::weights`). Everything else opens files, so they
//! are unpacked into the user's cache folder.

use crate::export::write_whole;
use crate::places::User;
use std::fs::DirBuilder;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Name of the list in a folder of recordings.
pub const FILE: &str = "catalog.toml";

/// Relative to the folder of recordings: an EEVDF and a CFS recording with their metadata, and the
/// list of both. The list comes last, since a folder with a list is a whole one.
const RECORDINGS: [(&str, &[u8]); 5] = [
    (
        "hackbench-pipe-2g_run3.csv.zst",
        include_bytes!("../../traces/hackbench-pipe-2g_run3.csv.zst"),
    ),
    ("hackbench-pipe-2g_run3.toml", include_bytes!("../../traces/hackbench-pipe-2g_run3.toml")),
    ("cfs/nginx-ab_run3.csv.zst", include_bytes!("../../traces/cfs/nginx-ab_run3.csv.zst")),
    ("cfs/nginx-ab_run3.toml", include_bytes!("../../traces/cfs/nginx-ab_run3.toml")),
    (FILE, CATALOG.as_bytes()),
];

const CATALOG: &str = r#"# The recordings inside the program. The whole corpus: KORACLE_TRACES names its folder.

[[trace]]
file = "hackbench-pipe-2g_run3.csv.zst"
workload = "hackbench-pipe-2g"
category = "hackbench"
run = 3
kernel = "6.18.44-fc-v669"
cpus = 2
split = "test"

[[trace]]
file = "cfs/nginx-ab_run3.csv.zst"
workload = "nginx-ab"
category = "nginx_ab"
run = 3
kernel = "6.1.0-56-cloud-amd64"
cpus = 2
split = "test"
"#;

/// The recordings inside as a folder with a list, `koracle/recordings` in the user's cache folder
/// (XDG): written when it is not there or other than it should be. Where that cannot be written, a
/// folder of the user's own among the temporary ones. An error names the path.
pub fn unpacked() -> Result<PathBuf> {
    let none = || Err(Error::new(ErrorKind::NotFound, "no home folder"));
    let kept = User::Cache.folder().map_or_else(none, |cache| {
        let folder = cache.join("recordings");
        unpack(&folder).map(|()| folder)
    });
    kept.or_else(|first| {
        let places = [std::env::temp_dir(), PathBuf::from("/dev/shm")];
        places.iter().find_map(|place| aside(place).ok()).ok_or(first)
    })
}

/// The recordings in a folder of this user's in one that all write to; nobody else can have put
/// anything there.
fn aside(place: &Path) -> Result<PathBuf> {
    let user = std::fs::metadata("/proc/self")?.uid();
    let folder = place.join(format!("koracle-{user}"));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let there = std::fs::symlink_metadata(&folder)?;
    if !there.is_dir() || there.uid() != user || there.mode() & 0o022 != 0 {
        return Err(Error::new(ErrorKind::PermissionDenied, "somebody else's folder"));
    }
    let folder = folder.join("recordings");
    unpack(&folder)?;
    Ok(folder)
}

fn unpack(folder: &Path) -> Result<()> {
    for (name, bytes) in RECORDINGS {
        let path = folder.join(name);
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            continue;
        }
        let written = std::fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| write_whole(&path, bytes));
        written.map_err(|e| Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test
    use super::*;
    use crate::dataset::catalog::Catalog;

    #[test]
    fn what_is_inside_is_listed_as_in_the_corpus_and_mended_when_damaged() {
        let folder = tempfile::tempdir().unwrap();
        unpack(folder.path()).unwrap();
        let list = Catalog::load(folder.path()).unwrap();
        let all = Catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")).unwrap();
        assert_eq!(list.entries.len(), 2);
        for entry in &list.entries {
            assert!(all.entries.contains(entry), "{entry:?}");
            assert!(std::fs::metadata(list.path(entry)).unwrap().len() < 100_000, "{}", entry.file);
        }
        let path = list.path(&list.entries[0]);
        std::fs::write(&path, "half").unwrap();
        unpack(folder.path()).unwrap();
        assert!(crate::ingest::open(&path).unwrap().trace.len() > 10_000);
    }

    #[test]
    fn aside_it_is_a_folder_of_the_users_own() {
        let place = tempfile::tempdir().unwrap();
        let folder = aside(place.path()).unwrap();
        assert_eq!(aside(place.path()).unwrap(), folder);
        let own = folder.parent().unwrap().to_path_buf();
        assert_eq!(std::fs::metadata(&own).unwrap().mode() & 0o777, 0o700);
        // What others could have put there is not used.
        let elsewhere = place.path().join("elsewhere");
        std::fs::rename(&own, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &own).unwrap();
        assert!(aside(place.path()).is_err());
    }
}
