//! Any bytes at all, as a recording: reading must end in a trace or an error, never in a panic, and what it gives must
//! hold together. Run with `cargo +nightly fuzz run ingest`; `tests/corpus.rs` replays the corpus on stable.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(opened) = kernel_oracle::ingest::read(bytes.to_vec(), "fuzz") {
        let trace = opened.trace;
        assert!(trace.times().is_sorted());
        assert!(trace.events().all(|e| e.cpu.ix() < trace.cpus()));
    }
});
