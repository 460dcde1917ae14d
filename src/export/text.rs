//! ftrace's own text, as the kernel's `trace` file has it, with nanosecond stamps: for the tools
//! that read that.

use super::{Item, items};
use crate::trace::{Event, EventKind, TaskId, ThreadIx, Trace};
use std::io::Write;

/// Writes the events as ftrace text. Names that hold a line end lose it: the format has no way to
/// say it.
pub fn ftrace_text(trace: &Trace, mut out: impl Write) -> std::io::Result<()> {
    let (events, cpus) = (trace.len(), trace.cpus());
    writeln!(
        out,
        "# tracer: nop\n#\n# entries-in-buffer/entries-written: {events}/{events}   #P:{cpus}\n#"
    )?;
    writeln!(out, "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION")?;
    writeln!(out, "#              | |         |   |||||     |         |")?;
    for item in items(trace) {
        match item {
            Item::Event(i) => event(trace, i, &mut out)?,
            Item::Gap(gap) if gap.lost == 0 => writeln!(out, "CPU:{} [LOST EVENTS]", gap.cpu.0)?,
            Item::Gap(gap) => writeln!(out, "CPU:{} [LOST {} EVENTS]", gap.cpu.0, gap.lost)?,
        }
    }
    Ok(())
}

/// Who, where and when: what every line begins with.
fn write_head(trace: &Trace, i: usize, e: &Event, out: &mut impl Write) -> std::io::Result<()> {
    let (actor, pid) = match e.actor {
        // The reader knows this name and number as "not known".
        ThreadIx::NONE => ("<...>", -1),
        thread if trace.tasks().is_idle(thread) => ("<idle>", 0),
        thread => (trace.name_at(thread, i), trace.tasks().pid(thread).0),
    };
    let actor = one_line(actor);
    let clock = trace.meta().start_ns.saturating_add(e.time.0);
    let (secs, ns) = (clock / 1_000_000_000, clock % 1_000_000_000);
    write!(out, "{actor:>16}-{pid:<7} [{:03}] d..2. {secs:5}.{ns:09}: ", e.cpu.0)
}

fn event(trace: &Trace, i: usize, out: &mut impl Write) -> std::io::Result<()> {
    let e = trace.event(i);
    write_head(trace, i, &e, out)?;
    let (comm, pid) = task(trace, e.task);
    let prio = e.prio;
    match e.kind {
        EventKind::Switch => {
            let (next, next_pid) = task(trace, e.next);
            let (state, next_prio) = (e.state.label(), e.next_prio);
            write!(
                out,
                "sched_switch: prev_comm={comm} prev_pid={pid} prev_prio={prio} \
                         prev_state={state} ==> "
            )?;
            writeln!(out, "next_comm={next} next_pid={next_pid} next_prio={next_prio}")
        }
        EventKind::Wakeup | EventKind::WakeupNew | EventKind::Waking => {
            let name = e.kind.tracepoint();
            writeln!(out, "{name}: comm={comm} pid={pid} prio={prio} target_cpu={:03}", e.to_cpu.0)
        }
        EventKind::Migrate => {
            let (from, to) = (e.from_cpu.0, e.to_cpu.0);
            writeln!(
                out,
                "sched_migrate_task: comm={comm} pid={pid} prio={prio} orig_cpu={from} \
                           dest_cpu={to}"
            )
        }
        EventKind::Runtime => {
            let runtime = trace.runtime(i).unwrap_or_default();
            write!(out, "sched_stat_runtime: comm={comm} pid={pid} runtime={} [ns]", runtime.ns)?;
            if runtime.vruntime > 0 {
                writeln!(out, " vruntime={} [ns]", runtime.vruntime)
            } else {
                writeln!(out)
            }
        }
        EventKind::Fork => {
            let (child, child_pid) = task(trace, e.next);
            writeln!(
                out,
                "sched_process_fork: comm={comm} pid={pid} child_comm={child} child_pid={child_pid}"
            )
        }
        EventKind::Exec => {
            writeln!(out, "sched_process_exec: filename={comm} pid={pid} old_pid={pid}")
        }
        EventKind::Rename => {
            let (new, _) = task(trace, e.next);
            writeln!(out, "task_rename: pid={pid} oldcomm={comm} newcomm={new} oom_score_adj=0")
        }
        EventKind::Exit => writeln!(out, "sched_process_exit: comm={comm} pid={pid} prio={prio}"),
    }
}

fn task(trace: &Trace, id: TaskId) -> (std::borrow::Cow<'_, str>, i32) {
    trace.tasks().get(id).map_or(("<...>".into(), 0), |t| (one_line(&t.name), t.pid.0))
}

fn one_line(name: &str) -> std::borrow::Cow<'_, str> {
    if name.contains(['\n', '\r']) { name.replace(['\n', '\r'], " ").into() } else { name.into() }
}
