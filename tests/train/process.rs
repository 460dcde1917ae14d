//! `koracle train` as a process that one waits for and does things to.

use assert_cmd::cargo::cargo_bin;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A small network.
pub const TINY: [&str; 10] =
    ["--channels", "8", "--taps", "2", "--blocks", "3", "--hidden", "16", "--hidden2", "8"];

/// The program with these arguments, on these recordings.
pub fn koracle(traces: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin("koracle"));
    command.args(args).env("KORACLE_TRACES", traces).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

/// Far longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);

/// Waits until `ready`, or until the process is gone.
pub fn wait_for(child: &mut Child, ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !ready() && child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < DEADLINE, "never happened");
        std::thread::sleep(Duration::from_millis(1));
    }
}
