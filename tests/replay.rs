//! The kernel replay over the bundled recordings: how often its pick is the kernel's, with and
//! without correction, and that it looks at nothing but the past.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, not in their helpers

use kernel_oracle::dataset::catalog::{Catalog, Entry};
use kernel_oracle::sched::follow::{Follower, Moment};
use kernel_oracle::sched::replay::{Beliefs, HYPOTHESES, Hypotheses, KernelReplay, View};
use kernel_oracle::sched::runqueue::RunQueues;
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, SchedClass, TaskId, TaskState, ThreadIx, Trace,
    TraceBuilder, TraceMeta,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Events at the start that are not scored.
const WARM_UP: usize = 2_000;

fn recordings(part: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|p| {
        p.to_string_lossy().ends_with(".csv.zst") && p.to_string_lossy().contains(part)
    });
    files.sort();
    files
}

fn open(path: &Path) -> Trace {
    kernel_oracle::ingest::open(path).unwrap().trace
}

fn replay(trace: &Trace, corrected: bool) -> KernelReplay {
    KernelReplay::of(trace, corrected)
}

/// Walks a trace; tells `see` every non-trivial decision: event, candidates, their views, who came
/// in.
fn walk(
    trace: &Trace,
    replay: KernelReplay,
    mut see: impl FnMut(usize, &[ThreadIx], &[View], ThreadIx),
) {
    let mut follower = Follower::new(trace, replay);
    let mut views = Vec::new();
    for i in 0..trace.len() {
        follower.step(trace, i, |Moment { e, queues, replay, next }| {
            let waiting = queues.queue(e.cpu);
            if waiting.len() > 1 {
                views.clear();
                views.extend(waiting.iter().map(|t| replay.view(e.cpu, *t)));
                see(i, waiting, &views, next);
            }
        });
    }
}

/// Hits and decisions, after the warm-up and among the first 300.
#[derive(Clone, Copy, Default)]
struct Score {
    hits: usize,
    of: usize,
    early_hits: usize,
    early: usize,
}

impl Score {
    fn top1(self) -> f64 {
        100.0 * self.hits as f64 / self.of.max(1) as f64
    }

    fn early(self) -> f64 {
        100.0 * self.early_hits as f64 / self.early.max(1) as f64
    }

    fn take(&mut self, trace: &Trace, corrected: bool) {
        let warm = WARM_UP.min(trace.len() / 10);
        let mut first = 0;
        walk(trace, replay(trace, corrected), |i, waiting, views, next| {
            let hit = usize::from(waiting.iter().zip(views).any(|(t, v)| v.picked && *t == next));
            first += 1;
            if first <= 300 {
                (self.early, self.early_hits) = (self.early + 1, self.early_hits + hit);
            }
            if i >= warm {
                (self.of, self.hits) = (self.of + 1, self.hits + hit);
            }
        });
    }
}

/// The table of the report: `cargo test --release --test replay -- --nocapture`.
#[test]
fn picks_match_the_kernel_far_more_often_than_chance() {
    let mut rows: BTreeMap<String, [Score; 2]> = BTreeMap::new();
    for path in recordings("") {
        let trace = open(&path);
        let row = rows.entry(trace.meta().workload.clone()).or_default();
        row[0].take(&trace, false);
        row[1].take(&trace, true);
    }
    let mut sum = [0.0; 2];
    println!(
        "{:24} {:>8} {:>9} {:>11} {:>9}",
        "workload", "decided", "first 300", "uncorrected", "corrected"
    );
    for (name, [raw, fixed]) in &rows {
        println!(
            "{name:24} {:8} {:9.1} {:11.1} {:9.1}",
            raw.of,
            raw.early(),
            raw.top1(),
            fixed.top1()
        );
        (sum[0], sum[1]) = (sum[0] + raw.top1(), sum[1] + fixed.top1());
    }
    let macro_mean = sum.map(|s| s / rows.len() as f64);
    println!("{:24} {:8} {:9} {:11.1} {:9.1}", "macro", "", "", macro_mean[0], macro_mean[1]);
    assert!(macro_mean[0] > 50.0, "uncorrected {macro_mean:?}");
    assert!(macro_mean[1] > 75.0, "corrected {macro_mean:?}");
    assert!(rows["sysbench-threads-8t"][1].top1() > 95.0);
    assert!(rows["hackbench-pipe-2g"][1].top1() > 65.0);
    assert!(rows["hackbench-pipe-2g"][0].early() > 70.0);
}

/// Top-1 of each hypothesis alone, after the warm-up.
fn top1_of_each(trace: &Trace) -> [f64; HYPOTHESES] {
    let (mut all, mut queues) = (Hypotheses::of(trace), RunQueues::of(trace));
    let (mut rows, mut scores) = (Vec::new(), [Score::default(); HYPOTHESES]);
    for (i, e) in trace.events().enumerate() {
        queues.observe(&e, trace);
        if e.kind != EventKind::Switch {
            all.event(&e, trace);
            queues.apply(&e, trace);
            continue;
        }
        all.before_pick(&e, trace);
        queues.begin_switch(&e, trace.tasks());
        let waiting = queues.queue(e.cpu).to_vec();
        let next = trace.tasks().thread_on(e.next, e.cpu);
        if waiting.len() > 1 && i >= WARM_UP.min(trace.len() / 10) {
            rows.resize(waiting.len(), Beliefs::default());
            all.views(e.cpu, &waiting, &mut rows);
            let place = waiting.iter().position(|t| *t == next);
            for (h, score) in scores.iter_mut().enumerate() {
                score.of += 1;
                score.hits += usize::from(place.is_some_and(|p| rows[p].is_picked(h)));
            }
        }
        all.after_pick(&e, trace, &waiting, next);
        queues.finish_switch(&e, trace.tasks());
    }
    scores.map(Score::top1)
}

/// One run of every workload on every machine: the rules are followed to within 0.05 points of what
/// they reached when they were last looked at. A rule that is meant to change brings a new file:
/// the failed test names it.
#[test]
fn each_recording_is_followed_as_well_as_before() {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden/replay.tsv");
    let pinned = std::fs::read_to_string(pinned).unwrap_or_default();
    let pinned: BTreeMap<&str, Vec<f64>> = (pinned.lines().skip(1))
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, rest)| (name, rest.split('\t').map(|x| x.parse().unwrap()).collect()))
        .collect();
    let mut text = String::from("recording\tdecided\tuncorrected\tcorrected");
    (1..HYPOTHESES).for_each(|h| write!(text, "\tby rule {h}").unwrap());
    text.push('\n');
    let (mut wrong, mut sums) = (Vec::new(), [0.0; HYPOTHESES]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let catalog = Catalog::load(&root).unwrap();
    // Of the second run where there is one, else of the first.
    let run = |entry: &Entry, run: u32| {
        entry.file.replace(&format!("_run{}.", entry.run), &format!("_run{run}."))
    };
    let first = catalog.entries.iter().filter(|e| e.run == 0);
    let second = |e| {
        [run(e, 1), run(e, 0)].map(|file| root.join(file)).into_iter().find(|path| path.is_file())
    };
    let mut files: Vec<_> = first.filter_map(second).collect();
    files.sort();
    assert!(files.len() >= 50);
    for path in &files {
        let trace = open(path);
        let mut raw = Score::default();
        raw.take(&trace, false);
        let corrected = top1_of_each(&trace);
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let name = name.trim_end_matches(".csv.zst");
        sums.iter_mut().zip(corrected).for_each(|(sum, top1)| *sum += top1);
        let found: Vec<f64> = [raw.of as f64, raw.top1()].into_iter().chain(corrected).collect();
        write!(text, "{name}\t{}", raw.of).unwrap();
        found[1..].iter().for_each(|top1| write!(text, "\t{top1:.3}").unwrap());
        text.push('\n');
        let near = |p: &Vec<f64>| {
            p.len() == found.len() && p.iter().zip(&found).all(|(p, f)| (p - f).abs() <= 0.05)
        };
        let same = pinned.get(name).is_some_and(near);
        if !same {
            wrong.push(format!("{name}: found {found:?}, pinned {:?}", pinned.get(name)));
        }
    }
    let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("replay.tsv");
    std::fs::write(&new, text).unwrap();
    println!("macro by rule: {:.2?}", sums.map(|sum| sum / files.len() as f64));
    assert!(wrong.is_empty(), "all as it is now: {}\n{}", new.display(), wrong.join("\n"));
    assert_eq!(pinned.len(), files.len());
}

/// A thread whose wake-up was lost waits from the moment at which somebody is known to have waited
/// with it.
#[test]
fn who_waits_unknown_to_the_replay_waits_from_then_on() {
    let mut b = TraceBuilder::default();
    let [idle, a, c] = [(0, "swapper/0"), (10, "a"), (12, "c")]
        .map(|(pid, name)| b.task(Pid(pid), name.as_bytes()));
    let mut switch = |time, task, state, next| {
        let (prio, next_prio) = (120, 120);
        b.push(
            Event { task, prio, state, next, next_prio, ..Event::blank(Nanos(time), CpuId(0)) },
            Pid(-1),
        );
    };
    switch(1_000, idle, TaskState::RUNNING, a);
    switch(2_000, a, TaskState::SLEEP, idle);
    switch(3_000, idle, TaskState::RUNNING, a);
    switch(4_000, a, TaskState::SLEEP, c);
    let trace =
        b.finish(TraceMeta { cpus: 1, scheduler: SchedClass::Eevdf, ..TraceMeta::default() });
    let mut replay = replay(&trace, false);
    let tasks = trace.tasks();
    let c = tasks.thread_on(c, CpuId(0));
    for (i, e) in trace.events().enumerate() {
        replay.before_pick(&e, &trace);
        assert_eq!(replay.view(CpuId(0), c).picked, i == 3, "event {i}");
        // It is seen waiting when `a` comes in the second time.
        let waiting = if i == 2 { vec![tasks.thread_on(a, CpuId(0)), c] } else { vec![] };
        replay.after_pick(&e, &trace, &waiting, tasks.thread_on(e.next, e.cpu));
    }
}

/// Every view with its event and thread, up to `upto`.
fn script(trace: &Trace, upto: usize) -> Vec<(usize, u32, View)> {
    let mut out = Vec::new();
    walk(trace, replay(trace, true), |i, waiting, views, _| {
        if i < upto {
            out.extend(waiting.iter().zip(views).map(|(t, v)| (i, t.0, *v)));
        }
    });
    out
}

#[test]
fn a_decision_does_not_see_its_own_outcome() {
    let trace = open(&recordings("hackbench-pipe-2g_run0")[0]);
    let mut honest = replay(&trace, true);
    let mut queues = RunQueues::of(&trace);
    let mut compared = 0;
    for e in trace.events().take(6_000) {
        queues.observe(&e, &trace);
        if e.kind != EventKind::Switch {
            honest.event(&e, &trace);
            queues.apply(&e, &trace);
            continue;
        }
        queues.begin_switch(&e, trace.tasks());
        let waiting = queues.queue(e.cpu).to_vec();
        let mut blind = honest.clone();
        honest.before_pick(&e, &trace);
        blind.before_pick(&Event { next: TaskId::NONE, next_prio: -7, ..e }, &trace);
        assert_eq!(honest.resched(e.cpu), blind.resched(e.cpu));
        for t in &waiting {
            assert_eq!(honest.view(e.cpu, *t), blind.view(e.cpu, *t));
            compared += 1;
        }
        honest.after_pick(&e, &trace, &waiting, trace.tasks().thread_on(e.next, e.cpu));
        queues.finish_switch(&e, trace.tasks());
    }
    assert!(compared > 1_000);
}

#[test]
fn views_are_consistent_and_the_same_every_time() {
    let trace = open(&recordings("sysbench-threads-16t_run1")[0]);
    let views = script(&trace, 10_000);
    assert_eq!(views, script(&trace, 10_000));
    assert!(views.len() > 5_000);
    for (i, _, v) in &views {
        assert_eq!(v.eligible, v.rank != 255, "event {i}");
        assert!(!v.eligible || v.lag_ns >= 0, "event {i}: {v:?}");
    }
    let picked: usize = views.iter().filter(|(_, _, v)| v.picked).count();
    assert!(picked > 500);
}

#[test]
fn odd_machines_and_odd_traces_are_survived() {
    let trace = open(&recordings("hackbench-socket-4g_run0")[0]);
    for class in [SchedClass::Cfs, SchedClass::Unknown] {
        let threads = trace.tasks().thread_count();
        // Too few CPUs and threads, too many, and a tiny slice.
        for (cpus, threads, slice) in
            [(2, threads, 0), (1, threads, 1), (64, threads + 9, 3_000_000), (2, 5, 0)]
        {
            let replay = KernelReplay::new(class, cpus, threads, slice, true);
            let mut seen = 0;
            walk(&trace, replay, |_, _, views, _| seen += views.len());
            assert!(seen > 1_000);
        }
    }
    let mut nothing = KernelReplay::new(SchedClass::Eevdf, 0, 0, 0, false);
    assert_eq!(nothing.view(CpuId(0), ThreadIx(0)), View::default());
}
