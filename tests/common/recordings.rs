//! The bundled recordings.

use kernel_oracle::trace::Trace;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The file of one, by its name, such as `cfs/nginx-ab_run3`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(format!("{name}.csv.zst"))
}

/// The same as an argument.
pub fn argument(name: &str) -> String {
    path(name).to_str().unwrap().to_owned()
}

/// One of them, read.
pub fn open(name: &str) -> Trace {
    kernel_oracle::ingest::open(&path(name)).unwrap().trace
}

/// The first rows of one as bare CSV in a folder of its own.
pub fn small(rows: usize) -> (TempDir, PathBuf) {
    let packed = std::fs::read(path("hackbench-pipe-2g_run3")).unwrap();
    let text = String::from_utf8(zstd::stream::decode_all(&packed[..]).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.csv");
    std::fs::write(&path, text.split_inclusive('\n').take(rows + 1).collect::<String>()).unwrap();
    (dir, path)
}
