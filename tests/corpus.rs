//! Replays the fuzzer's corpus on stable: any bytes end in a trace or an error, and a trace holds
//! together. Each file is also cut at many places and has bytes flipped, so that the corpus guards
//! its neighbourhood too. The check is the one of `fuzz/fuzz_targets/ingest.rs`.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::ingest;
use std::path::PathBuf;

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/ingest");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect()
}

/// Reads `bytes`, checks what came out, and says how many events.
fn check(bytes: Vec<u8>) -> usize {
    let Ok(opened) = ingest::read(bytes, "corpus") else { return 0 };
    let trace = opened.trace;
    assert!(trace.times().is_sorted());
    assert!(trace.events().all(|e| e.cpu.ix() < trace.cpus()));
    trace.len()
}

#[test]
fn every_file_of_the_corpus_still_gives_events() {
    let files = corpus();
    assert!(files.len() >= 7, "the corpus is gone");
    for (path, bytes) in files {
        assert!(check(bytes) > 0, "{}: no events", path.display());
    }
}

#[test]
fn cut_anywhere_it_ends_in_a_trace_or_an_error() {
    for (_, bytes) in corpus() {
        let step = (bytes.len() / 60).max(1);
        let whole = check(bytes.clone());
        for end in (0..bytes.len()).step_by(step) {
            // One more: the line that is cut may have been a bad one and be a good one now.
            assert!(
                check(bytes[..end].to_vec()) <= whole + 1,
                "a part cannot hold more than the whole"
            );
        }
    }
}

#[test]
fn flipped_bytes_end_in_a_trace_or_an_error() {
    for (_, bytes) in corpus() {
        for (round, flip) in [0x01, 0x20, 0x80, 0xff].into_iter().enumerate() {
            for at in (round..bytes.len()).step_by((bytes.len() / 40).max(1)) {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                check(bad);
            }
        }
    }
}
