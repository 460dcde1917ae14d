//! Recordings that tests of this room are made of.

use crate::trace::{CpuId, Event, Nanos, Pid, Trace, TraceBuilder, TraceMeta};

/// Stints with who runs, and whether another one is said to leave at the end.
pub fn trace(stints: &[(u64, i32, bool)]) -> Trace {
    let mut b = TraceBuilder::default();
    let (mut t, mut prev) = (0, 0);
    for &(ns, pid, lies) in stints {
        let (task, next) = (b.task(Pid(prev), b"p"), b.task(Pid(pid), b"p"));
        let event =
            Event { task, next, prio: 120, next_prio: 120, ..Event::blank(Nanos(t), CpuId(0)) };
        b.push(event, Pid(-1));
        prev = if lies { 9 } else { pid };
        t += ns;
    }
    b.finish(TraceMeta::default())
}
