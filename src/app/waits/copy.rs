//! A wait as a line of `perf sched timehist`: the stint that followed it, with what came before.

use crate::stats::Table;
use crate::stats::states::Cause;

/// Time of the switch out (s, the recording's clock), CPU, task, then wait time, sch delay and run
/// time in ms. A preempted thread's wait is wait time, a woken one's is sch delay, as there.
/// `None`: it never came in.
pub fn timehist(t: &Table, row: usize) -> Option<String> {
    let (trace, wait) = (&t.trace, t.waits.get(row));
    if t.waits.is_open(row) {
        return None;
    }
    let left = |row: usize| {
        let wait = t.waits.get(row);
        let switches = trace.cpu_switches(wait.cpu);
        let next = switches.partition_point(|event| *event <= wait.last);
        switches.get(next).map(|event| trace.time(*event as usize).0)
    };
    let rows = t.waits.of_thread(wait.thread);
    let before =
        rows.partition_point(|r| (*r as usize) < row).checked_sub(1).map(|i| rows[i] as usize);
    // Asleep since the end of the stint before, when that is known.
    let slept = before
        .filter(|b| !t.waits.is_open(*b))
        .and_then(left)
        .map_or(0, |at| wait.from.saturating_sub(at));
    let out = left(row).unwrap_or(trace.span().0);
    let length = wait.to - wait.from;
    let (waited, delay) =
        if wait.began == Cause::Preempted { (length, 0) } else { (slept, length) };
    let who = (trace.name_at(wait.thread, t.event(row)), trace.tasks().pid(wait.thread).0);
    let ms = |ns: u64| format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000);
    let at = trace.meta().start_ns.saturating_add(out);
    Some(format!(
        "{:>8}.{:06} [{:04}]  {:<30}  {:>9}  {:>9}  {:>9}\n",
        at / 1_000_000_000,
        at / 1_000 % 1_000_000,
        wait.cpu.0,
        format!("{}[{}]", who.0, who.1),
        ms(waited),
        ms(delay),
        ms(out - wait.to)
    ))
}
