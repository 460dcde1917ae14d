//! Names of recordings, each taken by one recorder at a time: from before the recording until it is
//! written. What holds a name is a socket without a file, so that a recorder that is killed leaves
//! nothing, and its name is free again.

use crate::export::metadata_path;
use std::io::Result;
use std::path::{Path, PathBuf};

/// Endings of a name that are taken together: the events, packed or not, and the metadata that they
/// share.
const ENDINGS: [&str; 3] = ["csv.zst", "csv", "toml"];
/// Runs that are tried.
const RUNS: u32 = 10_000;

/// A name that no other recorder of this machine takes while this lives.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    run: u32,
    _held: Hold,
}

impl Claim {
    /// This name, whatever has it now; `None` while another recorder has claimed it. The folder has
    /// to be there.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        let stem =
            metadata_path(path).map_or_else(|_| path.to_path_buf(), |meta| meta.with_extension(""));
        let held = hold(&stem)?;
        Ok(held.map(|held| Self { path: path.into(), run: 0, _held: held }))
    }

    /// The first `WORKLOAD_runN.csv.zst` in `folder` that is neither there nor claimed. `None` when
    /// there is none up to ten thousand.
    pub fn free(folder: &Path, workload: &str) -> Result<Option<Self>> {
        for (path, run) in names(folder, workload).filter(|(path, _)| is_free(path)) {
            // Whoever had claimed it may have written it and gone since it was looked at.
            if let Some(claim) = Self::of(&path)?.filter(|_| is_free(&path)) {
                return Ok(Some(Self { run, ..claim }));
            }
        }
        Ok(None)
    }

    /// The file of the events.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// N of a `WORKLOAD_runN`; else 0.
    pub fn run(&self) -> u32 {
        self.run
    }
}

/// The name that [`Claim::free`] would try first.
pub fn first_free(folder: &Path, workload: &str) -> Option<PathBuf> {
    names(folder, workload).map(|n| n.0).find(|path| is_free(path))
}

fn names(folder: &Path, workload: &str) -> impl Iterator<Item = (PathBuf, u32)> {
    (0..RUNS).map(move |run| (folder.join(format!("{workload}_run{run}.csv.zst")), run))
}

/// Nothing has the name, with any of the endings; a link that leads nowhere has it too.
fn is_free(path: &Path) -> bool {
    let Ok(meta) = metadata_path(path) else { return false };
    ENDINGS.iter().all(|e| std::fs::symlink_metadata(meta.with_extension(e)).is_err())
}

#[cfg(target_os = "linux")]
type Hold = std::os::unix::net::UnixListener;

/// Holds `stem`, a path without its endings; `None` when another process does.
#[cfg(target_os = "linux")]
fn hold(stem: &Path) -> Result<Option<Hold>> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let folder = stem.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The folder itself, however it is called.
    let of = std::fs::metadata(folder)?;
    let name = xxhash_rust::xxh3::xxh3_64(stem.file_name().unwrap_or_default().as_encoded_bytes());
    let address = SocketAddr::from_abstract_name(format!(
        "koracle/recording/{:x}.{:x}/{name:016x}",
        of.dev(),
        of.ino()
    ))?;
    match UnixListener::bind_addr(&address) {
        Ok(held) => Ok(Some(held)),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(not(target_os = "linux"))]
type Hold = ();

/// Elsewhere nothing can be recorded but other machines, and two at once have to be given two
/// names.
#[cfg(not(target_os = "linux"))]
fn hold(_: &Path) -> Result<Option<Hold>> {
    Ok(Some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x_run0.csv.zst", "x_run1.csv", "x_run3.csv.zst"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::write(dir.path().join("x_run2.toml"), "[package]").unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("x_run4.csv.zst")).unwrap();
        let claim = Claim::free(dir.path(), "x").unwrap().unwrap();
        assert_eq!((claim.path(), claim.run()), (dir.path().join("x_run5.csv.zst").as_path(), 5));
        assert_eq!(first_free(dir.path(), "y"), Some(dir.path().join("y_run0.csv.zst")));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "nothing is left behind");
    }

    #[test]
    fn a_name_is_claimed_once_until_it_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let claims: Vec<Claim> =
            (0..4).map(|_| Claim::free(dir.path(), "x").unwrap().unwrap()).collect();
        assert_eq!(claims.iter().map(Claim::run).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // The other ending has the same metadata; another way to the folder is the same folder.
        assert!(Claim::of(&dir.path().join("x_run1.csv")).unwrap().is_none());
        assert!(Claim::of(&dir.path().join("./x_run1.csv.zst")).unwrap().is_none());
        drop(claims);
        assert_eq!(Claim::of(&dir.path().join("x_run1.csv")).unwrap().unwrap().run(), 0);
        assert!(Claim::of(&dir.path().join("none/x.csv")).is_err());
    }
}
