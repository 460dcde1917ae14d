//! trace-cmd's file: versions 6 and 7, plain and packed, built around pages that a real kernel
//! wrote; held against the events of these pages and against `trace-cmd report`. What is damaged,
//! cut or of another machine.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "format/tracedat.rs"]
mod tracedat;

use kernel_oracle::ingest::{self, Format, Opened};
use kernel_oracle::trace::{EventKind, Trace};
use proptest::prelude::*;
use std::process::Command;
use tracedat::{File, OVERRUN, PAGES, Version};

fn open(bytes: &[u8]) -> Opened {
    ingest::read(bytes, "t.dat").unwrap()
}

fn all() -> [Version; 4] {
    [Version::Six, Version::Seven("none"), Version::Seven("zlib"), Version::Seven("zstd")]
}

/// One line an event, as `trace-cmd report -t` says it: CPU, clock, kind, tasks and CPUs.
fn lines(trace: &Trace) -> Vec<String> {
    let tasks = trace.tasks();
    let task = |id| tasks.get(id).map(|t| format!("{}:{}", t.name, t.pid.0)).unwrap_or_default();
    let line = |e: &kernel_oracle::trace::Event| {
        let at = trace.meta().start_ns + e.time.0;
        let rest = match e.kind {
            EventKind::Switch => {
                format!(
                    "{} [{}] {} {} [{}]",
                    task(e.task),
                    e.prio,
                    e.state.label(),
                    task(e.next),
                    e.next_prio
                )
            }
            EventKind::Migrate => {
                format!("{} [{}] {} {}", task(e.task), e.prio, e.from_cpu.0, e.to_cpu.0)
            }
            _ => format!("{} [{}] {}", task(e.task), e.prio, e.to_cpu.0),
        };
        format!("{} {at} {} {rest}", e.cpu.0, e.kind.tracepoint())
    };
    trace.events().map(|e| line(&e)).collect()
}

#[test]
fn every_version_gives_the_events_of_its_pages() {
    let first = open(&File::new(&PAGES).build(Version::Six));
    let expected = lines(&first.trace);
    assert!(expected.len() > 700);
    for version in all() {
        let Opened { trace, report } = open(&File::new(&PAGES).build(version));
        assert_eq!(
            (report.format, report.skipped, report.units),
            (Format::TraceDat, 0, 12),
            "{version:?}"
        );
        assert_eq!((report.truncated, report.warnings), (None, vec![]), "{version:?}");
        assert_eq!(lines(&trace), expected, "{version:?}");
        let meta = trace.meta();
        let known = (meta.kernel.as_str(), meta.clock.as_str(), meta.cpus, meta.tool.as_str());
        assert_eq!(known, ("6.18.44", "mono", 2, "trace-cmd 3.1.6"), "{version:?}");
        assert_eq!(report.overwritten, 2272, "{version:?}");
    }
}

#[test]
fn trace_cmd_says_the_same_of_every_event() {
    if Command::new("trace-cmd").arg("--version").output().is_err() {
        assert!(std::env::var_os("KORACLE_CI").is_none(), "trace-cmd is missing");
        println!("skipped: trace-cmd is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // A trace-cmd reads the packings that it was built with.
    let packings = Command::new("trace-cmd").args(["list", "-c"]).output().unwrap().stdout;
    let packings = String::from_utf8_lossy(&packings).into_owned();
    let knows = |version: &Version| match version {
        Version::Seven(how) => *how == "none" || packings.contains(how),
        Version::Six => true,
    };
    for version in all().into_iter().filter(knows) {
        let path = folder.path().join("t.dat");
        std::fs::write(&path, File::new(&PAGES).build(version)).unwrap();
        // With `-R`: its own letters of states are those of an older kernel.
        let said =
            Command::new("trace-cmd").args(["report", "-t", "-R"]).arg(&path).output().unwrap();
        assert!(!said.stdout.is_empty(), "{version:?}: {}", String::from_utf8_lossy(&said.stderr));
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let theirs = ingest::read(said.into_bytes(), "report").unwrap();
        let ours = ingest::open(&path).unwrap();
        assert_eq!(theirs.report.skipped, 0);
        assert_eq!(lines(&ours.trace), lines(&theirs.trace), "{version:?}");
    }
}

#[test]
fn an_instance_is_read_when_the_top_buffer_is_empty() {
    for version in all() {
        let file = File { instance: Some(("foo", &PAGES)), ..File::new(&[]) };
        let Opened { trace, report } = open(&file.build(version));
        assert!(trace.len() > 700, "{version:?}");
        assert!(
            report.warnings[0].contains("instance `foo`; the top buffer has none"),
            "{:?}",
            report.warnings
        );
        let file = File { instance: Some(("foo", &OVERRUN)), ..File::new(&PAGES) };
        let Opened { trace: top, report } = open(&file.build(version));
        assert_eq!(lines(&top), lines(&trace));
        assert!(
            report.warnings[0].starts_with("the instance `foo` of this file is not read"),
            "{:?}",
            report.warnings
        );
    }
}

#[test]
fn losses_in_the_pages_are_gaps() {
    let Opened { trace, report } = open(&File::new(&OVERRUN).build(Version::Seven("zstd")));
    assert_eq!(trace.gaps().len(), 2);
    assert_eq!(trace.meta().lost, [508_865, 0]);
    // What was overwritten while it was recorded is that loss.
    assert_eq!(report.overwritten, 0);
}

#[test]
fn clocks_are_turned_into_the_times_that_trace_cmd_prints() {
    let plain = open(&File::new(&PAGES).build(Version::Six)).trace;
    let moved = File { options: vec![(7, b"-1000\0".to_vec())], ..File::new(&PAGES) };
    assert_eq!(
        open(&moved.build(Version::Six)).trace.meta().start_ns,
        plain.meta().start_ns - 1000
    );
    let mut scale = 3_u32.to_le_bytes().to_vec();
    scale.extend(1_u32.to_le_bytes());
    scale.extend(0_u64.to_le_bytes());
    let scaled = open(
        &File { options: vec![(14, scale)], ..File::new(&PAGES) }.build(Version::Seven("none")),
    )
    .trace;
    assert_eq!(scaled.meta().start_ns, plain.meta().start_ns * 3 / 2);
}

#[test]
fn other_files_are_refused_by_name() {
    let good = File::new(&PAGES).build(Version::Six);
    let refused = |bytes: &[u8]| ingest::read(bytes.to_vec(), "t.dat").unwrap_err().to_string();
    let mut big = good.clone();
    big[12] = 1;
    assert!(refused(&big).contains("big-endian"));
    let mut other = good.clone();
    other[10] = b'5';
    assert!(refused(&other).contains("version \"5\""));
    let packed = File::new(&PAGES).build(Version::Seven("lzo"));
    assert!(refused(&packed).contains("\"lzo\""));
    let empty = File::new(&[]).build(Version::Six);
    assert!(refused(&empty).contains("no scheduler event in 0 pages of trace.dat"));
}

#[test]
fn a_damaged_chunk_costs_its_pages() {
    for packing in ["zlib", "zstd"] {
        let mut bytes = File::new(&PAGES).build(Version::Seven(packing));
        let whole = open(&bytes).trace.len();
        // In the middle of the first CPU's pages.
        let at = bytes.len() / 2;
        bytes[at..at + 64].fill(0);
        let Opened { trace, report } = open(&bytes);
        assert!(trace.len() > whole / 4 && trace.len() < whole, "{} of {whole}", trace.len());
        assert!(report.skipped >= 1);
        assert!(!trace.gaps().is_empty());
    }
}

#[test]
fn a_cut_file_gives_its_good_part() {
    let whole = File::new(&PAGES).build(Version::Six);
    let events = open(&whole).trace.len();
    let Opened { trace, report } = open(&whole[..whole.len() - 6_000]);
    assert!(trace.len() > events / 2 && trace.len() < events);
    assert!(report.truncated.unwrap().contains("missing at the end of the file"));
    for version in all() {
        let bytes = File::new(&PAGES).build(version);
        for end in (0..bytes.len()).step_by(97) {
            if let Ok(opened) = ingest::read(&bytes[..end], "t.dat") {
                assert!(opened.trace.len() <= events);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn flipped_bytes_never_stop_the_reader(
        version in 0..4_usize,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..20),
    ) {
        let mut bytes = File::new(&PAGES).build(all()[version]);
        for (at, value, head) in flips {
            let n = if head { 4_000 } else { bytes.len() };
            let at = at.index(n);
            bytes[at] = value;
        }
        let _ = ingest::read(bytes, "t.dat");
    }
}
