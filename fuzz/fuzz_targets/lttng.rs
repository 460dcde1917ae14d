//! The fuzzer's door to the case `lttng` of `fuzz/cases`.

#![no_main]

#[path = "../cases/mod.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    cases::run("lttng", bytes);
});
