//! What is inferred of a machine when nothing says it, against what the recordings' metadata say.
#![allow(clippy::unwrap_used)] // helper functions of a test are tests too

use kernel_oracle::dataset::catalog::Catalog;
use kernel_oracle::ingest;
use kernel_oracle::sched::infer::infer;
use kernel_oracle::trace::{Machine, Origin, SchedClass, Trace, TraceMeta};
use rayon::prelude::*;
use std::path::Path;

/// A recording as if there were no metadata, and what those say.
fn bare(path: &Path) -> (Trace, Machine) {
    let mut trace = ingest::open(path).unwrap().trace;
    let known = *trace.machine();
    let silent = TraceMeta { start_ns: trace.meta().start_ns, ..TraceMeta::default() };
    trace.suppose(Machine::of(&silent, trace.cpus()));
    (trace, known)
}

#[test]
fn the_class_of_every_bundled_recording_is_found_in_its_events() {
    let catalog = Catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")).unwrap();
    // One run of each workload; all of them when asked for.
    let all = std::env::var_os("KORACLE_ALL").is_some();
    let entries: Vec<_> =
        catalog.entries.iter().filter(|e| all || e.name().ends_with("_run1")).collect();
    let found: Vec<(String, Machine, Machine)> = entries
        .par_iter()
        .map(|entry| {
            let (mut trace, known) = bare(&catalog.path(entry));
            infer(&mut trace);
            (entry.name().to_owned() + " " + &entry.kernel, known, *trace.machine())
        })
        .collect();
    let (mut told, mut hz, mut flat, mut wrong) = (0, 0, 0, Vec::new());
    for (name, known, found) in &found {
        if found.class.from == Origin::Inferred {
            told += 1;
            if found.class.value != known.class.value {
                wrong.push(format!("{name}: {:?}", found.class));
            }
        } else {
            println!("{name}: too little to tell {:?}", known.class.value);
        }
        if found.hz.from == Origin::Inferred {
            hz += 1;
            if found.hz.value != known.hz.value {
                println!("{name}: {:?} is {}", found.hz, known.hz.value);
            }
        }
        if found.autogroup.from == Origin::Inferred {
            flat += 1;
            if found.autogroup.value != known.autogroup.value {
                println!("{name}: {:?} is {}", found.autogroup, known.autogroup.value);
            }
        }
    }
    println!("of {}: class of {told}, frequency of {hz}, autogroup of {flat} told", found.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(told * 10 >= found.len() * 9);
}

#[test]
fn a_short_recording_is_not_judged() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/hackbench-pipe-2g_run3.csv.zst");
    let (whole, _) = bare(&path);
    let mut short = whole.cut(0..2_000);
    short.suppose(Machine::of(&TraceMeta::default(), short.cpus()));
    infer(&mut short);
    assert_eq!(short.machine().class.from, Origin::Assumed);
}

#[test]
fn what_is_recorded_stays() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/hackbench-pipe-2g_run3.csv.zst");
    let mut trace = ingest::open(&path).unwrap().trace;
    let before = *trace.machine();
    assert_eq!((before.class.value, before.class.from), (SchedClass::Eevdf, Origin::Recorded));
    infer(&mut trace);
    assert_eq!(*trace.machine(), before);
}

#[test]
fn what_no_rule_explains_tells_no_class() {
    // hackbench on 6.18 with dozens that wait: by the corrected replays alone it would be CFS.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/long_queues.csv.zst");
    let (mut trace, _) = bare(&path);
    infer(&mut trace);
    let class = trace.machine().class;
    assert_eq!((class.value, class.from), (SchedClass::Eevdf, Origin::Assumed));
}
