//! Recordings as bytes: any text, an event file with metadata beside it, and everything that is computed of one.

use super::parts;
use kernel_oracle::evaluate::mistakes::Bitmap;
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::sums::Sums;
use kernel_oracle::ingest::{self, Format, READERS, Sink, Source};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::trace::Trace;

/// What holds of every trace, however it came about.
pub fn hold(trace: &Trace) -> usize {
    assert!(trace.times().is_sorted(), "in order");
    assert!(trace.events().all(|e| e.cpu.ix() < trace.cpus()), "on a CPU that there is");
    assert!(trace.gaps().iter().all(|g| g.from <= g.to), "losses have a beginning and an end");
    assert!(trace.cut(0..trace.len()).len() == trace.len(), "a stretch of all events is all events");
    trace.len()
}

/// A recording in memory.
pub fn ingest(bytes: &[u8]) -> usize {
    ingest::read(bytes.to_vec(), "fuzz").map_or(0, |opened| hold(&opened.trace))
}

/// A recording of which the format is known, by its reader alone.
pub fn read_as(format: Format, bytes: &[u8]) -> usize {
    let reader = READERS.iter().find(|r| r.format() == format).expect("a reader");
    let mut sink = Sink::default();
    if reader.read(&mut Source::memory(bytes, "fuzz"), &mut sink).is_err() {
        return 0;
    }
    hold(&sink.events.finish(sink.meta))
}

/// Metadata, then events: two files beside each other.
pub fn beside(bytes: &[u8]) -> usize {
    let parts = parts(bytes);
    let [meta, events, ..] = parts.as_slice() else { return 0 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("recording.csv");
    std::fs::write(&path, events).expect("room");
    std::fs::write(folder.path().join("recording.toml"), meta).expect("room");
    let Ok(opened) = ingest::open(&path) else { return 0 };
    if opened.report.metadata_problem.is_some() {
        return hold(&opened.trace).min(1);
    }
    hold(&opened.trace)
}

/// A recording, and all answers to it: run queues, the kernel's replay, features, rules, sums.
pub fn answer(bytes: &[u8]) -> usize {
    let Ok(opened) = ingest::read(bytes.to_vec(), "fuzz") else { return 0 };
    let events = hold(&opened.trace);
    if events > 4_000 || opened.trace.cpus() > 64 {
        return 0; // long ones teach a fuzzer nothing
    }
    let (mut model, mut other) = (Heuristic::new(Rule::Eevdf, 0), Heuristic::new(Rule::Lifo, 0));
    let table = collect(&opened.trace, "fuzz".into(), &mut model, Some(&mut other), &Cancel::new(), &|_| ());
    let table = table.expect("nobody cancelled");
    let sums = Sums::new(&table, &Bitmap::all(table.len(), true));
    assert_eq!(sums.total.decisions, table.len() as u64);
    assert!(sums.total.hits <= sums.total.decisions);
    events
}
