//! Whose a temporary file is: its name holds number and start of the process that writes it, so
//! that one whose process is gone is known for certain. `.koracle-PID-START-RANDOM.tmp`; nothing of
//! another form is ever ours.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Letters and digits that tell the files of one process apart.
pub const RANDOM: usize = 6;
const PREFIX: &str = ".koracle-";
const SUFFIX: &str = ".tmp";

/// What stands before and after the random part of a name of this process.
pub fn affixes() -> (String, &'static str) {
    let pid = std::process::id();
    (format!("{PREFIX}{pid}-{}-", process_start(pid).unwrap_or(0)), SUFFIX)
}

/// Number and start of the process in a name of exactly our form.
fn parse(name: &str) -> Option<(u32, u64)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split('-');
    let (pid, start, random) = (parts.next()?, parts.next()?, parts.next()?);
    let form = digits(pid)
        && digits(start)
        && random.len() == RANDOM
        && random.bytes().all(|b| b.is_ascii_alphanumeric());
    if !form || parts.next().is_some() {
        return None;
    }
    Some((pid.parse().ok()?, start.parse().ok()?))
}

/// Whether a file in a folder is a temporary one of some process of ours.
pub fn is_temporary(name: &str) -> bool {
    parse(name).is_some()
}

/// Whether the process of this temporary file is gone. False for all other names, and where it
/// cannot be known.
pub fn is_dead(name: &str) -> bool {
    let known = parse(name).filter(|(_, start)| *start > 0);
    known.is_some_and(|(pid, begun)| {
        process_start(std::process::id()).is_some() && process_start(pid) != Some(begun)
    })
}

/// When a process began, in ticks since the machine did; `None` when there is no such process, or
/// only what is left of it for its parent.
pub fn process_start(pid: u32) -> Option<u64> {
    let text =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name of the program, in parentheses, may hold anything; state and start are first and
    // twentieth behind it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (state != "Z").then_some(start)
}

/// The user that this process acts as.
pub fn user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|m| m.uid())
}
