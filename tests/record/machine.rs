//! The machine that the recording tests record: whether it lets itself be recorded, and whether it is afterwards as it
//! was before. One recording test at a time, whichever program it is in.

#![allow(dead_code)] // not every program that takes this in needs all of it

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const TRACEFS: &str = "/sys/kernel/tracing";
pub const SSHD: &str = "/usr/sbin/sshd";

/// Everything a recording must leave as it found it.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    /// The shared trace buffer's settings.
    top: Vec<String>,
    /// Instances and temporary folders of recordings.
    ours: Vec<PathBuf>,
}

impl State {
    fn now() -> Self {
        let files = ["tracing_on", "set_event", "trace_clock", "current_tracer", "buffer_size_kb", "options/overwrite"];
        let top = files.map(|f| std::fs::read_to_string(Path::new(TRACEFS).join(f)).unwrap()).to_vec();
        Self { top, ours: [instances(), ours_in("/dev/shm")].concat() }
    }
}

fn ours_in(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|d| d.path());
    let mut ours: Vec<PathBuf> = entries.filter(|p| p.to_string_lossy().contains("/koracle-")).collect();
    ours.sort();
    ours
}

/// Trace instances of recordings.
pub fn instances() -> Vec<PathBuf> {
    ours_in(Path::new(TRACEFS).join("instances"))
}

/// The pid of the plan's shell, which an instance has in its name.
pub fn plan_of(instance: &Path) -> String {
    let name = instance.file_name().unwrap().to_string_lossy().into_owned();
    name.split('-').nth(1).unwrap().to_owned()
}

pub fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(program).is_file()))
}

/// Says that `test` is skipped for want of `missing`; with `KORACLE_CI` set that is a failure.
pub fn skip(test: &str, missing: &str) {
    assert!(std::env::var_os("KORACLE_CI").is_none(), "{test} needs {missing}");
    println!("skipped: {test}: needs {missing}");
}

/// The machine, for one test.
pub struct Machine {
    _alone: File,
    before: State,
}

impl Machine {
    /// `None`, after saying so, where `test` cannot be done.
    pub fn get(test: &str, tools: &[&str]) -> Option<Self> {
        // Only root may look at the instances.
        if std::fs::read_dir(Path::new(TRACEFS).join("instances")).is_err() {
            skip(test, "root and tracefs");
            return None;
        }
        if let Some(tool) = tools.iter().find(|t| !has(t)) {
            skip(test, tool);
            return None;
        }
        let alone = File::create(std::env::temp_dir().join("koracle-recording-tests.lock")).unwrap();
        alone.lock().unwrap();
        Some(Self { _alone: alone, before: State::now() })
    }

    /// Waits until the machine is as it was, and says how long that took.
    pub fn is_as_before(&self, after: &str) {
        let waited = until(after, || State::now() == self.before);
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
    let sent = std::process::Command::new("kill").arg(format!("-{name}")).args(pids).status().unwrap();
    assert!(sent.success(), "kill -{name} {pids:?}");
}

/// The children of a process.
pub fn children(pid: u32) -> Vec<String> {
    let found = std::process::Command::new("pgrep").args(["-P", &pid.to_string()]).output().unwrap();
    String::from_utf8(found.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}
