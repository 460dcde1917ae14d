//! From what a person asks for to a [`Plan`]: the limits of its numbers, a workload of the catalog
//! or a command of their own, called after the file that the recording gets. The command line and
//! the interface share it.

use super::workloads::Workload;
use super::{Plan, Target};
use std::ops::RangeInclusive;
use std::path::Path;

/// The longest a workload may run, in seconds.
pub const SECONDS: RangeInclusive<i64> = 1..=86_400;
/// Ring buffer of each CPU, in KB.
pub const BUFFER_KB: RangeInclusive<i64> = 64..=1_048_576;

/// What runs while it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A workload of the catalog.
    Workload(&'static Workload),
    /// A program and its arguments.
    Command(Vec<String>),
    /// Nothing of ours: what happens there anyway.
    Anything,
}

impl What {
    /// Name of the workload, or of the program without its folder.
    pub fn name(&self) -> String {
        match self {
            Self::Workload(w) => w.name.into(),
            Self::Anything => "anything".into(),
            Self::Command(words) => {
                let file = words.first().and_then(|program| Path::new(program).file_name());
                file.map_or_else(|| "command".into(), |n| n.to_string_lossy().into_owned())
            }
        }
    }
}

/// How it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// After so many seconds the workload is ended.
    pub seconds: u32,
    /// Ring buffer of each CPU.
    pub buffer_kb: u32,
    /// Records `sched_stat_runtime` too.
    pub runtime: bool,
    /// Records `sched_waking` too.
    pub waking: bool,
    /// Records the kernel's own state at switches too.
    pub truth: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seconds: 5, buffer_kb: 16_384, runtime: false, waking: false, truth: false }
    }
}

impl Plan {
    /// The plan for `what` on `target`; a name and a number are still to be given (see
    /// [`Plan::named`]).
    pub fn new(target: Target, what: &What, settings: Settings) -> Self {
        let seconds = settings.seconds;
        let (category, command, shown, needs) = match what {
            What::Workload(w) => (
                w.category,
                w.command(seconds),
                format!("koracle workload {} for {seconds} s: {}", w.name, w.script),
                w.needs.iter().map(|(tool, package)| ((*tool).into(), (*package).into())).collect(),
            ),
            What::Command(words) => ("own", words.clone(), words.join(" "), Vec::new()),
            What::Anything => {
                let shown = format!("what runs there anyway, for {seconds} s");
                ("own", vec!["sleep".into(), seconds.to_string()], shown, Vec::new())
            }
        };
        // It ends by itself.
        let spare = if *what == What::Anything { 2 } else { 0 };
        let (workload, category) = (what.name(), category.into());
        let (name, run) = (String::new(), 0);
        Self { target, name, run, workload, category, command, shown, needs, settings, spare }
    }

    /// The same, called after the file that it will be in. `None` when that is no name of a native
    /// recording.
    #[must_use]
    pub fn named(mut self, path: &Path, run: u32) -> Option<Self> {
        let file = path.file_name()?.to_string_lossy().into_owned();
        let bare = [".csv.zst", ".csv"]
            .iter()
            .find_map(|e| file.strip_suffix(e))
            .filter(|n| !n.is_empty())?;
        // A name that says its run is right.
        let told = bare.rsplit_once("_run").and_then(|(_, n)| n.parse().ok());
        (self.name, self.run) = (bare.into(), told.unwrap_or(run));
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::workloads;

    #[test]
    fn a_plan_is_named_after_its_file() {
        let what = What::Workload(workloads::find("cpu-bound-4p").unwrap());
        let plan = Plan::new(Target::Local, &what, Settings::default())
            .named(Path::new("a/b_run3.csv.zst"), 3)
            .unwrap();
        assert_eq!(
            (plan.name.as_str(), plan.run, plan.workload.as_str()),
            ("b_run3", 3, "cpu-bound-4p")
        );
        assert_eq!(
            (plan.category.as_str(), plan.command.last().map(String::as_str)),
            ("cpu_bound", Some("5"))
        );
        let own = What::Command(vec!["/usr/bin/make".into(), "-j4".into()]);
        let plan = Plan::new(Target::Local, &own, Settings::default());
        assert_eq!((plan.workload.as_str(), plan.shown.as_str()), ("make", "/usr/bin/make -j4"));
        let plan = Plan::new(
            Target::Local,
            &What::Anything,
            Settings { seconds: 10, ..Settings::default() },
        );
        assert_eq!(
            (plan.workload.as_str(), plan.command.join(" ").as_str()),
            ("anything", "sleep 10")
        );
        assert_eq!(
            (plan.settings.seconds, plan.spare),
            (10, 2),
            "it ends by itself after the time that is shown"
        );
        assert_eq!(plan.shown, "what runs there anyway, for 10 s");
        for bad in ["x.zst", ".csv", "csv", "/"] {
            assert!(plan.clone().named(Path::new(bad), 0).is_none(), "{bad}");
        }
        assert_eq!(What::Command(vec!["..".into()]).name(), "command");
    }
}
