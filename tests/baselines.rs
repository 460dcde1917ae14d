//! Every predictor that can be chosen by name, on real recordings: nothing depends on the future,
//! on a switch's own outcome, on pids, on how threads are numbered or on what names are called. And
//! the splits share nothing.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::dataset::catalog::Catalog;
use kernel_oracle::evaluate::score::score;
use kernel_oracle::features::{Decision, Extractor, Forecast, Outcome, Sink, Token};
use kernel_oracle::ingest;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::Predictor;
use kernel_oracle::predictor::engine::{Choice, Engine};
use kernel_oracle::predictor::networks::Kind;
use kernel_oracle::predictor::weights::Weights;
use kernel_oracle::trace::{CpuId, Event, EventKind, Pid, TaskId, ThreadIx, Trace, TraceBuilder};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

static MODEL: LazyLock<Arc<Weights>> = LazyLock::new(|| Arc::new(Weights::bundled().unwrap()));

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")
}

/// The first events of a bundled recording.
fn head(name: &str, events: usize) -> Trace {
    let trace = ingest::open(&folder().join(format!("{name}.csv.zst"))).unwrap().trace;
    let order: Vec<usize> = (0..events.min(trace.len())).collect();
    Relabel::default().of(&trace, &order)
}

/// What a copy of a recording calls its tasks, and in which order it numbers them.
struct Relabel {
    pid: fn(Pid) -> Pid,
    name: fn(&str) -> String,
    last_first: bool,
}

impl Default for Relabel {
    fn default() -> Self {
        Self { pid: |p| p, name: str::to_owned, last_first: false }
    }
}

impl Relabel {
    /// A copy with its events in the given order, each at the time of the place that it takes.
    fn of(&self, trace: &Trace, order: &[usize]) -> Trace {
        let tasks = trace.tasks();
        let mut b = TraceBuilder::with_capacity(order.len());
        let call = |b: &mut TraceBuilder, id: TaskId| match tasks.get(id) {
            Some(t) if t.pid.0 == 0 => b.task(t.pid, t.name.as_bytes()),
            Some(t) => b.task((self.pid)(t.pid), (self.name)(&t.name).as_bytes()),
            None => TaskId::NONE,
        };
        if self.last_first {
            // A pid's own names stay in their order: it goes by the first of them.
            let mut by_pid: HashMap<Pid, Vec<TaskId>> = HashMap::new();
            tasks.iter().for_each(|(id, t)| by_pid.entry(t.pid).or_default().push(id));
            let all: Vec<TaskId> = tasks.iter().map(|(id, _)| id).collect();
            for id in all.into_iter().rev() {
                for id in by_pid.remove(&tasks.get(id).unwrap().pid).unwrap_or_default() {
                    call(&mut b, id);
                }
            }
        }
        for (place, i) in order.iter().enumerate() {
            let e = trace.event(*i);
            let (task, next) = (call(&mut b, e.task), call(&mut b, e.next));
            let actor = match e.actor {
                ThreadIx::NONE => Pid(-1),
                actor if tasks.is_idle(actor) => Pid(0),
                actor => (self.pid)(tasks.pid(actor)),
            };
            b.push(Event { time: trace.time(place), task, next, ..e }, actor);
        }
        trace.gaps().iter().for_each(|g| b.gap(*g));
        b.finish(trace.meta().clone())
    }

    fn whole(&self, trace: &Trace) -> Trace {
        self.of(trace, &(0..trace.len()).collect::<Vec<_>>())
    }
}

/// Every answer as (event, question, hash of all scores). Scores go by place and rank: they name
/// nobody.
struct Script {
    engine: Engine,
    said: Vec<(u32, char, u64)>,
    scores: Vec<f32>,
}

impl Script {
    fn of(choice: Choice, trace: &Trace, events: usize) -> Vec<(u32, char, u64)> {
        let engine = choice.make(Some(&MODEL), trace).unwrap();
        let mut script = Self { engine, said: Vec::new(), scores: Vec::new() };
        let mut extractor = Extractor::new(trace);
        (0..events).for_each(|i| extractor.step(trace, i, &mut script));
        script.said
    }

    fn say(&mut self, event: u32, question: char, scores: &[f32]) {
        let mut h = DefaultHasher::new();
        for s in scores {
            s.to_bits().hash(&mut h);
        }
        self.said.push((event, question, h.finish()));
    }
}

impl Sink for Script {
    fn token(&mut self, cpu: CpuId, token: &Token) {
        self.engine.token(cpu, token);
    }

    fn decision(&mut self, d: &Decision<'_>) {
        let mut scores = std::mem::take(&mut self.scores);
        self.engine.pick(d, &mut scores);
        assert_eq!(scores.len(), d.candidates.len(), "a score for each candidate");
        assert!(scores.iter().all(|s| !s.is_nan()));
        self.say(d.event, 'p', &scores);
        self.scores = scores;
    }

    fn outcome(&mut self, o: &Outcome) {
        self.engine.outcome(o);
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        let mut scores = std::mem::take(&mut self.scores);
        self.engine.forecast(f, &mut scores);
        assert_eq!(scores.len(), f.candidates.len(), "a score for each candidate");
        assert!(scores.iter().all(|s| !s.is_nan()));
        self.say(f.event, 'f', &scores);
        self.scores = scores;
    }
}

/// All predictors that there are weights for here.
fn all() -> impl Iterator<Item = Choice> {
    Choice::named().filter(|c| !c.needs_model() || *c == Choice::Network(Kind::Tcn))
}

fn same(choice: Choice, name: &str, a: &[(u32, char, u64)], b: &[(u32, char, u64)]) {
    assert!(a.len() > 1_000 && a.len() == b.len(), "{} on {name} speaks", choice.label());
    let differ = a.iter().zip(b).find(|(a, b)| a != b);
    assert_eq!(differ, None, "{} on {name}", choice.label());
}

#[test]
fn no_answer_depends_on_the_future() {
    for (name, cut) in [("hackbench-pipe-2g_run1", 7_000), ("io-mixed_run0", 6_001)] {
        let trace = head(name, 8_000);
        let mut order: Vec<usize> = (0..trace.len()).collect();
        // A fixed permutation of the future.
        let mut seed = 7u64;
        for i in (cut + 1..order.len()).rev() {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.swap(i, cut + (seed >> 33) as usize % (i - cut + 1));
        }
        let shuffled = Relabel::default().of(&trace, &order);
        for choice in all() {
            same(
                choice,
                name,
                &Script::of(choice, &trace, cut),
                &Script::of(choice, &shuffled, cut),
            );
            let [a, b] = [&trace, &shuffled].map(|t| Script::of(choice, t, t.len()));
            assert_ne!(a, b, "{}: the future did change", choice.label());
        }
    }
}

/// The answer at a switch must not know who comes in: another outcome changes only what is said
/// after it.
#[test]
fn no_pick_knows_its_own_outcome() {
    let trace = head("hackbench-socket-2g_run0", 8_000);
    let cut = (6_000..trace.len()).find(|i| trace.event(*i).kind == EventKind::Switch).unwrap();
    let mut b = TraceBuilder::with_capacity(trace.len());
    for i in 0..trace.len() {
        let e = trace.event(i);
        let mut task =
            |id| trace.tasks().get(id).map_or(TaskId::NONE, |t| b.task(t.pid, t.name.as_bytes()));
        let (task, mut next) = (task(e.task), task(e.next));
        if i == cut {
            next = b.task(Pid(99_999), b"stranger");
        }
        let actor =
            if trace.tasks().is_idle(e.actor) { Pid(0) } else { trace.tasks().pid(e.actor) };
        b.push(Event { task, next, ..e }, actor);
    }
    let lied = b.finish(trace.meta().clone());
    for choice in all() {
        let [a, b] = [&trace, &lied].map(|t| Script::of(choice, t, cut + 1));
        let changed: Vec<_> =
            a.iter().zip(&b).filter(|(a, b)| a != b).map(|(a, _)| (a.0 as usize, a.1)).collect();
        assert!(changed.iter().all(|c| *c == (cut, 'f')), "{}: {changed:?}", choice.label());
    }
}

#[test]
fn pids_and_the_numbering_of_threads_mean_nothing() {
    for name in ["hackbench-pipe-4g_run0", "io-mixed_run1"] {
        let trace = head(name, 8_000);
        let renamed =
            Relabel { pid: |p| Pid(4_000_000 - 3 * p.0), last_first: true, ..Relabel::default() };
        let renamed = renamed.whole(&trace);
        let moved = (0..trace.len()).any(|i| trace.event(i).actor != renamed.event(i).actor);
        assert!(moved, "threads have other numbers");
        for choice in all() {
            let [a, b] = [&trace, &renamed].map(|t| Script::of(choice, t, t.len()));
            same(choice, name, &a, &b);
        }
    }
}

/// Names of kernel threads in these recordings begin like this. That a thread is the kernel's is
/// known; its name is not.
const KERNEL: [&str; 6] = ["kworker/", "ksoftirqd/", "migration/", "rcu_", "kcompactd", "kdamond"];

/// Another name for each, equal only where the old ones were equal; threads of the kernel still
/// look like it.
fn other_name(name: &str) -> String {
    if KERNEL.iter().any(|k| name.starts_with(k)) {
        return format!("{name}x");
    }
    let mut h = DefaultHasher::new();
    name.hash(&mut h);
    format!("N{:09x}", h.finish() >> 28)
}

#[test]
fn what_names_are_called_means_nothing() {
    let kernel_oracle: Choice = "kernel-oracle".parse().unwrap();
    for name in ["io-mixed_run0", "sysbench-threads-16t_run1"] {
        let trace = head(name, 8_000);
        let renamed = Relabel { name: other_name, ..Relabel::default() }.whole(&trace);
        let names = |t: &Trace| {
            t.tasks().iter().map(|(_, task)| task.name.to_string()).collect::<HashSet<_>>()
        };
        assert_eq!(names(&trace).len(), names(&renamed).len(), "no two names became one");
        for choice in all() {
            let [a, b] = [&trace, &renamed].map(|t| Script::of(choice, t, t.len()));
            same(choice, name, &a, &b);
        }
        // That threads share a name is known, to this predictor most of all.
        let blurred = Relabel { name: |_| "one".into(), ..Relabel::default() }.whole(&trace);
        let [a, b] = [&trace, &blurred].map(|t| Script::of(kernel_oracle, t, t.len()));
        assert_ne!(a, b);
    }
}

/// A snapshot goes on like the original: no baseline keeps anything outside itself.
#[test]
fn a_clone_is_a_snapshot() {
    let trace = head("hackbench-socket-4g_run0", 6_000);
    for choice in all() {
        let mut extractor = Extractor::new(&trace);
        let engine = choice.make(Some(&MODEL), &trace).unwrap();
        let mut first = Script { engine, said: Vec::new(), scores: Vec::new() };
        (0..3_000).for_each(|i| extractor.step(&trace, i, &mut first));
        let (mut copy, engine) = (extractor.clone(), first.engine.clone());
        let mut second = Script { engine, said: Vec::new(), scores: Vec::new() };
        first.said.clear();
        (3_000..trace.len()).for_each(|i| extractor.step(&trace, i, &mut first));
        (3_000..trace.len()).for_each(|i| copy.step(&trace, i, &mut second));
        same(choice, "hackbench-socket-4g_run0", &first.said, &second.said);
    }
}

#[test]
fn those_that_learn_do_learn() {
    let forecasts = |name: &str| {
        let trace = ingest::open(&folder().join(format!("{name}.csv.zst"))).unwrap().trace;
        let names = ["random", "ppm", "kernel-oracle"];
        let mut predictors: Vec<_> = names
            .iter()
            .map(|n| n.parse::<Choice>().unwrap().make(None, &trace).unwrap())
            .map(|engine| Box::new(engine) as Box<dyn Predictor>)
            .collect();
        let counts = score(&trace, &mut predictors, &Cancel::new(), &|_| {}).unwrap();
        [0, 1, 2].map(|i| counts.forecast[i].top1 as f64 / counts.forecast[i].asked as f64)
    };
    // Eight threads take turns: who has seen the round knows the next. All have one name: nothing
    // to be learnt by names.
    let [random, ppm, names] = forecasts("sysbench-threads-8t_run0");
    assert!(ppm > 0.8 && ppm > random + 0.3 && names < 0.5, "{random} {ppm} {names}");
    // One thread and idle take turns on each CPU, or do not: names are enough.
    let [random, ppm, names] = forecasts("cpu-bound-4p_run0");
    assert!(ppm > random + 0.4 && names > random + 0.4, "{random} {ppm} {names}");
}

/// Events in the windows by which two recordings are compared.
const SHARED: usize = 32;

/// A number per event that does not know when the recording began.
fn print(trace: &Trace, i: usize) -> u64 {
    let e = trace.event(i);
    let tasks = trace.tasks();
    let pid = |id: TaskId| tasks.get(id).map_or(-1, |t| t.pid.0);
    let since = trace.time(i).since(trace.time(i.saturating_sub(1)));
    let mut h = DefaultHasher::new();
    (since.0, e.cpu.0, e.kind as u8, e.state.0, pid(e.task), pid(e.next)).hash(&mut h);
    h.finish()
}

/// Hash of every window of [`SHARED`] events, rolling.
fn windows(trace: &Trace) -> Vec<u64> {
    const BASE: u64 = 0x9E37_79B9_7F4A_7C15;
    let last = (0..SHARED).fold(1u64, |p, _| p.wrapping_mul(BASE));
    let prints: Vec<u64> = (1..trace.len()).map(|i| print(trace, i)).collect();
    let mut hash = 0u64;
    let mut all = Vec::with_capacity(prints.len());
    for (i, x) in prints.iter().enumerate() {
        hash = hash.wrapping_mul(BASE).wrapping_add(*x);
        if i >= SHARED {
            hash = hash.wrapping_sub(prints[i - SHARED].wrapping_mul(last));
        }
        if i + 1 >= SHARED {
            all.push(hash);
        }
    }
    all
}

/// No file is in two splits, no run of a workload is, and no two recordings hold the same stretch
/// of events: neither the same recording twice nor overlapping cuts of one.
#[test]
fn the_splits_share_nothing() {
    let catalog = Catalog::load(&folder()).unwrap();
    let mut files = HashSet::new();
    let mut runs = HashSet::new();
    for e in &catalog.entries {
        assert!(files.insert(catalog.path(e).canonicalize().unwrap()), "{} is there twice", e.file);
        assert!(
            runs.insert((&e.workload, &e.kernel, e.cpus, e.run)),
            "{}: this run is there twice",
            e.file
        );
    }
    // One window from the middle of each and one from each half are looked for in all others.
    let mut probes: HashMap<u64, Vec<usize>> = HashMap::new();
    let prints: Vec<Vec<u64>> = (catalog.entries.iter())
        .map(|e| windows(&ingest::open(&catalog.path(e)).unwrap().trace))
        .collect();
    for (n, all) in prints.iter().enumerate() {
        assert!(all.len() > 1_000, "{}", catalog.entries[n].file);
        for quarter in 1..4 {
            probes.entry(all[quarter * all.len() / 4]).or_default().push(n);
        }
    }
    for (n, all) in prints.iter().enumerate() {
        let shared = all.iter().filter_map(|hash| probes.get(hash)).flatten().find(|m| **m != n);
        let names = shared.map(|other| (&catalog.entries[n].file, &catalog.entries[*other].file));
        assert_eq!(names, None, "these share events");
        // The probes do find a recording that holds them.
        assert!(all.iter().filter_map(|hash| probes.get(hash)).flatten().any(|m| *m == n));
    }
}
