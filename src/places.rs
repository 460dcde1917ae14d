//! Where files are: the user's folders (XDG), and what comes with the program. Reads no file; makes
//! no folder.

use etcetera::BaseStrategy;
use std::path::{Path, PathBuf};

/// What cargo puts into every folder that it builds in.
const BUILDS: &str = "CACHEDIR.TAG";

/// A kind of folder that a user has (XDG).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// What can be made again: predictions, machines, recordings that are inside the program.
    Cache,
    /// Settings and filters.
    Config,
    /// What was made: runs.
    Data,
    /// What was opened.
    State,
}

impl User {
    /// `koracle` in this folder of the user; it may not be there. `None` without a home.
    pub fn folder(self) -> Option<PathBuf> {
        let user = etcetera::choose_base_strategy().ok()?;
        let folder = match self {
            Self::Cache => user.cache_dir(),
            Self::Config => user.config_dir(),
            Self::Data => user.data_dir(),
            Self::State => user.state_dir()?,
        };
        Some(folder.join("koracle"))
    }
}

/// The first of these that holds `file`: the working folder, the program's folder and those above
/// it, `koracle` in the user's data folder (XDG), and the project that the program was built from,
/// while it lies where cargo put it. A program that was copied away from its project does not find
/// the project: what it then has is inside it.
pub fn find(file: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut places = vec![PathBuf::from(".")];
    places.extend(program.ancestors().skip(1).map(Path::to_path_buf));
    places.extend(User::Data.folder());
    if program.ancestors().skip(1).any(|folder| folder.join(BUILDS).is_file()) {
        places.push(project.into());
    }
    places.iter().map(|place| place.join(file)).find(|path| path.is_file())
}
