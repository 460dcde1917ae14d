//! Cutting a text into chunks never shows in the result.

use super::*;
use crate::trace::{Trace, TraceMeta};
use proptest::prelude::*;

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("../../../tests/data/kernel.txt"),
    include_bytes!("../../../tests/data/pipe_lost.txt"),
    include_bytes!("../../../tests/data/odd_names.txt"),
    include_bytes!("../../../tests/data/trace_cmd_plain.txt"),
];

fn with_size(text: &[u8], block: usize, chunk: usize) -> (Trace, Report, u16) {
    let mut sink = Sink::default();
    read_cut(&mut Source::memory(text, "test"), &mut sink, block, chunk);
    (sink.events.finish(TraceMeta::default()), sink.report, sink.meta.cpus)
}

fn same(text: &[u8], size: usize) {
    let (whole, report, cpus) = with_size(text, 1 << 30, 1 << 30);
    for (block, chunk) in [(1 << 30, size), (size, 1 << 30), (size, 100)] {
        let (cut, cut_report, cut_cpus) = with_size(text, block, chunk);
        assert!(whole.events().eq(cut.events()), "cut every {size}");
        assert!(whole.tasks().iter().eq(cut.tasks().iter()));
        assert_eq!((whole.gaps(), whole.meta()), (cut.gaps(), cut.meta()));
        assert_eq!((&report, cpus), (&cut_report, cut_cpus));
    }
}

#[test]
fn chunked_equals_whole() {
    for text in SAMPLES {
        for size in [1, 100, 1000, 2500] {
            same(text, size);
        }
    }
    // More bad lines than are kept, losses across cuts, and names that are not UTF-8.
    let mut text = Vec::new();
    for i in 0..300 {
        text.extend_from_slice(b"junk\n");
        text.extend_from_slice(format!("CPU:{} [LOST {i} EVENTS]\n", i % 3).as_bytes());
        text.extend_from_slice(format!("a-{i} [00{}] d..2. 1.{i:06}: sched_wakeup: comm=", i % 2).as_bytes());
        text.extend_from_slice(&[0xff, b'a', 0xc0 + (i % 5) as u8]);
        text.extend_from_slice(b" pid=7 prio=120 target_cpu=000\n");
    }
    let (trace, report, _) = with_size(&text, 1 << 20, 1 << 20);
    assert_eq!((trace.len(), trace.gaps().len(), report.skipped, report.bad.len()), (300, 300, 300, 100));
    assert_eq!((report.bad[99].place.line(), report.units), (Some(298), 900));
    for size in [1, 777, 5000] {
        same(&text, size);
    }
}

proptest! {
    #[test]
    fn chunked_equals_whole_for_any_mix(
        picks in prop::collection::vec((0usize..4, 0usize..40, prop::option::of(0usize..120)), 0..40),
        size in 1usize..3000,
    ) {
        let mut text = Vec::new();
        for (sample, line, cut) in picks {
            let line = SAMPLES[sample].split_inclusive(|b| *b == b'\n').nth(line).unwrap_or(b"\n");
            text.extend_from_slice(&line[..cut.unwrap_or(line.len()).min(line.len())]);
        }
        same(&text, size);
    }
}
