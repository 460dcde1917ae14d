//! What is known about a recording besides its events; `NAME.toml` beside `NAME.csv.zst`.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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

/// CPUs of a machine whose name does not say how many.
pub const USUAL_CPUS: u16 = 2;

/// The first two numbers of a kernel's release, `6.1` of `6.1.0-38-amd64`; empty when it does not
/// begin with one.
pub fn series(release: &str) -> &str {
    if !release.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    let ends = release.match_indices(|c: char| !c.is_ascii_digit()).map(|(at, _)| at);
    &release[..ends.chain(std::iter::once(release.len())).nth(1).unwrap_or(release.len())]
}

/// Names a kind of machine: the series of its kernel, with its CPUs when they are known and not
/// `USUAL_CPUS`: `6.1`, `6.12x8`. Empty when the kernel is not known.
pub fn machine_name(release: &str, cpus: u16) -> String {
    match (series(release), cpus) {
        ("", _) => String::new(),
        (series, 0 | USUAL_CPUS) => series.to_owned(),
        (series, cpus) => format!("{series}x{cpus}"),
    }
}

/// Names of recordings that are shown together, from the name and the machine of each:
/// `NAME@MACHINE` where machines share a name.
pub fn told_apart(recordings: &[(String, String)]) -> Vec<String> {
    let mut machines: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, machine) in recordings {
        machines.entry(name).or_default().insert(machine);
    }
    let told = |(name, machine): &(String, String)| match machine.as_str() {
        machine if !machine.is_empty() && machines[name.as_str()].len() > 1 => {
            format!("{name}@{machine}")
        }
        _ => name.clone(),
    };
    recordings.iter().map(told).collect()
}

/// Names that several recordings share are replaced by the ends of their paths, as much as tells
/// them apart; what has no path keeps its name.
pub fn with_paths<P: AsRef<Path>>(names: &mut [String], paths: &[P]) {
    let tail = |i: usize, parts: usize| -> PathBuf {
        let all: Vec<_> = paths[i].as_ref().components().collect();
        all[all.len().saturating_sub(parts)..].iter().collect()
    };
    let shared: Vec<Vec<usize>> = (0..names.len().min(paths.len()))
        .map(|i| (0..names.len().min(paths.len())).filter(|j| names[*j] == names[i]).collect())
        .collect();
    for (i, same) in shared.iter().enumerate().filter(|(_, same)| same.len() > 1) {
        let most = same.iter().map(|j| paths[*j].as_ref().components().count()).max().unwrap_or(0);
        let is_own =
            |parts: &usize| same.iter().all(|j| *j == i || tail(*j, *parts) != tail(i, *parts));
        let own = tail(i, (1..=most).find(is_own).unwrap_or(most));
        if !own.as_os_str().is_empty() {
            names[i] = own.display().to_string();
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
    /// What was recorded of the kernel's own state; `None` in most recordings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<TruthMeta>,
}

/// How a recording came to the kernel's own state at its switches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TruthMeta {
    /// The program that read it, and its version.
    pub tool: String,
    /// Switches of the recording while the probe saw any.
    pub switches: u64,
    /// Those of them that the probe's state was found for.
    pub joined: u64,
    /// Switches that the probe saw and kept no state of.
    pub lost: u64,
    /// States in that time that belong to no switch of the recording.
    pub unmatched: u64,
    /// The longest time between a switch and its state, in ns.
    pub apart_ns: u64,
    /// What this kernel has no name for, by columns without what they begin with.
    pub missing: Vec<String>,
}

impl TruthMeta {
    /// Share of the switches with a state; 1 when there was none.
    pub fn share(&self) -> f64 {
        if self.switches == 0 { 1.0 } else { self.joined as f64 / self.switches as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_two_numbers() {
        let of = ["6.1.0-38-amd64", "6.18.44", "6.6", "6.12-rc1", "6", "", "custom"].map(series);
        assert_eq!(of, ["6.1", "6.18", "6.6", "6.12", "6", "", ""]);
    }

    #[test]
    fn names_that_machines_share_say_the_machine() {
        let of = [("a", "6.1"), ("a", "6.12x8"), ("a", ""), ("b", "6.1"), ("b", "6.1")];
        let told = told_apart(&of.map(|(name, machine)| (name.to_owned(), machine.to_owned())));
        assert_eq!(told, ["a@6.1", "a@6.12x8", "a", "b", "b"]);
    }

    #[test]
    fn names_that_files_share_become_the_ends_of_their_paths() {
        let paths = ["x/a/perf.data", "x/b/perf.data", "y/b/perf.data", "perf.data", "z/c.csv"];
        let mut names = ["perf", "perf", "perf", "perf", "c"].map(String::from);
        with_paths(&mut names, &paths);
        assert_eq!(names, ["a/perf.data", "x/b/perf.data", "y/b/perf.data", "perf.data", "c"]);
        let mut same = ["a", "a"].map(String::from);
        with_paths(&mut same, &["a.csv", "a.csv"]);
        assert_eq!(same, ["a.csv", "a.csv"]);
    }

    #[test]
    fn a_machine_is_its_kernel_and_its_cpus() {
        let of = [("6.1.0-38-amd64", 2), ("6.12.5", 8), ("6.12.5", 0), ("custom", 8)];
        assert_eq!(
            of.map(|(release, cpus)| machine_name(release, cpus)),
            ["6.1", "6.12x8", "6.12", ""]
        );
    }
}
