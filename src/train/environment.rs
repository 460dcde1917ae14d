//! Where a run took place: kept with it, so that a figure of it can be explained later.

use super::Target;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One session of a run, from its start or a resumption to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Kernel release.
    pub kernel: String,
    /// CPU model.
    pub cpu: String,
    /// CPUs that the program may use; a run uses one thread.
    pub cpus: usize,
    /// Threads of the run.
    pub threads: usize,
    /// Where passes and steps are computed.
    pub device: String,
    /// Version of the program.
    pub version: String,
    /// Revision of its source.
    pub revision: String,
    /// The command line.
    pub command: String,
    /// When the session began, seconds since 1970 UTC.
    pub unix_time: u64,
}

impl Environment {
    /// This machine, now. What cannot be found out stays empty.
    pub fn now(command: &str, revision: &str, device: Target) -> Self {
        let read =
            |file: &str| std::fs::read_to_string(Path::new("/proc").join(file)).unwrap_or_default();
        let cpu = read("cpuinfo");
        let field = |name: &str| {
            let line = cpu.lines().find(|l| l.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        Self {
            kernel: read("sys/kernel/osrelease").trim().into(),
            cpu: field("model name").or_else(|| field("CPU implementer")).unwrap_or_default(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            threads: 1,
            device: device.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            revision: revision.into(),
            command: command.into(),
            unix_time: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_secs()),
        }
    }
}

/// The revision of the source tree this program was built from, if it is still there under git.
pub fn revision() -> String {
    let git = |args: &[&str]| {
        let out = std::process::Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(args)
            .output()
            .ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"])
        .is_some_and(|changes| !changes.is_empty());
    git(&["rev-parse", "HEAD"])
        .map(|head| if dirty { head + "-dirty" } else { head })
        .unwrap_or_default()
}
