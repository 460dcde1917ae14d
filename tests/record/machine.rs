//! The machine that the recording tests record: whether it lets itself be recorded, and whether
//! what a recording makes is gone afterwards. One recording test at a time, whichever program it is
//! in.

#![allow(dead_code)] // not every program that takes this in needs all of it

#[path = "../environment/mod.rs"]
pub mod environment;

pub use environment::{Need, has, skip};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const TRACEFS: &str = "/sys/kernel/tracing";
pub const SSHD: &str = "/usr/sbin/sshd";

/// Instances and temporary folders with the very name of a recording of this boot; those of others
/// are not looked at.
fn ours() -> Vec<PathBuf> {
    let mut ours =
        [instances(), ours_in("/dev/shm"), ours_in(std::env::temp_dir()), ours_in("/var/tmp")]
            .concat();
    ours.sort();
    ours.dedup();
    ours
}

/// The end of each recording's name: part of the boot's random number, and the pid namespace.
pub fn boot_and_space() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap().to_string_lossy().into_owned();
    let space = space.trim_start_matches("pid:[").trim_end_matches(']');
    format!("{}-{space}", boot.trim().rsplit('-').next().unwrap())
}

fn ours_in(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mark = boot_and_space();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|d| d.path());
    entries
        .filter(|p| {
            let name = p.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("koracle-") && name.contains(&mark)
        })
        .collect()
}

fn instances() -> Vec<PathBuf> {
    ours_in(Path::new(TRACEFS).join("instances"))
}

/// The pid of the plan's shell, which an instance has in its name.
pub fn plan_of(instance: &Path) -> String {
    let name = instance.file_name().unwrap().to_string_lossy().into_owned();
    name.split('-').nth(1).unwrap().to_owned()
}

/// The machine, for one test.
pub struct Machine {
    _alone: File,
    before: Vec<PathBuf>,
}

impl Machine {
    /// `None`, after saying so, where `test` cannot be done.
    pub fn get(test: &str, tools: &[&'static str]) -> Option<Self> {
        // Only root may look at the instances.
        if std::fs::read_dir(Path::new(TRACEFS).join("instances")).is_err() {
            skip(test, Need::Root);
            return None;
        }
        if let Some(tool) = tools.iter().find(|t| !has(t)) {
            skip(test, Need::Tool(tool));
            return None;
        }
        let alone =
            File::create(std::env::temp_dir().join("koracle-recording-tests.lock")).unwrap();
        alone.lock().unwrap();
        Some(Self { _alone: alone, before: ours() })
    }

    /// Trace instances of recordings that began after this test did.
    pub fn new_instances(&self) -> Vec<PathBuf> {
        instances().into_iter().filter(|i| !self.before.contains(i)).collect()
    }

    /// Waits until nothing of a recording is there that was not there before, and says how long
    /// that took.
    pub fn is_as_before(&self, after: &str) {
        let waited = until(after, || ours().iter().all(|p| self.before.contains(p)));
        println!("as before {:.1} s after {after}", waited.as_secs_f64());
    }
}

/// Waits until something is so; a busy machine gets a minute.
pub fn until(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_mins(1), "still waiting: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    start.elapsed()
}

/// Sends a signal to these processes.
pub fn signal(name: &str, pids: &[String]) {
    let sent =
        std::process::Command::new("kill").arg(format!("-{name}")).args(pids).status().unwrap();
    assert!(sent.success(), "kill -{name} {pids:?}");
}

/// The children of a process.
pub fn children(pid: u32) -> Vec<String> {
    let found =
        std::process::Command::new("pgrep").args(["-P", &pid.to_string()]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}
