//! The fuzzer's door to the case `perf_sched_map` of `fuzz/cases`.

#![no_main]

#[path = "../cases/mod.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    cases::run("perf_sched_map", bytes);
});
