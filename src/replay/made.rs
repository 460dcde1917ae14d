//! Recordings that tests of this room are made of.

use crate::trace::{CpuId, Event, EventKind, Nanos, Pid, TaskState, ThreadIx, Trace, TraceBuilder, TraceMeta};

/// Stints with who runs, and whether another one is said to leave at the end.
pub fn trace(stints: &[(u64, i32, bool)]) -> Trace {
    let mut b = TraceBuilder::default();
    let (mut t, mut prev) = (0, 0);
    for &(ns, pid, lies) in stints {
        let (task, next) = (b.task(Pid(prev), b"p"), b.task(Pid(pid), b"p"));
        let event = Event {
            time: Nanos(t),
            cpu: CpuId(0),
            kind: EventKind::Switch,
            actor: ThreadIx::NONE,
            task,
            prio: 120,
            state: TaskState::RUNNING,
            next,
            next_prio: 120,
            from_cpu: CpuId::NONE,
            to_cpu: CpuId::NONE,
        };
        b.push(event, Pid(-1));
        prev = if lies { 9 } else { pid };
        t += ns;
    }
    b.finish(TraceMeta::default())
}
