//! Any bytes at all, as the layouts and pages of a kernel's ring buffer: decoding must end in events or an error, never in
//! a panic, and what it gives must hold together. Run with `cargo +nightly fuzz run ringbuf`; `tests/ringbuf.rs` replays
//! the corpus on stable.

#![no_main]

#[path = "../ringbuf_case.rs"]
mod ringbuf_case;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    ringbuf_case::check(bytes);
});
