//! The inputs of a forecast that describe each thread of the CPU's recency list: is it waiting here, asleep, elsewhere;
//! for how long, and for how long as a rule; how often did it follow. Looks at the past and at the queues as they are now.

use super::follow::Ident;
use super::history::{NEVER, Past, log_count, log_time, scale_prio};
use super::layout::{RECENT, recent};
use super::votes::Booth;
use super::{ORDERS, RANKS};
use crate::sched::runqueue::Run;
use crate::trace::ThreadIx;

/// Rows of the classes from 1 on.
pub(super) type Rows = [f32; (RANKS - 2) * RECENT];

/// What the kernel replay says of a thread that waits: lag and deadline against the queue's average, ns.
pub(super) type Standing<'a> = &'a mut dyn FnMut(ThreadIx) -> Option<(i64, i64)>;

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

/// Share of `a` in `b`, at most 4, over 4.
fn share(a: f32, b: f32) -> f32 {
    if b <= 0.0 { 0.0 } else { (a / b).min(4.0) / 4.0 }
}

/// Fills the rows of the classes 1.. of `booth.lane`; the answer is how many there are.
pub(super) fn fill(rows: &mut Rows, booth: &Booth<'_>, slice_ns: f32, standing: Standing<'_>) -> usize {
    let threads = &booth.lane.recency()[1.min(booth.lane.recency().len())..];
    let running = booth.past.get(booth.running.ix());
    let stint_ns = running.map_or(0.0, |p| p.avg_ns);
    for (thread, row) in threads.iter().zip(rows.chunks_exact_mut(RECENT)) {
        row.fill(0.0);
        row[recent::there] = 1.0;
        row[recent::idle] = flag(booth.queues.is_idle(*thread));
        let Some(past) = booth.past.get(thread.ix()) else { continue };
        let entry = booth.queues.entry(*thread);
        let here = entry.cpu == booth.cpu;
        match entry.run {
            Run::Queued if here => {
                let queue = booth.queues.queue(booth.cpu);
                // A queue is in the order of enqueueing.
                let from = queue.partition_point(|t| booth.queues.entry(*t).enqueued < entry.enqueued);
                let place = queue[from..].iter().position(|t| t == thread).map(|i| from + i);
                let place = place.or_else(|| queue.iter().position(|t| t == thread)).unwrap_or(0);
                row[recent::queued] = 1.0;
                row[recent::waited] = log_time(booth.now.since(entry.enqueued).0);
                row[recent::fifo] = log_count(place as u32, 4.0);
                row[recent::lifo] = log_count((queue.len().max(1) - 1 - place) as u32, 4.0);
                if let Some((lag, key)) = standing(*thread) {
                    row[recent::lag] = (lag as f32 / slice_ns).clamp(-4.0, 4.0) / 2.0;
                    row[recent::deadline] = (key as f32 / slice_ns).clamp(-4.0, 4.0) / 2.0;
                }
            }
            Run::Queued => row[recent::queued_away] = 1.0,
            Run::Running => row[recent::running_away] = flag(!here),
            Run::Asleep => {
                row[recent::asleep] = 1.0;
                if past.asleep != NEVER {
                    let slept = booth.now.0.saturating_sub(past.asleep);
                    row[recent::slept_for] = log_time(slept);
                    row[recent::slept_share] = share(slept as f32, past.avg_sleep_ns);
                    row[recent::due_share] = share(slept as f32 + stint_ns, past.avg_sleep_ns);
                }
            }
        }
        row[recent::avg_sleep] = past.avg_sleep;
        row[recent::last_sleep] = past.slept;
        // Who sleeps since it left has slept since it left: a logarithm is what takes time here.
        row[recent::since_left] = match past.left {
            NEVER => 0.0,
            left if left == past.asleep && entry.run == Run::Asleep => row[recent::slept_for],
            left => log_time(booth.now.0.saturating_sub(left)),
        };
        row[recent::avg_stint] = past.avg_stint;
        row[recent::last_stint] = past.last_stint;
        row[recent::stints_since_wake] = log_count(past.stints_since_wake.min(1_000), 4.0);
        row[recent::prio] = scale_prio(past.prio);
        row[recent::kthread] = flag(past.kthread);
        row[recent::woken_by_running] = flag(past.woken_by == booth.running);
        row[recent::woke_running] = flag(running.is_some_and(|p| p.woken_by == *thread));
        row[recent::last_ran_here] = flag(past.last_cpu == booth.cpu.0);
    }
    follow(rows, threads.len(), booth);
    threads.len()
}

/// Shares among the followers of the running thread and of the longer contexts.
fn follow(rows: &mut Rows, count: usize, booth: &Booth<'_>) {
    let mut put = |who: Ident, column: usize, value: f32| {
        let class = booth.idents.thread(who, booth.past).map_or(0, |t| usize::from(booth.lane.rank(t)));
        if (1..=count).contains(&class) {
            rows[(class - 1) * RECENT + column] = value;
        }
    };
    if let Some(followers) = booth.past.get(booth.running.ix()).map(|p: &Past| &p.followers) {
        for (who, weight) in followers.iter() {
            put(who, recent::follow_1, weight / (followers.sum + 1e-3));
        }
    }
    for (order, found) in booth.follow.here(&booth.lane.history, booth.cpu.ix()).into_iter().enumerate().skip(1) {
        let Some(followers) = found else { continue };
        for (who, count) in followers.iter() {
            put(who, recent::follow_1 + order, count / (followers.total as f32 + 0.5));
        }
    }
    const { assert!(recent::follow_1 + ORDERS <= RECENT) };
}
