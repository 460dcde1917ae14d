//! Recordings as bytes: any text, an event file with metadata beside it, and everything that is
//! computed of one.

use super::parts;
use kernel_oracle::evaluate::mistakes::Bitmap;
use kernel_oracle::evaluate::mistakes::collect::collect;
use kernel_oracle::evaluate::mistakes::sums::Sums;
use kernel_oracle::ingest::{self, Format, READERS, Sink, Source};
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::stats::{By, CpuTime, Totals, Window};
use kernel_oracle::trace::{CpuId, Nanos, Trace};

/// What holds of every trace, however it came about.
pub fn hold(trace: &Trace) -> usize {
    assert!(trace.times().is_sorted(), "in order");
    assert!(trace.events().all(|e| e.cpu.ix() < trace.cpus()), "on a CPU that there is");
    assert!(trace.gaps().iter().all(|g| g.from <= g.to), "losses have a beginning and an end");
    assert!(
        trace.cut(0..trace.len()).len() == trace.len(),
        "a stretch of all events is all events"
    );
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

/// No time is lost or counted twice.
fn add_up(trace: &Trace) {
    let all = Window::all(trace);
    for cpu in (0..trace.cpus()).map(|c| CpuId(c as u16)) {
        let time = CpuTime::of(trace, cpu, all);
        assert_eq!(time.used + time.idle + time.unknown, all.ns());
        assert_eq!(time.unknown, trace.unknown_within(cpu, Nanos(0), Nanos(all.to)).0);
    }
    let sum = |by| Totals::of(trace, by, all).iter().map(|t| u128::from(t.span())).sum::<u128>();
    assert_eq!(sum(By::Thread), sum(By::Name));
    assert!(Totals::of(trace, By::Thread, all).iter().all(|t| t.span() <= all.ns()));
}

/// A recording, and all answers to it: run queues, the kernel's replay, features, rules, sums.
pub fn answer(bytes: &[u8]) -> usize {
    let Ok(opened) = ingest::read(bytes.to_vec(), "fuzz") else { return 0 };
    let events = hold(&opened.trace);
    if events > 4_000 || opened.trace.cpus() > 64 {
        return 0; // long ones teach a fuzzer nothing
    }
    add_up(&opened.trace);
    let (mut model, mut other) = (Heuristic::new(Rule::Eevdf, 0), Heuristic::new(Rule::Lifo, 0));
    let table = collect(
        &opened.trace,
        "fuzz".into(),
        &mut model,
        Some(&mut other),
        &Cancel::new(),
        &|_| (),
    );
    let table = table.expect("nobody cancelled");
    let sums = Sums::new(&table, &Bitmap::all(table.len(), true));
    assert_eq!(sums.total.decisions, table.len() as u64);
    assert!(sums.total.hits <= sums.total.decisions);
    events
}
