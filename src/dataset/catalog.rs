//! The bundled recordings and the split each belongs to (`traces/catalog.toml`). The split is by
//! run inside a workload: choices are made on validation runs, test runs are looked at once.

pub use super::inside::FILE;

use super::inside;
use crate::places;
use crate::trace::{SchedClass, machine_name};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Names a folder of recordings to be used instead of the bundled one.
pub const ENV: &str = "KORACLE_TRACES";

/// Said when there is no such folder.
pub const NOT_FOUND: &str = "the bundled recordings are not found; KORACLE_TRACES names their \
                             folder";

/// What a run may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Weights are fitted to it.
    Train,
    /// Choices (epoch, size, learning rate) are made on it.
    Validation,
    /// Reported on, and not used for anything else.
    Test,
}

impl Split {
    /// As in the catalog.
    pub fn label(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Train, Self::Validation, Self::Test];
        let hit = all.into_iter().find(|s| s.label() == text);
        hit.ok_or_else(|| format!("{text:?} is no split: train, validation or test"))
    }
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Event file, relative to the catalog's folder.
    pub file: String,
    /// Workload name.
    pub workload: String,
    /// Family of workloads, the unit that is held out for "unseen".
    pub category: String,
    /// Number of the run of this workload on this kernel.
    pub run: u32,
    /// Kernel release that made the decisions.
    pub kernel: String,
    /// CPUs of the machine; 0 where the list does not say.
    #[serde(default)]
    pub cpus: u16,
    /// What it may be used for.
    pub split: Split,
}

impl Entry {
    /// The recording's name: its file without the endings of the name.
    pub fn name(&self) -> &str {
        let start = self.file.rfind('/').map_or(0, |slash| slash + 1);
        let end = self.file[start..].find('.').map_or(self.file.len(), |dot| start + dot);
        &self.file[..end]
    }

    /// The machine that it was recorded on, see [`machine_name`].
    pub fn machine(&self) -> String {
        machine_name(&self.kernel, self.cpus)
    }
}

/// What a training can be told to see or not to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Categories of the recordings, sorted.
    pub categories: Vec<String>,
    /// Machines that they were recorded on, sorted.
    pub machines: Vec<String>,
}

/// Which entries to take; an empty list takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Of this split.
    pub split: Option<Split>,
    /// Of one of these categories.
    pub categories: Vec<String>,
    /// Of one of these workloads.
    pub workloads: Vec<String>,
    /// Of one of these kernels: a release or its beginning up to a dot or dash (`6.1`), or a class
    /// (`CFS`, `EEVDF`).
    pub kernels: Vec<String>,
    /// Of one of these machines, by name (`6.12x8`).
    pub machines: Vec<String>,
    /// Of none of these categories and machines.
    pub hold_out: Vec<String>,
}

impl Filter {
    /// True when the entry is to be taken.
    pub fn takes(&self, entry: &Entry) -> bool {
        let one_of = |list: &[String], what: &String| list.is_empty() || list.contains(what);
        self.split.is_none_or(|s| s == entry.split)
            && one_of(&self.categories, &entry.category)
            && one_of(&self.workloads, &entry.workload)
            && (self.kernels.is_empty() || self.kernels.iter().any(|k| is_kernel(&entry.kernel, k)))
            && (self.machines.is_empty() || self.machines.contains(&entry.machine()))
            && !self.hold_out.iter().any(|out| *out == entry.category || *out == entry.machine())
    }
}

/// True when `release` is a kernel of this series or class. 6.18 is not of series 6.1.
pub fn is_kernel(release: &str, wanted: &str) -> bool {
    let class = SchedClass::of_kernel(release);
    let rest = release.strip_prefix(wanted.trim_end_matches('.'));
    rest.is_some_and(|r| !r.starts_with(|c: char| c.is_ascii_alphanumeric()))
        || (class != SchedClass::Unknown && class.label().eq_ignore_ascii_case(wanted))
}

/// Why a catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The list cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The list is not as it should be; the message names line and column.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The list.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// Recordings that the list names are not there.
    #[error("{}: names recordings that are not there: {}", path.display(), files.join(", "))]
    Missing {
        /// The list.
        path: PathBuf,
        /// The files.
        files: Vec<String>,
    },
    /// The recordings inside the program cannot be unpacked.
    #[error(
        "no folder of recordings was found, and those inside the program cannot be unpacked: {0}"
    )]
    Inside(std::io::Error),
    /// A recording is named twice: it could be in two splits.
    #[error("{}: names {file} twice", path.display())]
    Twice {
        /// The list.
        path: PathBuf,
        /// The file.
        file: String,
    },
}

/// A folder of recordings with known splits.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The folder.
    pub dir: PathBuf,
    /// The recordings, in the order of the list.
    pub entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    trace: Vec<Entry>,
}

impl Catalog {
    /// Reads `dir/catalog.toml` and looks whether every recording is there.
    pub fn load(dir: &Path) -> Result<Self, CatalogError> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| CatalogError::Io { path: path.clone(), source })?;
        let listing: Listing = toml::from_str(&text).map_err(|source| CatalogError::Syntax {
            path: path.clone(),
            source: Box::new(source),
        })?;
        let entries = listing.trace;
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = entries.iter().find(|e| !seen.insert(e.file.as_str())) {
            return Err(CatalogError::Twice { path, file: twice.file.clone() });
        }
        let gone = entries.iter().filter(|e| !dir.join(&e.file).is_file());
        let files: Vec<String> = gone.map(|e| e.file.clone()).collect();
        if !files.is_empty() {
            return Err(CatalogError::Missing { path, files });
        }
        Ok(Self { dir: dir.into(), entries })
    }

    /// Where the recording is.
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.dir.join(&entry.file)
    }

    /// The entries that the filter takes.
    pub fn select<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|e| filter.takes(e))
    }

    /// Names in the filter that no recording has, so that a misspelt one is not taken for an empty
    /// one.
    pub fn unknown(&self, filter: &Filter) -> Option<String> {
        let has = |is: &dyn Fn(&Entry) -> bool| self.entries.iter().any(is);
        let category = filter.categories.iter().find(|c| !has(&|e| e.category == **c));
        let machine = filter.machines.iter().find(|m| !has(&|e| e.machine() == **m));
        let out =
            filter.hold_out.iter().find(|o| !has(&|e| e.category == **o || e.machine() == **o));
        let workload = filter.workloads.iter().find(|w| !has(&|e| e.workload == **w));
        let kernel = filter.kernels.iter().find(|k| !has(&|e| is_kernel(&e.kernel, k)));
        let none = |what: &str, name: &String, mut known: Vec<String>| {
            known.sort_unstable();
            known.dedup();
            format!("no recording of {what} {name}; there are {}", known.join(", "))
        };
        let all = |of: fn(&Entry) -> String| self.entries.iter().map(of).collect::<Vec<_>>();
        let categories = || all(|e| e.category.clone());
        let machines = || all(Entry::machine);
        category
            .map(|name| none("category", name, categories()))
            .or_else(|| workload.map(|name| none("workload", name, all(|e| e.workload.clone()))))
            .or_else(|| kernel.map(|name| none("kernel", name, all(|e| e.kernel.clone()))))
            .or_else(|| machine.map(|name| none("machine", name, machines())))
            .or_else(|| {
                out.map(|name| {
                    none("category or machine", name, [categories(), machines()].concat())
                })
            })
    }

    /// What a training may be told of them.
    pub fn kinds(&self) -> Kinds {
        let categories = self.categories().into_iter().map(str::to_owned).collect();
        Kinds { categories, machines: self.machines() }
    }

    /// The machines' names, sorted.
    pub fn machines(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(Entry::machine)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// All categories, sorted.
    pub fn categories(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|e| e.category.as_str())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

/// The folder of the bundled recordings: what [`ENV`] names, else the first `traces` with a catalog
/// where [`places::find`] looks. `None` when there is none.
pub fn bundled_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(ENV).filter(|d| !d.is_empty()) {
        // Also when it has no catalog: the error then names what was asked for.
        return Some(dir.into());
    }
    places::find(&format!("traces/{FILE}"))?.parent().map(Path::to_path_buf)
}

/// The catalog at [`bundled_dir`], else that of the two recordings inside the program; true for
/// those.
pub fn bundled_or_inside() -> Result<(Catalog, bool), CatalogError> {
    if let Some(dir) = bundled_dir() {
        return Ok((Catalog::load(&dir)?, false));
    }
    let dir = inside::unpacked().map_err(CatalogError::Inside)?;
    Ok((Catalog::load(&dir)?, true))
}
