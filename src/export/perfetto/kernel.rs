//! One event of the kernel as a message of Perfetto's. The numbers of fields are those of
//! `protos/perfetto/trace/ftrace` in Perfetto's tree.

use super::Left;
use super::wire::Message;
use crate::trace::{EventKind, TaskId, TaskState, ThreadIx, Trace};

/// Field of an event in a bundle.
const EVENT: u64 = 2;
/// Who acted is not known: no thread has this number.
const NOBODY: i64 = u32::MAX as i64;

/// Adds event `i` to a bundle, and counts what cannot be said.
pub fn event(trace: &Trace, i: usize, to: &mut Message, left: &mut Left) {
    let e = trace.event(i);
    if e.kind == EventKind::Runtime {
        left.runtimes += 1;
        return;
    }
    let clock = trace.meta().start_ns.saturating_add(e.time.0);
    let actor = match e.actor {
        ThreadIx::NONE => NOBODY,
        thread => i64::from(trace.tasks().pid(thread).0),
    };
    to.message(EVENT, |m| {
        m.unsigned(1, clock).number(2, actor);
        m.message(field(e.kind), |m| body(trace, i, m, left));
    });
}

/// The field of an event that holds its kind's own message.
fn field(kind: EventKind) -> u64 {
    match kind {
        EventKind::Switch => 4,
        EventKind::Wakeup => 17,
        EventKind::Waking => 20,
        EventKind::WakeupNew => 114,
        EventKind::Rename => 236,
        EventKind::Exec => 237,
        EventKind::Exit => 238,
        EventKind::Fork => 239,
        // A run time never comes here.
        EventKind::Migrate | EventKind::Runtime => 491,
    }
}

fn body(trace: &Trace, i: usize, m: &mut Message, left: &mut Left) {
    let e = trace.event(i);
    let ((comm, pid), prio) = (task(trace, e.task), i64::from(e.prio));
    match e.kind {
        EventKind::Switch => {
            let (next, next_pid) = task(trace, e.next);
            m.text(1, comm).number(2, pid).number(3, prio).unsigned(4, state(e.state, left));
            m.text(5, next).number(6, next_pid).number(7, i64::from(e.next_prio));
        }
        EventKind::Wakeup | EventKind::WakeupNew | EventKind::Waking => {
            let success = 1;
            m.text(1, comm)
                .number(2, pid)
                .number(3, prio)
                .number(4, success)
                .number(5, i64::from(e.to_cpu.0));
        }
        EventKind::Migrate | EventKind::Runtime => {
            m.text(1, comm).number(2, pid).number(3, prio);
            m.number(4, i64::from(e.from_cpu.0)).number(5, i64::from(e.to_cpu.0));
        }
        EventKind::Rename => {
            m.number(1, pid).text(2, comm).text(3, task(trace, e.next).0);
        }
        EventKind::Exec => {
            m.text(1, comm).number(2, pid).number(3, pid);
        }
        EventKind::Exit => {
            // Which process the thread belongs to is not known; a thread of its own is the usual
            // one.
            m.text(1, comm).number(2, pid).number(3, pid).number(4, prio);
        }
        EventKind::Fork => {
            let (child, child_pid) = task(trace, e.next);
            m.text(1, comm).number(2, pid).text(3, child).number(4, child_pid);
        }
    }
}

fn state(state: TaskState, left: &mut Left) -> u64 {
    state.bits().unwrap_or_else(|| {
        left.states += 1;
        u64::from(if state.is_runnable() { TaskState::PREEMPTED.0 } else { TaskState::SLEEP.0 })
    })
}

fn task(trace: &Trace, id: TaskId) -> (&str, i64) {
    trace.tasks().get(id).map_or(("<...>", 0), |t| (&t.name, i64::from(t.pid.0)))
}
