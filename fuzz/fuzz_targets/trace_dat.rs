//! The fuzzer's door to the case `trace_dat` of `fuzz/cases`.

#![no_main]

#[path = "../cases/mod.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    cases::run("trace_dat", bytes);
});
