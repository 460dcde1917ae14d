//! What the fuzzer and `cargo test` do with bytes that came from elsewhere: one function for each
//! door through which such bytes come in. Each ends in a value that holds together or in an error,
//! never in a panic, and says how much it understood (0: the bytes were refused), so that a test
//! notices when a corpus has gone stale.

mod live;
mod other;
#[path = "../ringbuf_case.rs"]
mod ringbuf;
mod runs;
mod screen;
mod text;

use kernel_oracle::ingest::Format;
use std::path::PathBuf;

/// Takes bytes, says how much of them made sense.
pub type Case = fn(&[u8]) -> usize;

/// Every target by its name, which is that of its corpus and of its file in `fuzz_targets`.
pub const CASES: [(&str, Case); 19] = [
    ("ingest", text::ingest),
    ("perf_data", |bytes| text::read_as(Format::PerfData, bytes)),
    ("trace_dat", |bytes| text::read_as(Format::TraceDat, bytes)),
    ("perfetto", |bytes| text::read_as(Format::Perfetto, bytes)),
    ("perf_script", |bytes| text::read_as(Format::PerfScript, bytes)),
    ("perf_sched_map", |bytes| text::read_as(Format::PerfSchedMap, bytes)),
    ("systrace", |bytes| text::read_as(Format::Systrace, bytes)),
    ("lttng", |bytes| text::read_as(Format::Lttng, bytes)),
    ("beside", text::beside),
    ("answer", text::answer),
    ("ringbuf", ringbuf::check),
    ("frames", live::frames),
    ("hosts", live::hosts),
    ("words", live::words),
    ("filter", other::filter),
    ("model", other::model),
    ("checkpoint", runs::checkpoint),
    ("run", runs::folder),
    ("screen", screen::walk),
];

/// Runs one of them.
pub fn run(name: &str, bytes: &[u8]) -> usize {
    let case = CASES.iter().find(|c| c.0 == name).unwrap_or_else(|| panic!("no case {name}"));
    (case.1)(bytes)
}

/// Seeds that depend on the layout of today's inputs: made anew where that changes
/// (`UPDATE_CORPUS=1`).
#[allow(dead_code)] // only the test that replays the corpora writes seeds
pub fn seeds() -> [(&'static str, Vec<u8>); 2] {
    [("model", other::a_model()), ("checkpoint", runs::a_checkpoint())]
}

/// The project's folder, for the fuzz crate too.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    if here.ends_with("fuzz") { here.join("..") } else { here }
}

/// Between two texts of one input.
const PART: &str = "\n----\n";

/// The texts of an input.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        if rest.is_empty() {
            break;
        }
        if rest.starts_with(PART.as_bytes()) {
            parts.push(&bytes[from..at]);
            at += PART.len();
            from = at;
        } else {
            at += 1;
        }
    }
    parts.push(&bytes[from..]);
    parts
}
