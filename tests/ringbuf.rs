//! Ring-buffer pages that a real kernel wrote (`tests/data/ringbuf`), held against the events that
//! another program decoded from the same pages; and pages that are cut, damaged or made of noise.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "../fuzz/ringbuf_case.rs"]
mod ringbuf_case;

use kernel_oracle::ingest::Reason;
use kernel_oracle::ingest::ringbuf::{Formats, PageProblem, PagesReport, decode};
use kernel_oracle::trace::{CpuId, Event, Trace, TraceBuilder, TraceMeta};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ringbuf").join(name)
}

fn raw(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

fn formats() -> Formats {
    let text = |name: &str| std::fs::read_to_string(data(name)).unwrap();
    let events = ["sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task"];
    let texts = events.map(|e| text(&format!("{e}.format")));
    let named: Vec<(&str, &str)> =
        events.iter().zip(&texts).map(|(n, t)| (*n, t.as_str())).collect();
    Formats::parse(&text("header_page"), &text("header_event"), &named).unwrap()
}

fn decoded(formats: &Formats, cpus: &[&[u8]]) -> (Trace, PagesReport) {
    let mut builder = TraceBuilder::default();
    let streams =
        cpus.iter().enumerate().map(|(i, b)| (CpuId(i as u16), format!("cpu{i}"), *b)).collect();
    let report = decode(formats, streams, &mut builder).unwrap();
    (builder.finish(TraceMeta::default()), report)
}

/// The events that another program found in these pages.
fn expected(name: &str) -> Trace {
    kernel_oracle::ingest::open(&data(name).with_extension("csv.zst")).unwrap().trace
}

/// Everything an event says, with names instead of numbers of tables and the clock's own time.
fn plain(trace: &Trace, e: &Event) -> String {
    let tasks = trace.tasks();
    let task = |id| tasks.get(id).map(|t| (t.pid.0, t.name.clone()));
    let at = trace.meta().start_ns + e.time.0;
    let actor = tasks.pid(e.actor).0;
    let cpus = (e.cpu.0, e.from_cpu.0, e.to_cpu.0);
    let what = (e.kind, e.prio, e.state.label().to_string(), e.next_prio);
    format!("{at} {cpus:?} {what:?} {actor} {:?} {:?}", task(e.task), task(e.next))
}

fn lines(trace: &Trace) -> Vec<String> {
    trace.events().map(|e| plain(trace, &e)).collect()
}

/// Events up to the moment at which the first CPU's sample ends: the other program has them all.
fn complete(trace: &Trace) -> usize {
    let last = |cpu| trace.cpu_events(CpuId(cpu)).last().map(|&i| trace.time(i as usize));
    let until = last(0).min(last(1)).unwrap();
    trace.seek(until)
}

#[test]
fn real_pages_give_the_events_that_another_decoder_found() {
    let (trace, report) =
        decoded(&formats(), &[&raw("hackbench-cpu0.raw"), &raw("hackbench-cpu1.raw")]);
    assert_eq!((report.units, report.skipped, report.other_events), (12, 0, 0));
    assert!(!trace.is_empty());
    assert_eq!((trace.reordered(), trace.gaps().len()), (0, 0));
    let n = complete(&trace);
    assert!(n > 700, "{n} events");
    assert_eq!(lines(&trace)[..n], lines(&expected("hackbench"))[..n]);
}

#[test]
fn an_overrun_is_a_loss_on_its_cpu_and_the_events_behind_it_are_right() {
    let (trace, report) =
        decoded(&formats(), &[&raw("overrun-cpu0.raw"), &raw("overrun-cpu1.raw")]);
    assert_eq!(report.skipped, 0);
    let gaps: Vec<_> = trace.gaps().iter().map(|g| (g.cpu.0, g.from.0)).collect();
    assert_eq!(gaps.len(), 2);
    assert!(gaps.contains(&(1, 0)), "{gaps:?}");
    // The page of CPU 0 has room for the number of lost events behind its data; that of CPU 1 is
    // full.
    assert_eq!(trace.meta().lost, [508_865, 0]);
    // The other program's events start where both CPUs have been seen; so do the sample's other
    // pages of CPU 1.
    let other = expected("overrun");
    let from =
        trace.seek(kernel_oracle::trace::Nanos(other.meta().start_ns - trace.meta().start_ns));
    let n = complete(&trace);
    assert!(n > from + 30, "{from}..{n}");
    assert_eq!(lines(&trace)[from..n], lines(&other)[..n - from]);
}

#[test]
fn larger_pages_are_read_by_their_header() {
    // The same records in pages of 8 KiB: the header says so, and each page has the data of one
    // small page.
    let small = raw("hackbench-cpu0.raw");
    let large: Vec<u8> = small
        .chunks(4096)
        .flat_map(|page| page.iter().copied().chain(std::iter::repeat_n(0, 4096)))
        .collect();
    let text = |name: &str| std::fs::read_to_string(data(name)).unwrap();
    let header = text("header_page").replace("size:4080", "size:8176");
    let switch = text("sched_switch.format");
    let parse = |header: &str| {
        Formats::parse(header, &text("header_event"), &[("sched_switch", &switch)]).unwrap()
    };
    assert_eq!(parse(&header).page_size(), 8192);
    let (a, report) = decoded(&parse(&header), &[&large]);
    let (b, _) = decoded(&parse(&text("header_page")), &[&small]);
    assert!(a.len() > 100 && report.other_events > 20 && report.skipped == 0);
    assert_eq!(lines(&a), lines(&b));
}

/// A page with one record for each payload, 1 us apart.
fn page(records: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for record in records {
        // Kind: length in words; 27 bits of time since the record before.
        let head = (record.len() / 4) as u32 | 1_000 << 5;
        data.extend(head.to_le_bytes());
        data.extend(record);
    }
    let mut page = [5_000_000_u64.to_le_bytes(), (data.len() as u64).to_le_bytes()].concat();
    page.extend(data);
    page.resize(4096, 0);
    page
}

#[test]
fn before_4_3_a_wake_up_without_success_is_no_event() {
    let text = |name: &str| std::fs::read_to_string(data(name)).unwrap();
    let wakeup = text("sched_wakeup.format");
    let old = wakeup.replace(
        "field:int target_cpu;\toffset:32;",
        "field:int success;\toffset:32;\tsize:4;\tsigned:1;\n\tfield:int target_cpu;\toffset:36;",
    );
    assert_ne!(old, wakeup);
    let events = [("sched_switch", &*text("sched_switch.format")), ("sched_wakeup", &*old)]
        .map(|(n, t)| (n, t.to_owned()));
    let named: Vec<(&str, &str)> = events.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let formats = Formats::parse(&text("header_page"), &text("header_event"), &named).unwrap();
    let record = |pid: i32, success: i32| {
        let mut bytes = [374_u16.to_le_bytes(), [0; 2]].concat();
        bytes.extend(77_i32.to_le_bytes());
        bytes.extend(b"somebody\0\0\0\0\0\0\0\0");
        for number in [pid, 120, success, 1] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    };
    let (trace, report) = decoded(&formats, &[&page(&[record(5, 1), record(6, 0), record(7, 1)])]);
    assert_eq!((trace.len(), report.other_events, report.skipped), (2, 1, 0));
    let woken: Vec<_> =
        trace.events().map(|e| (trace.tasks().get(e.task).unwrap().pid.0, e.to_cpu.0)).collect();
    assert_eq!(woken, [(5, 1), (7, 1)], "6 was awake already");
    // Without the field, as since then, all of them are.
    let (all, _) = decoded(&self::formats(), &[&page(&[record(5, 1), record(6, 0)])]);
    assert_eq!(all.len(), 2);
}

#[test]
fn kernels_that_cannot_be_read_are_refused_by_name() {
    let text = |name: &str| std::fs::read_to_string(data(name)).unwrap();
    let (page, event, switch) =
        (text("header_page"), text("header_event"), text("sched_switch.format"));
    let events = [("sched_switch", switch.as_str())];
    let error =
        Formats::parse(&page.replace("offset:8;\tsize:8", "offset:8;\tsize:4"), &event, &events)
            .unwrap_err();
    assert!(error.to_string().starts_with("events/header_page, byte "), "{error}");
    assert!(error.to_string().contains("32-bit"), "{error}");
    let error = Formats::parse(&page, &event, &[]).unwrap_err();
    assert!(error.to_string().contains("sched_switch/format"), "{error}");
    let other = switch.replace("next_pid", "next_id");
    let error = Formats::parse(&page, &event, &[("sched_switch", &other)]).unwrap_err();
    assert!(error.to_string().contains("no field next_pid"), "{error}");

    let mut big = raw("hackbench-cpu0.raw");
    big[8..16].reverse();
    let streams = vec![(CpuId(0), "cpu0.raw".to_string(), big.as_slice())];
    let error = decode(&formats(), streams, &mut TraceBuilder::default()).unwrap_err();
    assert!(
        error.to_string().contains("cpu0.raw, byte 0: recorded on a big-endian kernel"),
        "{error}"
    );
}

/// The fuzzer's corpus: each file by its name.
fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/ringbuf");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect()
}

#[test]
fn every_file_of_the_fuzzers_corpus_still_gives_events() {
    let files = corpus();
    assert!(files.len() >= 3, "the corpus is gone");
    for (path, bytes) in files {
        assert!(ringbuf_case::check(&bytes) > 0, "{}: no events", path.display());
    }
}

#[test]
fn the_corpus_cut_or_with_flipped_bytes_ends_in_a_trace_or_an_error() {
    for (_, bytes) in corpus() {
        for end in (0..bytes.len()).step_by((bytes.len() / 60).max(1)) {
            ringbuf_case::check(&bytes[..end]);
        }
        for (round, flip) in [0x01, 0x10, 0x80, 0xff].into_iter().enumerate() {
            for at in (round..bytes.len()).step_by((bytes.len() / 200).max(1)) {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                ringbuf_case::check(&bad);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(a in prop::collection::vec(any::<u8>(), 0..9000), b in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut builder = TraceBuilder::default();
        let streams = vec![(CpuId(0), "a".into(), a.as_slice()), (CpuId(3), "b".into(), b.as_slice())];
        if let Ok(report) = decode(&formats(), streams, &mut builder) {
            let held = builder.len();
            prop_assert_eq!(builder.finish(TraceMeta::default()).len(), held, "{} pages", report.units);
        }
    }

    /// Real pages with some bytes changed: whatever comes out is a trace.
    #[test]
    fn damaged_pages_never_panic(hits in prop::collection::vec((0_usize..24576, any::<u8>()), 1..40)) {
        let mut bytes = raw("hackbench-cpu0.raw");
        for (at, value) in hits {
            bytes[at] = value;
        }
        let mut builder = TraceBuilder::default();
        if let Ok(report) = decode(&formats(), vec![(CpuId(0), "a".into(), bytes.as_slice())], &mut builder) {
            let held = builder.len();
            prop_assert_eq!(builder.finish(TraceMeta::default()).len(), held, "{} pages", report.units);
        }
    }

    #[test]
    fn a_stream_cut_anywhere_loses_its_tail_alone(len in 0_usize..24576) {
        let bytes = raw("hackbench-cpu0.raw");
        let (whole, _) = decoded(&formats(), &[&bytes]);
        let (part, report) = decoded(&formats(), &[&bytes[..len]]);
        let (whole, part) = (lines(&whole), lines(&part));
        prop_assert_eq!(&part[..], &whole[..part.len()]);
        prop_assert!(report.bad.iter().all(|b| b.reason == Reason::Page(PageProblem::Cut) && b.place.byte() == (len / 4096 * 4096) as u64));
        // The pages before the cut are whole, and the cut one gives what it has: a record is at
        // most 76 bytes.
        let (next, _) = decoded(&formats(), &[&bytes[..(len + 80).min(bytes.len())]]);
        prop_assert!(next.len() >= part.len() && next.len() <= part.len() + 6);
        let (pages, _) = decoded(&formats(), &[&bytes[..len / 4096 * 4096]]);
        prop_assert!(part.len() >= pages.len());
    }
}
