//! What is known about a recording besides its events; `NAME.toml` beside `NAME.csv.zst`.

use serde::{Deserialize, Serialize};

/// The fair scheduling class that made the decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchedClass {
    /// Completely Fair Scheduler, kernels before 6.6.
    Cfs,
    /// Earliest Eligible Virtual Deadline First, kernels from 6.6.
    Eevdf,
    /// The recording does not say.
    #[default]
    Unknown,
}

impl SchedClass {
    /// By kernel release, e.g. `6.1.0-38-amd64`.
    pub fn of_kernel(release: &str) -> Self {
        let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= (6, 6) => Self::Eevdf,
            (Some(Ok(_)), Some(Ok(_))) => Self::Cfs,
            _ => Self::Unknown,
        }
    }

    /// For display.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cfs => "CFS",
            Self::Eevdf => "EEVDF",
            Self::Unknown => "?",
        }
    }
}

/// Metadata of a recording. Every field has a default, so that a bare event file opens too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceMeta {
    /// Name of the recording, e.g. `hackbench-pipe-4g_run0`.
    pub name: String,
    /// Workload name, e.g. `hackbench-pipe-4g`.
    pub workload: String,
    /// Family of workloads, the unit that is held out for "unseen".
    pub category: String,
    /// Number of the run of this workload.
    pub run: u32,
    /// Kernel release (`uname -r`).
    pub kernel: String,
    /// Scheduling class of fair tasks.
    pub scheduler: SchedClass,
    /// CPUs of the machine (0: not known).
    pub cpus: u16,
    /// Trace clock (`mono`, `local`, ...).
    pub clock: String,
    /// The command that was run.
    pub command: String,
    /// Events that the kernel lost, per CPU.
    pub lost: Vec<u64>,
    /// Lines of the original recording that could not be used.
    pub skipped: u64,
    /// Program and version that wrote this file.
    pub tool: String,
    /// When it was recorded, RFC 3339.
    pub date: String,
    /// Clock value of the first event in ns.
    pub start_ns: u64,
    /// Timer frequency of the kernel (`CONFIG_HZ`), 0: not known.
    pub hz: u32,
    /// Base slice in ns (`se.slice`), 0: not known.
    pub slice_ns: u64,
    /// Whether autogroup scheduling was on, if known.
    pub autogroup: Option<bool>,
    /// True when the CPUs were emulated: durations are stretched.
    pub emulated: bool,
    /// Anything else worth saying.
    pub note: String,
}
