//! Reading recordings: the bundled ones, real ftrace text in every layout, and round trips.
#![allow(clippy::unwrap_used)] // also in the tests' own functions, which the configuration does not know

use kernel_oracle::dataset::catalog::{self, Catalog, CatalogError, Filter, Split};
use kernel_oracle::ingest::{self, Format, Opened, Packing};
use kernel_oracle::trace::*;
use kernel_oracle::{export, ingest::open};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sample(name: &str) -> Opened {
    open(&root().join("tests/data").join(name)).unwrap()
}

/// Everything of an event, with names instead of numbers that depend on the order of reading.
fn told(t: &Trace) -> Vec<String> {
    let name = |id| t.tasks().get(id).map(|k| (k.pid, k.name.clone()));
    t.events()
        .map(|e| {
            let actor = (e.actor != ThreadIx::NONE).then(|| t.tasks().pid(e.actor));
            let bare = Event { actor: ThreadIx::NONE, task: TaskId::NONE, next: TaskId::NONE, ..e };
            format!("{actor:?} {:?} {:?} {bare:?}", name(e.task), name(e.next))
        })
        .collect()
}

fn same(a: &Trace, b: &Trace) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.events().zip(b.events()) {
        assert_eq!(x, y);
    }
    assert_eq!(a.gaps(), b.gaps());
    assert!(a.tasks().iter().eq(b.tasks().iter()));
    assert_eq!(a.meta(), b.meta());
}

#[test]
fn all_bundled_traces_open_whole_and_match_their_catalog() {
    let catalog = Catalog::load(&root().join("traces")).unwrap();
    let folders: BTreeSet<_> =
        catalog.entries.iter().map(|e| catalog.path(e).parent().unwrap().to_owned()).collect();
    let files = folders.iter().flat_map(|f| std::fs::read_dir(f).unwrap()).filter_map(Result::ok);
    let recordings =
        files.filter(|f| f.file_name().to_string_lossy().ends_with(".csv.zst")).count();
    assert_eq!(catalog.entries.len(), recordings, "every recording is in the catalog");
    for entry in &catalog.entries {
        let Opened { trace, report } = open(&catalog.path(entry)).unwrap();
        let meta = trace.meta();
        assert_eq!(
            (report.skipped, report.other_events, trace.reordered()),
            (0, 0, 0),
            "{}",
            entry.file
        );
        assert_eq!((&report.truncated, &report.metadata_problem), (&None, &None), "{}", entry.file);
        assert_eq!((report.format, report.packing), (Format::Native, Packing::Zstd));
        assert_eq!(Some(&*meta.name), entry.name().rsplit('/').next());
        assert_eq!(
            (&meta.workload, &meta.category, meta.run, &meta.kernel, meta.cpus),
            (&entry.workload, &entry.category, entry.run, &entry.kernel, entry.cpus)
        );
        assert_eq!(report.units, 1 + (trace.len() + trace.gaps().len()) as u64);
        let split = match entry.run {
            0 | 1 => Split::Train,
            2 => Split::Validation,
            _ => Split::Test,
        };
        assert_eq!(entry.split, split, "{}", entry.file);
    }
    let categories = vec!["hackbench".into()];
    let test = Filter {
        split: Some(Split::Test),
        categories,
        kernels: vec!["6".into()],
        ..Filter::default()
    };
    assert!(catalog.select(&test).all(|e| e.run == 3 && e.category == "hackbench"));
    assert_eq!(
        catalog.select(&test).count(),
        catalog.entries.iter().filter(|e| e.category == "hackbench" && e.run == 3).count()
    );
    // Every machine trains, validates and tests.
    for machine in catalog.machines() {
        for split in [Split::Train, Split::Validation, Split::Test] {
            let of =
                Filter { split: Some(split), machines: vec![machine.clone()], ..Filter::default() };
            assert!(catalog.select(&of).count() >= 25, "{machine}: {}", split.label());
        }
    }
    assert!(catalog.categories().len() > 2);
}

#[test]
fn a_catalog_that_promises_too_much_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Catalog::load(dir.path()), Err(CatalogError::Io { .. })));
    let entry = "[[trace]]\nfile='a.csv.zst'\nworkload='w'\ncategory='c'\nrun=0\nkernel='6.1'\nsplit='train'\n";
    let write = |text: &str| std::fs::write(dir.path().join(catalog::FILE), text).unwrap();
    write(entry);
    let error = Catalog::load(dir.path()).unwrap_err();
    assert!(
        matches!(error, CatalogError::Missing { ref files, .. } if files == &["a.csv.zst"]),
        "{error}"
    );
    std::fs::write(dir.path().join("a.csv.zst"), "x").unwrap();
    assert_eq!(Catalog::load(dir.path()).unwrap().entries.len(), 1);
    write(&format!("{entry}{entry}"));
    assert!(matches!(Catalog::load(dir.path()), Err(CatalogError::Twice { .. })));
    write(&entry.replace("train", "exam"));
    assert!(Catalog::load(dir.path()).unwrap_err().to_string().contains("line 7"));
}

#[test]
fn the_kernels_own_text() {
    let plain = sample("kernel.txt");
    assert_eq!(
        (plain.report.format, plain.report.skipped, plain.trace.cpus()),
        (Format::Ftrace, 0, 2)
    );
    let lines = plain.report.units as usize - 12;
    assert_eq!(plain.trace.len() + plain.report.other_events as usize, lines);
    let e = plain.trace.event(1);
    let (prev, next) =
        (plain.trace.tasks().get(e.task).unwrap(), plain.trace.tasks().get(e.next).unwrap());
    assert_eq!(
        (e.kind, e.time, e.cpu, e.state),
        (EventKind::Switch, Nanos(65_000), CpuId(1), TaskState::SLEEP)
    );
    assert_eq!(
        (&*prev.name, prev.pid, &*next.name, next.pid),
        ("bash", Pid(13546), "lto cgu.08", Pid(13520))
    );
    assert_eq!(plain.trace.meta().start_ns, 4_084_521_486_000);
    // The same recording with a tgid column, and without flags.
    let (tgid, bare) = (sample("kernel_tgid.txt"), sample("kernel_noirq.txt"));
    assert_eq!((tgid.report.skipped, bare.report.skipped), (0, 0));
    let n = tgid.trace.len().min(bare.trace.len());
    assert!(n > 15);
    assert_eq!(told(&plain.trace)[..n], told(&tgid.trace)[..n]);
    assert_eq!(told(&plain.trace)[..n], told(&bare.trace)[..n]);
}

#[test]
fn trace_cmd_in_every_layout_says_the_same() {
    let plain = sample("trace_cmd_plain.txt");
    assert_eq!((plain.report.skipped, plain.trace.len(), plain.trace.cpus()), (0, 42, 2));
    for kind in [EventKind::Switch, EventKind::WakeupNew, EventKind::Migrate] {
        assert!(plain.trace.events().any(|e| e.kind == kind), "{kind:?}");
    }
    for other in ["raw", "keyed"] {
        let other = sample(&format!("trace_cmd_{other}.txt"));
        assert_eq!(told(&plain.trace), told(&other.trace));
    }
    let (us, latency) = (sample("trace_cmd_us.txt"), sample("trace_cmd_latency.txt"));
    assert_eq!(told(&us.trace), told(&latency.trace));
    assert_eq!((us.trace.len(), us.report.skipped), (42, 0));
    assert!(plain.trace.times().iter().any(|t| t % 1000 != 0), "nanoseconds are kept");
}

#[test]
fn losses_become_gaps_between_the_events_of_their_cpu() {
    let lost = sample("pipe_lost.txt");
    let [gap] = lost.trace.gaps() else { panic!("{:?}", lost.trace.gaps()) };
    assert_eq!((gap.cpu, gap.lost), (CpuId(1), 71));
    let times: Vec<_> =
        lost.trace.cpu_events(CpuId(1)).iter().map(|&i| lost.trace.time(i as usize)).collect();
    assert!(times.windows(2).any(|w| w == [gap.from, gap.to]) || gap.from == Nanos(0), "{gap:?}");
    assert_eq!((lost.report.skipped, lost.trace.meta().lost.as_slice()), (0, &[0, 71][..]));
}

#[test]
fn a_native_loss_begins_at_the_event_of_its_cpu_before_it() {
    let header = "time_ns,cpu,event,actor,pid,comm,prio,state,next_pid,next_comm,next_prio,from_cpu,to_cpu\n";
    let rows = "100,0,switch,5,5,a,120,S,6,b,120,,\n200,1,switch,7,7,c,120,S,8,d,120,,\n900,0,lost,,17,,,,,,,,\n\
                950,0,switch,6,6,b,120,S,5,a,120,,\n960,1,lost,,3,,,,,,,,\n970,2,lost,,1,,,,,,,,\n";
    let opened = ingest::read(format!("{header}{rows}").into_bytes(), "losses").unwrap();
    assert_eq!((opened.trace.len(), opened.report.skipped), (3, 0));
    let start = opened.trace.meta().start_ns;
    let gaps: Vec<_> = opened
        .trace
        .gaps()
        .iter()
        .map(|g| (g.cpu.0, start + g.from.0, start + g.to.0, g.lost))
        .collect();
    // Not from the beginning of the recording; only CPU 2 was never heard of before.
    assert_eq!(gaps, [(0, 100, 900, 17), (1, 200, 960, 3), (2, start, 970, 1)]);
}

#[test]
fn names_with_spaces_colons_and_arrows() {
    let odd = sample("odd_names.txt");
    assert_eq!(odd.report.skipped, 0);
    let names: Vec<&str> = odd.trace.tasks().iter().map(|(_, t)| &*t.name).collect();
    assert!(names.contains(&"prev a ==> b:1") && names.contains(&" ==> [1] 2.0: a"), "{names:?}");
    let trace_cmd = sample("odd_names_trace_cmd.txt");
    assert_eq!(trace_cmd.report.skipped, 0);
    let tasks = trace_cmd.trace.tasks();
    assert!(tasks.iter().any(|(_, t)| &*t.name == "prev a ==> b:1" && t.pid == Pid(32029)));
}

#[test]
fn native_round_trip_is_exact() {
    let dir = tempfile::tempdir().unwrap();
    let bundled = open(&root().join("traces/io-mixed_run1.csv.zst")).unwrap().trace;
    for name in ["a.csv.zst", "b.csv"] {
        export::native(&bundled, &dir.path().join(name), 3).unwrap();
        same(&bundled, &open(&dir.path().join(name)).unwrap().trace);
    }
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "no temporary file is left: {left:?}");
    let wrong = export::native(&bundled, &dir.path().join("x.txt"), 3).unwrap_err();
    assert!(wrong.to_string().contains(".csv.zst"), "{wrong}");
}

#[test]
fn text_to_native_and_to_text_again() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "kernel.txt",
        "pipe_lost.txt",
        "odd_names.txt",
        "trace_cmd_raw.txt",
        "trace_cmd_latency.txt",
    ] {
        let first = sample(name).trace;
        let path: PathBuf = dir.path().join(name).with_extension("csv.zst");
        export::native(&first, &path, 3).unwrap();
        same(&first, &open(&path).unwrap().trace);
        let mut text = Vec::new();
        export::ftrace_text(&first, &mut text).unwrap();
        let again = ingest::read(text, &first.meta().name).unwrap();
        assert_eq!(told(&first), told(&again.trace));
        assert_eq!((first.gaps(), first.meta()), (again.trace.gaps(), again.trace.meta()));
    }
}

fn any_trace() -> impl Strategy<Value = Trace> {
    let name = prop_oneof![
        "[ -~]{0,15}",
        "\\PC{0,5}",
        Just("swapper/0".to_owned()),
        Just("a ==> b".to_owned())
    ];
    let task = (0i32..6, name.clone(), -1i16..200);
    let one =
        (0u64..5000, 0u16..400, 0u8..5, -1i32..8, task.clone(), task, 0u16..0x1000, 0u16..400);
    prop::collection::vec(one, 1..60).prop_map(|rows| {
        let mut b = TraceBuilder::default();
        for (time, cpu, kind, actor, (pid, name, prio), (next_pid, next, next_prio), state, to) in
            rows
        {
            let kinds =
                [EventKind::Switch, EventKind::Wakeup, EventKind::WakeupNew, EventKind::Migrate];
            let Some(&kind) = kinds.get(usize::from(kind)) else {
                b.loss(CpuId(cpu), time);
                continue;
            };
            let task = b.task(Pid(pid), name.as_bytes());
            let mut e = Event { prio, ..event(time, cpu, kind, task) };
            if kind == EventKind::Switch {
                e.next = b.task(Pid(next_pid), next.as_bytes());
                e.next_prio = next_prio;
                e.state = TaskState(state);
            } else {
                e.to_cpu = CpuId(to);
            }
            if kind == EventKind::Migrate {
                e.from_cpu = CpuId(cpu / 2);
            }
            b.push(e, Pid(actor));
        }
        b.finish(TraceMeta { name: "x".into(), ..TraceMeta::default() })
    })
}

fn event(time: u64, cpu: u16, kind: EventKind, task: TaskId) -> Event {
    Event {
        time: Nanos(time),
        cpu: CpuId(cpu),
        kind,
        actor: ThreadIx::NONE,
        task,
        prio: 120,
        state: TaskState::RUNNING,
        next: TaskId::NONE,
        next_prio: 0,
        from_cpu: CpuId::NONE,
        to_cpu: CpuId::NONE,
    }
}

proptest! {
    #[test]
    fn any_trace_survives_csv(first in any_trace()) {
        prop_assume!(!first.is_empty());
        let mut csv = Vec::new();
        export::csv_to(&first, &mut csv).unwrap();
        let Opened { trace: again, report } = ingest::read(csv, "x").unwrap();
        prop_assert_eq!((report.skipped, report.truncated), (0, None));
        prop_assert_eq!(told(&first), told(&again));
        let mut gaps = (first.gaps().to_vec(), again.gaps().to_vec());
        gaps.0.sort_by_key(|g| (g.to, g.cpu, g.from, g.lost));
        gaps.1.sort_by_key(|g| (g.to, g.cpu, g.from, g.lost));
        if first.reordered() == 0 {
            prop_assert_eq!(gaps.0, gaps.1);
        }
    }
}
