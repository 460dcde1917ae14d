//! Reading a recording for the interface: its events, its level-of-detail index, and what went
//! wrong in words.

use crate::app::timeline::Loaded;
use crate::app::traces::{Entry, Via, kernel};
use crate::dataset::catalog::{self, Catalog};
use crate::dataset::opening::{self, StatedMachine};
use crate::ingest::{self, Report};
use crate::replay::lod::Pyramid;
use crate::trace::{SchedClass, TraceMeta};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens a recording and indexes it. The error is a sentence with file, line and byte where there
/// are such.
pub fn load(path: &Path, told: &StatedMachine) -> Result<Loaded, String> {
    let opened = opening::open(path, told).map_err(|e| e.to_string())?;
    let mut notes = notes(&opened.report, opened.trace.reordered());
    notes.extend(opened.trace.caveats());
    let pyramid = Pyramid::build(&opened.trace);
    Ok(Loaded { path: path.into(), trace: Arc::new(opened.trace), pyramid, notes })
}

/// What a reader of the recording must know, the weightiest first.
fn notes(report: &Report, reordered: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(why) = &report.truncated {
        notes.push(format!("cut short: {why}"));
    }
    let unit = report.format.unit();
    match report.skipped {
        0 => {}
        1 => notes.push(format!("1 {unit} skipped")),
        n => notes.push(format!("{n} {unit}s skipped")),
    }
    notes.extend(report.warnings.iter().cloned());
    match reordered {
        0 => {}
        1 => notes.push("1 event was out of order".into()),
        n => notes.push(format!("{n} events were out of order")),
    }
    if let Some(why) = &report.metadata_problem {
        notes.push(format!("metadata not used: {why}"));
    }
    notes.extend(report.bad.iter().map(ToString::to_string));
    notes
}

/// What can be opened: the given files, those opened before, those of the working folder, then the
/// bundled recordings, or those inside the program.
pub fn list(given: &[PathBuf], others: &Others) -> (Vec<Entry>, Option<String>) {
    let (bundled, problem) = match catalog::bundled_or_inside() {
        Err(e) => (Vec::new(), Some(e.to_string())),
        Ok((catalog, _)) => {
            (catalog.entries.iter().map(|e| entry_of_catalog(&catalog, e)).collect(), None)
        }
    };
    let mut rest = bundled;
    let mut all: Vec<Entry> = Vec::new();
    let ways = [(Via::Given, given), (Via::Recent, &others.recent), (Via::Here, &others.here)];
    for (path, via) in
        ways.into_iter().flat_map(|(via, paths)| paths.iter().map(move |path| (path, via)))
    {
        if all.iter().any(|e| is_same(&e.path, path)) {
            continue;
        }
        let known = rest.iter().position(|e| is_same(&e.path, path)).map(|at| rest.remove(at));
        all.push(known.map_or_else(|| entry_of_file(path, via), |e| Entry { via, ..e }));
    }
    all.extend(rest);
    (all, problem)
}

/// Files of the working folder that are looked at, at most.
pub const LOOKED_AT: usize = 100;

/// What else than the bundled recordings can be opened.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// Opened before, the newest first.
    pub recent: Vec<PathBuf>,
    /// In the working folder.
    pub here: Vec<PathBuf>,
}

/// Two ways to write one place.
fn is_same(a: &Path, b: &Path) -> bool {
    a == b
        || matches!((std::path::absolute(a), std::path::absolute(b)), (Ok(a), Ok(b)) if a.components().eq(b.components()))
}

fn entry_of_catalog(catalog: &Catalog, e: &catalog::Entry) -> Entry {
    let path = catalog.dir.join(&e.file);
    // CPUs and class are in the metadata beside the recording; without them the row just says less.
    let text = std::fs::read_to_string(ingest::meta_path(&path)).unwrap_or_default();
    let meta: TraceMeta = toml::from_str(&text).unwrap_or_default();
    Entry {
        name: e.name().into(),
        workload: e.workload.clone(),
        kernel: kernel(&e.kernel, SchedClass::of_kernel(&e.kernel)),
        cpus: meta.cpus,
        split: e.split.label().into(),
        bytes: std::fs::metadata(&path).map_or(0, |m| m.len()),
        path,
        ..Entry::default()
    }
}

fn entry_of_file(path: &Path, via: Via) -> Entry {
    let name = ingest::name(path);
    let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    Entry { path: path.into(), name, bytes, via, ..Entry::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_two_are_many() {
        let notes = |skipped, reordered| notes(&Report { skipped, ..Report::default() }, reordered);
        assert!(notes(0, 0).is_empty());
        assert_eq!(notes(1, 1), ["1 line skipped", "1 event was out of order"]);
        assert_eq!(notes(2, 3), ["2 lines skipped", "3 events were out of order"]);
    }
}
