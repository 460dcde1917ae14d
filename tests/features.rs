//! The extractor over the bundled recordings: coverage, only the past, only relative identity, sane
//! inputs.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use kernel_oracle::features::{
    ASK, ASK_NAMES, CAND, CAND_NAMES, Decision, Extractor, Forecast, MOST_EXPECTED, Outcome, QUERY,
    QUERY_NAMES, Sink, THREAD, THREAD_NAMES, TOKEN_X, TOKEN_X_NAMES, Token,
};
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, TaskId, ThreadIx, Trace, TraceBuilder,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn recordings() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|p| p.to_string_lossy().ends_with(".csv.zst"));
    files.sort();
    assert!(files.len() >= 12, "the bundled recordings are there");
    files
}

fn open(name: &str) -> Trace {
    let files = recordings();
    let path = files.iter().find(|p| p.to_string_lossy().contains(name)).unwrap();
    kernel_oracle::ingest::open(path).unwrap().trace
}

/// Everything the extractor says, as one line (event, what, hash of every bit) each. Threads count
/// by their pid.
struct Script<'a> {
    trace: &'a Trace,
    event: usize,
    lines: Vec<(usize, &'static str, u64)>,
    /// Replaces pids by the order in which they are first mentioned.
    relative: bool,
    met: Vec<Pid>,
}

impl<'a> Script<'a> {
    fn of(trace: &'a Trace, events: usize, relative: bool) -> Vec<(usize, &'static str, u64)> {
        let mut script = Self { trace, event: 0, lines: Vec::new(), relative, met: Vec::new() };
        let mut extractor = Extractor::new(trace);
        for i in 0..events {
            script.event = i;
            extractor.step(trace, i, &mut script);
        }
        script.lines
    }

    fn who(&mut self, threads: &[ThreadIx], h: &mut DefaultHasher) {
        for thread in threads {
            let pid = self.trace.tasks().pid(*thread);
            if !self.relative {
                pid.hash(h);
                continue;
            }
            let at = self.met.iter().position(|p| *p == pid).unwrap_or_else(|| {
                self.met.push(pid);
                self.met.len() - 1
            });
            at.hash(h);
        }
    }

    fn say(&mut self, what: &'static str, threads: &[ThreadIx], numbers: &[f32], rest: &impl Hash) {
        let mut h = DefaultHasher::new();
        self.who(threads, &mut h);
        for x in numbers {
            x.to_bits().hash(&mut h);
        }
        rest.hash(&mut h);
        self.lines.push((self.event, what, h.finish()));
    }
}

impl Sink for Script<'_> {
    fn token(&mut self, cpu: CpuId, t: &Token) {
        self.say("token", &[], &t.x, &(cpu, t.kind, t.rank, t.state));
    }

    fn decision(&mut self, d: &Decision<'_>) {
        self.say("query", &[d.prev], d.query, &(d.cpu, d.time, d.prev_state, d.stint));
        self.say("candidates", d.candidates, d.features, &(d.waited, d.lag));
    }

    fn outcome(&mut self, o: &Outcome) {
        self.say("outcome", &[o.next], &[], &(o.cpu, o.pick, o.foretold));
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        self.say("forecast", &[f.running], f.query, &(f.cpu, f.ranked));
        self.say("expected", f.candidates, f.features, &f.cpu);
        self.say("queue", f.queue, &[], &f.cpu);
    }
}

/// The same recording with its events passed through `map`, which may change any field (also of
/// pids: the second argument renames them).
fn rebuilt(trace: &Trace, order: &[usize], rename: impl Fn(Pid) -> Pid) -> Trace {
    let mut b = TraceBuilder::with_capacity(trace.len());
    let tasks = trace.tasks();
    for (place, i) in order.iter().enumerate() {
        let e = trace.event(*i);
        let mut task = |id: TaskId| match tasks.get(id) {
            Some(t) => b.task(rename(t.pid), t.name.as_bytes()),
            None => TaskId::NONE,
        };
        let (task, next) = (task(e.task), task(e.next));
        let actor = match e.actor {
            ThreadIx::NONE => Pid(-1),
            actor => rename(tasks.pid(actor)),
        };
        // Slots keep their times, so that a shuffled future is still sorted.
        b.push(Event { time: trace.time(place), task, next, ..e }, actor);
    }
    trace.gaps().iter().for_each(|g| b.gap(*g));
    b.finish(trace.meta().clone())
}

#[test]
fn nothing_depends_on_the_future() {
    for (name, cut) in [
        ("hackbench-pipe-2g_run1", 17_000),
        ("sysbench-threads-16t_run0", 9_001),
        ("io-mixed_run2", 13_456),
    ] {
        let trace = open(name);
        let straight: Vec<usize> = (0..trace.len()).collect();
        let mut shuffled = straight.clone();
        // A fixed permutation of the future.
        let mut seed = 7u64;
        for i in (cut + 1..shuffled.len()).rev() {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, cut + (seed >> 33) as usize % (i - cut + 1));
        }
        let whole = rebuilt(&trace, &straight, |p| p);
        let other = rebuilt(&trace, &shuffled, |p| p);
        assert!(
            whole.event(cut) != other.event(cut) || whole.event(cut + 1) != other.event(cut + 1)
        );
        let (a, b) = (Script::of(&whole, cut, false), Script::of(&other, cut, false));
        assert!(a.len() > cut, "{name}: the extractor speaks");
        assert_eq!(a.iter().zip(&b).find(|(a, b)| a != b), None, "{name}");
        assert_eq!(a.len(), b.len());
    }
}

/// The decision at a switch must not read the switch's own `next`: change nothing but that.
#[test]
fn a_decision_does_not_know_its_own_outcome() {
    let trace = open("hackbench-socket-2g_run0");
    let cut = (12_000..trace.len()).find(|i| trace.event(*i).kind == EventKind::Switch).unwrap();
    let order: Vec<usize> = (0..trace.len()).collect();
    let honest = rebuilt(&trace, &order, |p| p);
    let mut b = TraceBuilder::default();
    for i in 0..trace.len() {
        let e = trace.event(i);
        let mut task =
            |id| trace.tasks().get(id).map_or(TaskId::NONE, |t| b.task(t.pid, t.name.as_bytes()));
        let (task, mut next) = (task(e.task), task(e.next));
        let actor = trace.tasks().pid(e.actor);
        let mut next_prio = e.next_prio;
        if i == cut {
            (next, next_prio) = (b.task(Pid(99_999), b"stranger"), 7);
        }
        b.push(Event { task, next, next_prio, ..e }, actor);
    }
    let lied = b.finish(trace.meta().clone());
    let (a, b) = (Script::of(&honest, cut + 1, false), Script::of(&lied, cut + 1, false));
    let changed: Vec<_> =
        a.iter().zip(&b).filter(|(a, b)| a != b).map(|(a, _)| (a.0, a.1)).collect();
    assert!(
        changed.iter().all(|(i, what)| *i == cut && !["query", "candidates"].contains(what)),
        "{changed:?}"
    );
    assert!(changed.contains(&(cut, "outcome")));
}

#[test]
fn pids_mean_nothing() {
    for name in ["hackbench-pipe-4g_run0", "io-mixed_run0"] {
        let trace = open(name);
        let order: Vec<usize> = (0..trace.len()).collect();
        // Any renaming but of idle; this one also reverses the order of pids.
        let renamed =
            rebuilt(&trace, &order, |p| if p.0 > 0 { Pid(4_000_000 - 3 * p.0) } else { p });
        let (a, b) =
            (Script::of(&trace, trace.len(), true), Script::of(&renamed, trace.len(), true));
        assert_eq!(a.iter().zip(&b).find(|(a, b)| a != b), None, "{name}");
    }
}

/// A snapshot goes on like the original.
#[test]
fn a_clone_is_a_snapshot() {
    let trace = open("cpu-bound-8p_run0");
    let half = trace.len() / 2;
    let mut extractor = Extractor::new(&trace);
    let mut first =
        Script { trace: &trace, event: 0, lines: Vec::new(), relative: false, met: Vec::new() };
    (0..half).for_each(|i| extractor.step(&trace, i, &mut first));
    let mut copy = extractor.clone();
    let mut second =
        Script { trace: &trace, event: 0, lines: Vec::new(), relative: false, met: Vec::new() };
    first.lines.clear();
    (half..trace.len()).for_each(|i| extractor.step(&trace, i, &mut first));
    (half..trace.len()).for_each(|i| copy.step(&trace, i, &mut second));
    assert!(first.lines.len() > half);
    assert!(first.lines == second.lines);
}

/// Extremes of every column, and what share of the decisions is covered.
struct Survey {
    low: [Vec<f32>; 5],
    high: [Vec<f32>; 5],
    decisions: u64,
    covered: u64,
    candidates: usize,
}

impl Survey {
    fn see(&mut self, table: usize, row: &[f32]) {
        for (i, x) in row.iter().enumerate() {
            let names = [QUERY_NAMES, CAND_NAMES, TOKEN_X_NAMES, THREAD_NAMES, ASK_NAMES][table];
            assert!(x.is_finite() && x.abs() <= 8.0, "{} is {x}", names[i]);
            self.low[table][i] = self.low[table][i].min(*x);
            self.high[table][i] = self.high[table][i].max(*x);
        }
    }
}

impl Sink for Survey {
    fn token(&mut self, _: CpuId, t: &Token) {
        assert!(
            t.kind < Token::PAD && usize::from(t.rank) < 18 && usize::from(t.state) < Token::STATES
        );
        self.see(2, &t.x);
    }

    fn decision(&mut self, d: &Decision<'_>) {
        let n = d.candidates.len();
        assert_eq!(
            (d.features.len(), d.query.len(), d.waited.len(), d.lag.len()),
            (n * CAND, QUERY, n, n)
        );
        // Where a wake-up is missing in the recording, idle seems to follow itself.
        let idle_alone = n == 1 && d.prev.0 < 2;
        assert!(
            n > 0 && (idle_alone || !d.candidates.contains(&d.prev)),
            "there is always somebody, and never prev"
        );
        let mut sorted = d.candidates.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), n, "nobody is a candidate twice");
        assert!(d.waited.is_sorted_by(|a, b| a >= b), "oldest first");
        self.candidates = n;
        self.see(0, d.query);
        d.features.chunks_exact(CAND).for_each(|row| self.see(1, row));
    }

    fn outcome(&mut self, o: &Outcome) {
        assert!(o.pick.is_none_or(|p| (p as usize) < self.candidates));
        if o.scored {
            self.decisions += 1;
            self.covered += u64::from(o.pick.is_some());
        }
    }

    fn forecast(&mut self, f: &Forecast<'_>) {
        let n = f.candidates.len();
        assert!(n <= MOST_EXPECTED && f.ranked <= 16.min(n) && !f.candidates.contains(&f.running));
        assert_eq!((f.features.len(), f.query.len()), (n * THREAD, ASK));
        let mut sorted = f.candidates.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), n, "nobody is a candidate twice");
        let ends = [f.queue.first(), f.queue.last()];
        assert!(
            ends.into_iter().flatten().all(|t| f.candidates.contains(t)),
            "both ends of the queue are candidates"
        );
        self.see(4, f.query);
        f.features.chunks_exact(THREAD).for_each(|row| self.see(3, row));
    }
}

/// Recordings that lost switches of a few threads, and the coverage they reach.
const CONTAMINATED: &[(&str, f64)] = &[];

#[test]
fn every_recording_is_covered_and_every_input_is_alive() {
    let mut survey = Survey {
        low: [QUERY, CAND, TOKEN_X, THREAD, ASK].map(|n| vec![f32::INFINITY; n]),
        high: [QUERY, CAND, TOKEN_X, THREAD, ASK].map(|n| vec![f32::NEG_INFINITY; n]),
        decisions: 0,
        covered: 0,
        candidates: 0,
    };
    for path in recordings() {
        let trace = kernel_oracle::ingest::open(&path).unwrap().trace;
        (survey.decisions, survey.covered) = (0, 0);
        let mut extractor = Extractor::new(&trace);
        for i in 0..trace.len() {
            extractor.step(&trace, i, &mut survey);
        }
        let name = &trace.meta().name;
        let least = CONTAMINATED.iter().find(|(n, _)| n == name).map_or(0.99, |(_, least)| *least);
        let coverage = survey.covered as f64 / survey.decisions as f64;
        assert!(coverage >= least, "{name}: coverage {coverage}");
    }
    let names = [QUERY_NAMES, CAND_NAMES, TOKEN_X_NAMES, THREAD_NAMES, ASK_NAMES];
    let dead: Vec<_> = (0..5)
        .flat_map(|t| (0..names[t].len()).map(move |i| (t, i)))
        .filter(|(t, i)| survey.low[*t][*i] >= survey.high[*t][*i])
        .map(|(t, i)| names[t][i])
        .collect();
    assert_eq!(dead, [""; 0], "columns that never change");
}

#[test]
fn gaps_forget_who_runs() {
    let trace = open("cpu-bound-4p_run0");
    let at = trace.time(1_000);
    let mut b = TraceBuilder::default();
    for i in 0..trace.len() {
        let e = trace.event(i);
        let mut task =
            |id| trace.tasks().get(id).map_or(TaskId::NONE, |t| b.task(t.pid, t.name.as_bytes()));
        let (task, next) = (task(e.task), task(e.next));
        b.push(Event { task, next, ..e }, trace.tasks().pid(e.actor));
    }
    b.gap(kernel_oracle::trace::Gap { cpu: CpuId(0), from: Nanos(at.0 - 1), to: at, lost: 3 });
    let lossy = b.finish(trace.meta().clone());
    let mut sink =
        Script { trace: &lossy, event: 0, lines: Vec::new(), relative: false, met: Vec::new() };
    let mut extractor = Extractor::new(&lossy);
    for i in 0..1_000 {
        extractor.step(&lossy, i, &mut sink);
    }
    assert!(extractor.queues().since(CpuId(0)).is_some());
    let e = lossy.event(1_000);
    extractor.step(&lossy, 1_000, &mut sink);
    assert_eq!(
        extractor.queues().since(CpuId(0)).is_some(),
        e.kind == EventKind::Switch && e.cpu == CpuId(0)
    );
}
