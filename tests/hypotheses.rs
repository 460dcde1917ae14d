//! The hypotheses of the kernel: that asking them together is asking each alone, and how right each
//! is.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, not in their helpers

mod common;

use common::recordings;
use kernel_oracle::sched::replay::{Beliefs, Correction, Hypotheses, KernelReplay};
use kernel_oracle::sched::runqueue::RunQueues;
use kernel_oracle::trace::{EventKind, Trace};

/// Follows the first `upto` events with all together and with each alone; everything that can be
/// asked is the same. Gives the number of decisions about which they disagree.
fn same_as_apart(trace: &Trace, upto: usize) -> usize {
    let mut together = Hypotheses::of(trace);
    let mut apart = Correction::all(trace.machine().class.value)
        .map(|r| KernelReplay::by(trace, trace.machine(), r));
    let mut queues = RunQueues::of(trace);
    let (mut rows, mut disagree) = (Vec::new(), 0);
    for (i, e) in trace.events().take(upto).enumerate() {
        if i == upto / 2 {
            together = together.snapshot();
        }
        queues.observe(&e, trace);
        if e.kind != EventKind::Switch {
            together.event(&e, trace);
            for r in &mut apart {
                r.event(&e, trace);
            }
            queues.apply(&e, trace);
            continue;
        }
        together.before_pick(&e, trace);
        for r in &mut apart {
            r.before_pick(&e, trace);
        }
        queues.begin_switch(&e, trace.tasks());
        let waiting = queues.queue(e.cpu).to_vec();
        rows.resize(waiting.len(), Beliefs::default());
        together.views(e.cpu, &waiting, &mut rows);
        let resched = together.resched(e.cpu);
        for (h, replay) in apart.iter_mut().enumerate() {
            for (row, thread) in rows.iter().zip(&waiting) {
                assert_eq!(row.view(h), replay.view(e.cpu, *thread), "event {i}, hypothesis {h}");
            }
            assert_eq!(resched[h], replay.resched(e.cpu), "event {i}, hypothesis {h}");
        }
        disagree += usize::from(rows.iter().any(|row| ![0, u8::MAX].contains(&row.picked)));
        let next = trace.tasks().thread_on(e.next, e.cpu);
        together.after_pick(&e, trace, &waiting, next);
        for r in &mut apart {
            r.after_pick(&e, trace, &waiting, next);
        }
        queues.finish_switch(&e, trace.tasks());
        let waiting = queues.queue(e.cpu);
        let nexts = together.next_waiting(e.cpu, waiting);
        assert_eq!(nexts, apart.each_mut().map(|r| r.next_waiting(e.cpu, waiting)), "event {i}");
        for thread in waiting {
            let standing = together.standing(e.cpu, *thread);
            let alone = apart.each_mut().map(|r| r.standing(e.cpu, *thread));
            assert_eq!(standing, alone[0], "event {i}");
        }
    }
    disagree
}

#[test]
fn all_together_are_each_alone() {
    let names =
        ["hackbench-socket-4g_run1", "cfs/hackbench-pipe-2g_run1", "6.12x8/hackbench-pipe-4g_run0"];
    let names = names.into_iter().chain([
        "priorities-mix_run0",
        "6.1x4/fork-storm_run0",
        "stress-switch-4_run0",
    ]);
    for name in names {
        let disagree = same_as_apart(&recordings::open(name), 12_000);
        assert!(disagree > 0, "{name}: the rules do nothing");
    }
}
