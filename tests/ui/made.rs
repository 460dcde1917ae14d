//! Recordings, answers and a decision that are made up for the screens.

use kernel_oracle::app::timeline::Loaded;
use kernel_oracle::evaluate::overlay::{Candidate, Chunk, Guess, Inspection, Prediction};
use kernel_oracle::ingest;
use kernel_oracle::replay::lod::Pyramid;
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Gap, Nanos, Pid, TaskId, TaskState, ThreadIx, Trace, TraceBuilder,
    TraceMeta,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

pub const REAL: &str = "traces/hackbench-pipe-2g_run0.csv.zst";

pub static HACKBENCH: LazyLock<Arc<Trace>> =
    LazyLock::new(|| Arc::new(ingest::open(Path::new(REAL)).unwrap().trace));

pub fn event(b: &mut TraceBuilder, t: u64, cpu: u16, prev: i32, next: i32) {
    let (task, next) = (b.task(Pid(prev), b"some task"), b.task(Pid(next), b"other ==> task"));
    let event = Event {
        time: Nanos(t),
        cpu: CpuId(cpu),
        kind: EventKind::Switch,
        actor: ThreadIx::NONE,
        task,
        prio: 120,
        state: if t.is_multiple_of(3) { TaskState::SLEEP } else { TaskState::PREEMPTED },
        next,
        next_prio: 120,
        from_cpu: CpuId::NONE,
        to_cpu: CpuId::NONE,
    };
    b.push(event, Pid(prev));
}

pub fn named(name: &str) -> TraceMeta {
    TraceMeta { name: name.into(), ..TraceMeta::default() }
}

pub fn empty() -> Arc<Trace> {
    Arc::new(TraceBuilder::default().finish(named("empty")))
}

pub fn single() -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    event(&mut b, 77, 0, 5, 6);
    Arc::new(b.finish(named("single")))
}

/// 300 CPUs; every third has no events.
pub fn wide() -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    for t in 0..3_000_u64 {
        let cpu = (t % 300) as u16;
        if cpu % 3 != 2 {
            event(&mut b, 1_000 * t, cpu, (t / 300) as i32, (t / 300 + 1) as i32);
        }
    }
    Arc::new(b.finish(TraceMeta { cpus: 300, ..named("wide") }))
}

/// Losses on CPU 0, one long and one within a column.
pub fn lossy() -> Arc<Trace> {
    let mut b = TraceBuilder::default();
    for i in 0..40_u64 {
        event(&mut b, 10_000 * i, (i % 2) as u16, (i % 5) as i32, ((i + 2) % 5) as i32);
    }
    b.gap(Gap { cpu: CpuId(0), from: Nanos(40_000), to: Nanos(100_000), lost: 12 });
    b.gap(Gap { cpu: CpuId(0), from: Nanos(200_100), to: Nanos(200_400), lost: 1 });
    Arc::new(b.finish(named("lossy")))
}

/// Made-up answers that depend on nothing but the trace: right four times of five.
pub fn answers(trace: &Trace, share: usize) -> Chunk {
    let one = |cpu: CpuId, k: usize, event: u32| {
        let e = trace.event(event as usize);
        let real = trace.tasks().thread_on(e.next, cpu);
        let other = trace.tasks().thread_on(e.task, cpu);
        let guess = |hit: bool| Guess {
            thread: if hit { real } else { other },
            p: 0.61,
            p_real: if hit { 0.61 } else { 0.22 },
            rank: if hit { 1 } else { 2 },
            scored: true,
        };
        let queue = (k * 7 % 11) as u16;
        Prediction {
            queue,
            trivial: queue < 2,
            covered: true,
            real,
            pick: guess(!k.is_multiple_of(5)),
            forecast: guess(!k.is_multiple_of(3)),
            baselines: [other, real, other, real, other],
        }
    };
    let per_cpu = (0..trace.cpus()).map(|c| {
        let cpu = CpuId(c as u16);
        let switches = trace.cpu_switches(cpu);
        let known = switches.len() * share / 100;
        switches[..known].iter().enumerate().map(|(k, &event)| one(cpu, k, event)).collect()
    });
    Chunk { per_cpu: per_cpu.collect(), end: trace.len() * share / 100 }
}

/// Another predictor's made-up answers: right where the first one is not, and three times of four
/// elsewhere.
pub fn others(trace: &Trace, share: usize) -> Chunk {
    let mut chunk = answers(trace, share);
    for lane in &mut chunk.per_cpu {
        for (k, p) in lane.iter_mut().enumerate() {
            let hit = p.pick.rank != 1 || !k.is_multiple_of(4);
            let thread = if hit { p.real } else { p.baselines[0] };
            p.pick = Guess {
                thread,
                p: 0.48,
                p_real: if hit { 0.48 } else { 0.3 },
                rank: if hit { 1 } else { 2 },
                scored: true,
            };
        }
    }
    chunk
}

pub fn inspection(trace: &Trace, event: usize) -> Inspection {
    let e = trace.event(event);
    let thread = |task: TaskId| trace.tasks().thread_on(task, e.cpu);
    let candidate =
        |thread, p, waited, lag_ns| Candidate { thread, p, waited: Nanos(waited), lag_ns };
    let others = (0..9).map(|i| candidate(ThreadIx(trace.cpus() as u32 + i), 0.02, 950, 0));
    let mut candidates = vec![
        candidate(thread(e.task), 0.61, 12_000, -200_000),
        candidate(thread(e.next), 0.22, 38_000, 100_000),
    ];
    candidates.extend(others);
    Inspection {
        event,
        model: "tcn".into(),
        prev: thread(e.task),
        prev_state: e.state,
        stint: Nanos(38_000),
        candidates,
        real: thread(e.next),
        forecast: vec![(thread(e.next), 0.55)],
        lead: Nanos(38_000),
        decision_ns: 2_100,
        context: (event.saturating_sub(20)..event).rev().collect(),
    }
}

pub fn loaded(trace: Arc<Trace>, notes: &[&str]) -> Arc<Loaded> {
    let pyramid = Pyramid::build(&trace);
    let notes = notes.iter().map(ToString::to_string).collect();
    Arc::new(Loaded { path: PathBuf::from(REAL), trace, pyramid, notes })
}
