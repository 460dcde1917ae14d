//! The program, run with arguments, and what it says.

use assert_cmd::Command;
use serde_json::Value;
use std::process::Output;

/// The program with these arguments, without colours, its cache in the folder of the build.
pub fn koracle(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("koracle").unwrap();
    command.args(args).env("NO_COLOR", "1").env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// However it ends.
pub fn output(args: &[&str]) -> Output {
    koracle(args).output().unwrap()
}

/// What it prints; it must succeed.
pub fn bytes(args: &[&str]) -> Vec<u8> {
    let out = output(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// The same as text.
pub fn text(args: &[&str]) -> String {
    String::from_utf8(bytes(args)).unwrap()
}

/// The same as JSON.
pub fn json(args: &[&str]) -> Value {
    serde_json::from_slice(&bytes(args)).unwrap()
}

/// It ends with this exit code, says this among other things, and prints nothing.
pub fn fails(args: &[&str], code: i32, says: &str) {
    let out = output(args);
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?} says {said:?}, not {says:?}");
    assert!(out.stdout.is_empty(), "{args:?}: nothing on standard output");
}
