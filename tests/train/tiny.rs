//! The smallest thing that can be trained on: two short real recordings, one to fit to and one to
//! choose by.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Copies them into `dir`, with a catalog.
pub fn tiny_catalog(dir: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut list = String::new();
    for (run, split) in [(0, "train"), (2, "validation")] {
        let name = format!("sysbench-cpu-4t_run{run}");
        for end in ["csv.zst", "toml"] {
            std::fs::copy(from.join(format!("{name}.{end}")), dir.join(format!("{name}.{end}")))
                .unwrap();
        }
        write!(
            list,
            "[[trace]]\nfile = \"{name}.csv.zst\"\nworkload = \"w\"\ncategory = \"c\"\nrun = {run}\nkernel = \"6\"\nsplit = \"{split}\"\n"
        )
        .unwrap();
    }
    std::fs::write(dir.join("catalog.toml"), list).unwrap();
    dir.into()
}
