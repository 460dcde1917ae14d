//! Replays the fuzzer's corpora on stable: every input of every target ends in something that holds
//! together or in an error, as do its neighbours (cut short, with a byte flipped). The cases are
//! those of `fuzz/fuzz_targets`.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "../fuzz/cases/mod.rs"]
mod cases;

use std::collections::BTreeSet;
use std::path::PathBuf;

/// All corpora together are read in one go.
const MOST_BYTES: u64 = 400 << 10;

fn corpora() -> PathBuf {
    cases::root().join("fuzz/corpus")
}

/// The inputs of a target, by name.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(corpora().join(target)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect()
}

/// Every input, its beginnings and some flips: about `around` of either. Inputs that do not begin
/// with `bad` must still be understood.
fn replay(target: &str, around: usize) {
    let files = inputs(target);
    assert!(!files.is_empty(), "{target}: the corpus is gone");
    for (path, bytes) in files {
        let understood = cases::run(target, &bytes);
        let bad = path.file_name().unwrap().to_string_lossy().starts_with("bad");
        assert!(bad || understood > 0, "{}: refused; has the format moved on?", path.display());
        let step = bytes.len().div_ceil(around).max(1);
        for at in (0..bytes.len()).step_by(step) {
            cases::run(target, &bytes[..at]);
            let mut flipped = bytes.clone();
            flipped[at] ^= [0x01, 0x20, 0x80, 0xff][at / step % 4];
            cases::run(target, &flipped);
        }
    }
}

#[test]
fn every_target_has_a_case_a_corpus_and_a_file() {
    let names = |folder: PathBuf| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        entries.map(|p| p.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let cases: BTreeSet<String> = cases::CASES.iter().map(|c| c.0.to_owned()).collect();
    assert_eq!(names(corpora()), cases);
    assert_eq!(names(cases::root().join("fuzz/fuzz_targets")), cases);
    let manifest = std::fs::read_to_string(cases::root().join("fuzz/Cargo.toml")).unwrap();
    assert!(cases.iter().all(|c| manifest.contains(&format!("name = \"{c}\""))));
    let files = cases.iter().flat_map(|c| inputs(c)).map(|f| f.1.len() as u64);
    assert!(files.sum::<u64>() < MOST_BYTES, "keep what teaches something, minimised");
}

/// `UPDATE_CORPUS=1 cargo test --test fuzz_corpus seeds` keeps them after a change of the layout.
#[test]
fn seeds_of_todays_layout_are_understood() {
    for (target, bytes) in cases::seeds() {
        assert!(cases::run(target, &bytes) > 0, "{target}");
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            let folder = corpora().join(target);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("seed"), bytes).unwrap();
        }
    }
}

#[test]
fn recordings_end_in_a_trace_or_an_error() {
    replay("ingest", 60);
    replay("beside", 40);
}

#[test]
fn every_reader_of_its_own() {
    for reader in
        ["perf_data", "trace_dat", "perfetto", "perf_script", "perf_sched_map", "systrace", "lttng"]
    {
        replay(reader, 40);
    }
}

#[test]
fn whatever_a_recording_says_it_is_answered() {
    replay("answer", 24);
}

#[test]
fn pages_of_a_ring_buffer() {
    replay("ringbuf", 40);
}

#[test]
fn what_a_recorded_machine_sends() {
    replay("frames", 40);
}

#[test]
fn names_of_machines_and_typed_commands() {
    replay("hosts", 30);
    replay("words", 60);
}

#[test]
fn filters() {
    replay("filter", 60);
}

#[test]
fn model_files() {
    replay("model", 60);
}

#[test]
fn folders_of_runs() {
    replay("run", 60);
}

#[test]
fn checkpoints() {
    replay("checkpoint", 40);
}

#[test]
fn whole_screens() {
    replay("screen", 24);
}
