//! What answering takes from the allocator: nothing for an event once everything has its size, and
//! for the states that are kept of a recording no more than a multiple of what the recording takes
//! itself. Counted by an allocator of this test's own, for each thread apart.

#![allow(clippy::unwrap_used)] // helpers of tests are test code too
#![allow(unsafe_code)] // an allocator cannot be written without

mod common;

use common::recordings;
use kernel_oracle::evaluate::mistakes::collect::{collect_keeping, states_every};
use kernel_oracle::evaluate::overlay;
use kernel_oracle::evaluate::watch::Watch;
use kernel_oracle::features::Extractor;
use kernel_oracle::job::Cancel;
use kernel_oracle::predictor::heuristics::{Heuristic, Rule};
use kernel_oracle::predictor::stream::StreamEngine;
use kernel_oracle::predictor::weights::Weights;
use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, TaskState, Trace, TraceBuilder, TraceMeta,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

struct Counting;

thread_local! {
    /// Calls, bytes that this thread holds, and the most that it held.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST: Cell<i64> = const { Cell::new(0) };
}

fn note(calls: u64, bytes: i64) {
    CALLS.set(CALLS.get() + calls);
    HELD.set(HELD.get() + bytes);
    MOST.set(MOST.get().max(HELD.get()));
}

// SAFETY: everything is passed on to the system's allocator as it came; the counters are plain
// cells without a destructor, which do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that `work` held beyond those of before.
fn most_held<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let before = HELD.get();
    MOST.set(before);
    let out = work();
    (MOST.get() - before, out)
}

#[test]
fn an_answer_allocates_nothing() {
    let weights = Arc::new(Weights::bundled().unwrap());
    assert!(weights.config.adapt);
    for name in ["hackbench-pipe-2g_run3", "cfs/hackbench-socket-2g_run3"] {
        let trace = recordings::open(name);
        let mut watch = Watch::new(&trace, StreamEngine::new(&weights, trace.cpus()));
        let half = trace.len() / 2;
        let asked = (0..half).filter(|i| watch.step(&trace, *i).is_some()).count();
        assert!(asked > 1_000);
        // Each of four context tables may still double some times, two allocations each, and a
        // thread may appear for the first time: a handful, not one for each event.
        let before = CALLS.get();
        let sure = (half..trace.len()).filter(|i| {
            let pick = watch.step(&trace, *i).and_then(|mut answered| answered.picks.first(0));
            pick.is_some_and(|(_, p)| p > 0.9)
        });
        let (sure, calls) = (sure.count(), CALLS.get() - before);
        assert!(
            sure > 0 && calls <= 32,
            "{name}: {calls} allocations in {} events",
            trace.len() - half
        );
    }
}

/// `threads` threads, each woken by the one before and gone after one stint.
fn short_lived(threads: usize) -> Trace {
    let mut b = TraceBuilder::with_capacity(2 * threads);
    let task = |b: &mut TraceBuilder, i: usize| b.task(Pid(i as i32 + 1), b"t");
    for i in 0..threads {
        let (prev, next) = (task(&mut b, i), task(&mut b, i + 1));
        let (time, actor) = (i as u64 * 100, Pid(i as i32 + 1));
        let woken = Event {
            kind: EventKind::WakeupNew,
            task: next,
            prio: 120,
            to_cpu: CpuId(0),
            ..Event::blank(Nanos(time), CpuId(0))
        };
        b.push(woken, actor);
        let state = TaskState::DEAD;
        let blank = Event::blank(Nanos(time + 50), CpuId(0));
        b.push(Event { task: prev, next, prio: 120, next_prio: 120, state, ..blank }, actor);
    }
    b.finish(TraceMeta { cpus: 1, ..TraceMeta::default() })
}

/// Bytes that the events of a recording take in its columns.
const EVENT: usize = 38;

/// Of 40,000 threads each state knows some 25 MB; of a pass over them 10 to 64 states are kept.
#[test]
fn kept_states_share_what_did_not_change() {
    let trace = short_lived(40_000);
    let input = (trace.len() * EVENT) as f64;
    // Beside the threads, every state has context tables of bounded size: 7 MB when they are full.
    let (live, _) = most_held(|| Extractor::new(&trace));
    let held = |work: &dyn Fn() -> usize| {
        let (bytes, states) = most_held(work);
        assert!(states >= 5, "{states} states");
        (bytes - live - 8_000_000 * states as i64) as f64 / input
    };
    let fifo = Heuristic::new(Rule::Fifo, 0);
    let of_overlay =
        held(&|| overlay::run(&trace, fifo.clone(), &Cancel::new(), &mut |_| {}).unwrap().len());
    let (alone, ()) =
        most_held(|| overlay::once(&trace, fifo.clone(), &Cancel::new(), &mut |_| {}).unwrap());
    let (keeping, _) =
        most_held(|| overlay::run(&trace, fifo.clone(), &Cancel::new(), &mut |_| {}).unwrap());
    assert!(
        alone * 3 < keeping * 2,
        "who only wants predictions holds one state: {alone} and {keeping} bytes"
    );
    let of_mistakes = held(&|| {
        let states = states_every(8_192, &trace, fifo.clone());
        let table = collect_keeping(&trace, "t".into(), &states, None, &Cancel::new(), &|_| {});
        assert!(table.is_some());
        states.len()
    });
    assert!(
        of_overlay < 20.0 && of_mistakes < 20.0,
        "{of_overlay:.1} and {of_mistakes:.1} times the recording"
    );
}
