//! Where files that come with the program are looked for, in one order for recordings and models. A
//! program that was copied away from its project does not find the project: what it then has is
//! inside it ([`super::inside`]).

use etcetera::BaseStrategy;
use std::path::{Path, PathBuf};

/// What cargo puts into every folder that it builds in.
const BUILDS: &str = "CACHEDIR.TAG";

/// The first of these that holds `file`: the working folder, the program's folder and those above
/// it, `koracle` in the user's data folder (XDG), and the project that the program was built from,
/// while it lies where cargo put it.
pub fn find(file: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    let data = etcetera::choose_base_strategy().ok().map(|user| user.data_dir().join("koracle"));
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut places = vec![PathBuf::from(".")];
    places.extend(program.ancestors().skip(1).map(Path::to_path_buf));
    places.extend(data);
    if program.ancestors().skip(1).any(|folder| folder.join(BUILDS).is_file()) {
        places.push(project.into());
    }
    places.iter().map(|place| place.join(file)).find(|path| path.is_file())
}
