//! A recording in the list of those that can be opened.

use crate::trace::SchedClass;
use std::path::PathBuf;

/// A kernel as lists and headings name it, e.g. `6.18.44 EEVDF`: the distribution's part of a
/// release (`-cloud-amd64`, `+deb13`) has no room. Empty where nothing is known of it.
pub fn kernel(release: &str, class: SchedClass) -> String {
    let release = release.split(['-', '+']).next().unwrap_or_default();
    if release.is_empty() { String::new() } else { format!("{release} {}", class.label()) }
}

/// How a recording came into the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// It comes with the program.
    #[default]
    Bundled,
    /// Given on the command line, or just recorded.
    Given,
    /// Opened in an earlier session.
    Recent,
    /// It lies in the working folder.
    Here,
}

impl Via {
    /// A word for the list.
    pub fn label(self) -> &'static str {
        match self {
            Self::Bundled => "",
            Self::Given => "given",
            Self::Recent => "recent",
            Self::Here => "here",
        }
    }
}

/// One row of the Traces screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// Name of the recording.
    pub name: String,
    /// Workload, when the metadata say.
    pub workload: String,
    /// Kernel release and scheduler, e.g. `6.18.44 EEVDF`.
    pub kernel: String,
    /// CPUs, 0 when not known.
    pub cpus: u16,
    /// Events, when known (after it was opened).
    pub events: Option<u64>,
    /// `train`, `validation`, `test`, or empty.
    pub split: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// How it came into the list.
    pub via: Via,
    /// Why it could not be opened.
    pub error: Option<String>,
    /// What was skipped or cut when it was opened, in words.
    pub notes: Vec<String>,
}
