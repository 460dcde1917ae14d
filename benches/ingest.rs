//! How fast recordings are read, end to end from bytes in memory to a finished `Trace`: ftrace text
//! on all threads and on one (bytes per second), native CSV and the kernel's ring-buffer pages on
//! one thread (events per second). Files that `KORACLE_FILES` names (separated by colons) are read
//! on one thread, too.

#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernel_oracle::ingest::ringbuf::{Formats, decode};
use kernel_oracle::trace::{CpuId, Nanos, Trace, TraceBuilder, TraceMeta};
use kernel_oracle::{export, ingest};
use std::hint::black_box;
use std::path::Path;

/// Bundled runs one after another until there are a million events, so that start-up costs do not
/// count.
fn a_million_events() -> Trace {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let names = [
        "hackbench-pipe-4g_run0",
        "hackbench-socket-2g_run1",
        "io-mixed_run0",
        "sysbench-cpu-8t_run0",
    ];
    let mut builder = TraceBuilder::default();
    let mut start = 1_000_000_000;
    while builder.len() < 1_000_000 {
        for name in names {
            let trace =
                ingest::open(&dir.join(format!("{name}.csv.zst"))).expect("a bundled trace").trace;
            let tasks = trace.tasks();
            for mut event in trace.events() {
                let actor = tasks.pid(event.actor);
                for id in [&mut event.task, &mut event.next] {
                    if let Some(task) = tasks.get(*id) {
                        *id = builder.task(task.pid, task.name.as_bytes());
                    }
                }
                event.time = Nanos(start + event.time.0);
                builder.push(event, actor);
            }
            start += trace.span().0 + 1_000;
        }
    }
    builder.finish(TraceMeta::default())
}

/// The pages of a real recording one after another, each time later, until there are some 100 MB.
fn many_pages() -> (Formats, Vec<Vec<u8>>) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ringbuf");
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a layout");
    let events = ["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"];
    let texts = events.map(|e| text(&format!("{e}.format")));
    let named: Vec<(&str, &str)> =
        events.iter().zip(&texts).map(|(n, t)| (*n, t.as_str())).collect();
    let formats =
        Formats::parse(&text("header_page"), &text("header_event"), &named).expect("a layout");
    let cpus = ["hackbench-cpu0.raw", "hackbench-cpu1.raw"].map(|name| {
        let sample = std::fs::read(dir.join(name)).expect("pages");
        let mut all = Vec::new();
        for round in 0..2000_u64 {
            for page in sample.chunks(formats.page_size()) {
                let (stamp, rest) = page.split_first_chunk::<8>().expect("a page");
                // Far more than the sample's own span.
                all.extend((u64::from_le_bytes(*stamp) + round * 1_000_000_000).to_le_bytes());
                all.extend(rest);
            }
        }
        all
    });
    (formats, cpus.into())
}

fn decoded(formats: &Formats, cpus: &[Vec<u8>]) -> Trace {
    let streams = (0..)
        .zip(cpus)
        .map(|(cpu, pages)| (CpuId(cpu), format!("cpu{cpu}"), pages.as_slice()))
        .collect();
    let mut builder = TraceBuilder::default();
    let report = decode(formats, streams, &mut builder).expect("pages");
    assert_eq!(report.skipped, 0);
    builder.finish(TraceMeta::default())
}

fn ingest_speed(c: &mut Criterion) {
    let trace = a_million_events();
    let events = trace.len() as u64;
    let (mut csv, mut text) = (Vec::new(), Vec::new());
    export::csv_to(&trace, &mut csv).expect("memory");
    export::ftrace_text(&trace, &mut text).expect("memory");
    drop(trace);
    let read = |bytes: &[u8]| {
        let opened = ingest::read(bytes, "bench").expect("readable");
        assert_eq!((opened.trace.len() as u64, opened.report.skipped), (events, 0));
        opened
    };
    let mut group = c.benchmark_group("ingest");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("ftrace_text_all_threads", |b| b.iter(|| black_box(read(&text))));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    group.bench_function("ftrace_text_one_thread", |b| {
        b.iter(|| one.install(|| black_box(read(&text))));
    });
    group.throughput(Throughput::Elements(events));
    group.bench_function("native_csv_one_thread", |b| b.iter(|| black_box(read(&csv))));
    let (formats, cpus) = many_pages();
    group.throughput(Throughput::Elements(decoded(&formats, &cpus).len() as u64));
    group.bench_function("ring_buffer_one_thread", |b| {
        b.iter(|| black_box(decoded(&formats, &cpus)));
    });
    let files = std::env::var("KORACLE_FILES").unwrap_or_default();
    for path in files.split(':').filter(|path| !path.is_empty()).map(Path::new) {
        let opened = || ingest::open(path).expect("readable").trace;
        group.throughput(Throughput::Elements(opened().len() as u64));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        group.bench_function(name, |b| b.iter(|| one.install(|| black_box(opened()))));
    }
    group.finish();
}

criterion_group!(benches, ingest_speed);
criterion_main!(benches);
