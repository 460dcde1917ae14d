//! The metadata file beside a recording: `NAME.toml` for `NAME.csv.zst`. What it says goes before
//! what the recording says of itself, as far as it can be believed.

use super::report::Report;
use crate::trace::{MAX_CPUS, SchedClass, TraceMeta};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A metadata file has a few lines; more than this is something else.
const LONGEST: u64 = 1 << 20;

/// A recording begins at most so late on its clock, in ns (146 years), so that every time in it can
/// be written.
const LATEST: u64 = 1 << 62;
/// Base slices in ns that make sense, and timer frequencies in Hz.
pub const SLICES: RangeInclusive<u64> = 1_000..=1_000_000_000;
/// See [`SLICES`].
pub const FREQUENCIES: RangeInclusive<u64> = 10..=10_000;

/// The metadata file of a recording: `NAME.toml` for `NAME.csv.zst`, `NAME.txt.gz`, ...
pub fn meta_path(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}.toml", stem(path)))
}

/// File name without the endings that say how it is packed and written.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let unpacked =
        [".zst", ".gz", ".xz"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
    let bare = [".csv", ".txt", ".trace", ".log"]
        .iter()
        .find_map(|e| unpacked.strip_suffix(e))
        .unwrap_or(unpacked);
    if bare.is_empty() { name } else { bare.to_owned() }
}

/// Reads it, if there is one. The error is a sentence.
pub fn read(path: &Path) -> Result<Option<TraceMeta>, String> {
    let beside = meta_path(path);
    // A pipe or a device of that name would not be ours, and would not end.
    if beside == path || !beside.is_file() {
        return Ok(None);
    }
    let said = |problem: &dyn std::fmt::Display| format!("{}: {problem}", beside.display());
    let mut text = String::new();
    match File::open(&beside).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text)) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(said(&e)),
        Ok(n) if n as u64 > LONGEST => {
            Err(said(&format!("more than {LONGEST} bytes, no metadata")))
        }
        Ok(_) => toml::from_str(&text).map(Some).map_err(|e| said(&e)),
    }
}

/// What the file beside the recording says, and where it is silent what the recording itself says.
pub fn merge(told: TraceMeta, found: TraceMeta, report: &mut Report) -> TraceMeta {
    let text = |told: String, found: String| if told.is_empty() { found } else { told };
    let number = |told: u64, found: u64| if told == 0 { found } else { told };
    let meta = TraceMeta {
        name: text(told.name, found.name),
        workload: text(told.workload, found.workload),
        category: text(told.category, found.category),
        kernel: text(told.kernel, found.kernel),
        clock: text(told.clock, found.clock),
        command: text(told.command, found.command),
        tool: text(told.tool, found.tool),
        date: text(told.date, found.date),
        note: text(told.note, found.note),
        scheduler: if told.scheduler == SchedClass::Unknown {
            found.scheduler
        } else {
            told.scheduler
        },
        cpus: told.cpus.max(found.cpus),
        lost: if told.lost.is_empty() { found.lost } else { told.lost },
        skipped: told.skipped.saturating_add(found.skipped),
        start_ns: number(told.start_ns, found.start_ns),
        slice_ns: number(told.slice_ns, found.slice_ns),
        hz: if told.hz == 0 { found.hz } else { told.hz },
        autogroup: told.autogroup.or(found.autogroup),
        emulated: told.emulated || found.emulated,
        run: told.run,
        truth: told.truth.or(found.truth),
    };
    believed(meta, report)
}

/// What of it can be used; the rest is as if it were not told.
fn believed(mut meta: TraceMeta, report: &mut Report) -> TraceMeta {
    if meta.cpus > MAX_CPUS {
        report.warn(format!(
            "the metadata say {} CPUs, more than the {MAX_CPUS} that are supported; those that \
             appear are taken",
            meta.cpus
        ));
        meta.cpus = 0;
    }
    let mut out_of_range = |value: u64, what: &str, range: RangeInclusive<u64>| {
        let wrong = value != 0 && !range.contains(&value);
        if wrong {
            report.warn(format!(
                "the metadata say {what} {value}, which is not in {} to {}: not used",
                range.start(),
                range.end()
            ));
        }
        wrong
    };
    if out_of_range(meta.start_ns, "start_ns", 0..=LATEST) {
        meta.start_ns = 0;
    }
    if out_of_range(meta.slice_ns, "slice_ns", SLICES) {
        meta.slice_ns = 0;
    }
    if out_of_range(meta.hz.into(), "hz", FREQUENCIES) {
        meta.hz = 0;
    }
    if meta.lost.len() > usize::from(MAX_CPUS) {
        meta.lost.truncate(usize::from(MAX_CPUS));
    }
    if meta.scheduler == SchedClass::Unknown {
        meta.scheduler = SchedClass::of_kernel(&meta.kernel);
    }
    meta
}
