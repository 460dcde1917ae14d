//! What the extractor remembers of each thread and of each CPU, and the scales of its inputs.
//! Knows nothing of candidates or tokens.

use super::RANKS;
use super::follow::{History, Recent};
use super::ident::{Ident, NOBODY};
use super::spans::Spans;
use super::wakes::Wakes;
use crate::sched::replay::is_kernel_thread;
use crate::sched::state::Table;
use crate::simd::each::ln;
use crate::trace::{CpuId, Nanos, TaskId, TaskTable, ThreadIx};
use std::collections::HashMap;

/// Scale of a duration: `ln(1 + µs) / 8`, at nanosecond precision.
pub(super) fn log_time(ns: u64) -> f32 {
    (1.0 + ns as f32 * 1e-3).ln() / 8.0
}

/// Scale of a count: `ln(1 + n) / over`.
pub(super) fn log_count(n: u32, over: f32) -> f32 {
    /// `ln(1 + n)` of the counts that are usual.
    static SMALL: [f32; 128] = {
        let (mut all, mut n) = ([0.0; 128], 0);
        while n < all.len() {
            all[n] = ln(1.0 + n as f32);
            n += 1;
        }
        all
    };
    SMALL.get(n as usize).copied().unwrap_or_else(|| (1.0 + n as f32).ln()) / over
}

/// Scale of a kernel priority: 0 for nice 0.
pub(super) fn scale_prio(prio: i16) -> f32 {
    (f32::from(prio) - 120.0) / 40.0
}

/// A time that has not come yet.
pub(super) const NEVER: u64 = u64::MAX;

/// One thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadHistory {
    /// Its name in the tables of contexts; [`NOBODY`] until it first runs.
    pub ident: Ident,
    /// When it last left a CPU, and which; [`NEVER`].
    pub left: u64,
    pub last_cpu: u16,
    /// Run time over weight, ns at nice 0.
    pub weighted: u64,
    pub prio: i16,
    weight: f32,
    /// Moving average of stints in ns (0: none yet), and the scaled values of it and of the last
    /// one.
    pub avg_ns: f32,
    pub avg_stint: f32,
    pub last_stint: f32,
    /// When it went to sleep, when it last woke up; [`NEVER`]. How long it had slept then, scaled.
    pub asleep: u64,
    pub woke: u64,
    pub slept: f32,
    /// Moving average of sleeps in ns (0: none yet), and its scaled value.
    pub avg_sleep_ns: f32,
    pub avg_sleep: f32,
    /// How often it ran since it last woke up, and that scaled.
    pub stints_since_wake: u32,
    pub stints_scaled: f32,
    /// Who woke it last.
    pub woken_by: ThreadIx,
    pub kthread: bool,
    /// Equal for threads of the same name (before any `/`); 0 for idle and unknown ones.
    pub name: u32,
    /// Counters of the present wait (see [`super::candidates`]) and the enqueueing they belong to.
    pub serial: u32,
    pub passed: u32,
    pub passed_later: u32,
    /// Passed over since it last ran.
    pub passed_total: u32,
    pub followers: Recent,
    /// How long it slept and ran, and whom it woke meanwhile.
    pub sleeps: Spans,
    pub stints: Spans,
    pub wakes: Wakes,
}

impl ThreadHistory {
    pub const NEW: Self = Self {
        ident: NOBODY,
        left: NEVER,
        last_cpu: u16::MAX,
        weighted: 0,
        prio: 120,
        weight: 1.0,
        avg_ns: 0.0,
        avg_stint: 0.0,
        last_stint: 0.0,
        asleep: NEVER,
        woke: NEVER,
        slept: 0.0,
        avg_sleep_ns: 0.0,
        avg_sleep: 0.0,
        stints_since_wake: 0,
        stints_scaled: 0.0,
        woken_by: ThreadIx::NONE,
        kthread: false,
        name: 0,
        serial: 0,
        passed: 0,
        passed_later: 0,
        passed_total: 0,
        followers: Recent::EMPTY,
        sleeps: Spans::EMPTY,
        stints: Spans::EMPTY,
        wakes: Wakes::EMPTY,
    };

    /// What is known of a thread that there is not.
    pub const ABSENT: &'static Self = &Self::NEW;

    /// A new thread under the same pid: nothing of the old one is true of it.
    pub fn reborn(&mut self) {
        let Self { prio, weight, kthread, name, .. } = *self;
        *self = Self { prio, weight, kthread, name, ..Self::NEW };
    }

    /// Takes over what an event says about the thread.
    pub fn describe(&mut self, task: TaskId, prio: i16, names: &Names) {
        if self.prio != prio {
            self.prio = prio;
            // Each nice level is a factor of 1.25 (kernel/sched/core.c, sched_prio_to_weight).
            self.weight = if prio >= 100 { 1.25f32.powi(120 - i32::from(prio)) } else { 50.0 };
        }
        (self.name, self.kthread) = names.of(task);
    }

    /// It ran for `ns` and left at `now`.
    pub fn ran(&mut self, ns: u64, now: Nanos, cpu: u16) {
        self.weighted = self.weighted.saturating_add((ns as f32 / self.weight) as u64);
        self.avg_ns =
            if self.avg_ns == 0.0 { ns as f32 } else { 0.75 * self.avg_ns + 0.25 * ns as f32 };
        self.avg_stint = log_time(self.avg_ns as u64);
        self.last_stint = log_time(ns);
        self.stints_since_wake = self.stints_since_wake.saturating_add(1);
        self.stints_scaled = log_count(self.stints_since_wake.min(1_000), 4.0);
        self.stints.add(ns);
        self.wakes.end_stint();
        self.left = now.0;
        self.last_cpu = cpu;
    }

    /// It woke up at `now`; the answer is how long it had slept (0: not known).
    pub fn wake(&mut self, now: Nanos, by: ThreadIx) -> u64 {
        let slept = if self.asleep == NEVER { 0 } else { now.0.saturating_sub(self.asleep) };
        self.slept = log_time(slept);
        if slept > 0 {
            self.sleeps.add(slept);
            let ns = slept as f32;
            self.avg_sleep_ns =
                if self.avg_sleep_ns == 0.0 { ns } else { 0.75 * self.avg_sleep_ns + 0.25 * ns };
            self.avg_sleep = log_time(self.avg_sleep_ns as u64);
        }
        self.woke = now.0;
        (self.stints_since_wake, self.stints_scaled) = (0, 0.0);
        self.woken_by = by;
        slept
    }

    /// Starts the counters of a new wait if the thread was enqueued again since they were last
    /// looked at.
    pub fn waits(&mut self, serial: u32) {
        if self.serial != serial {
            self.serial = serial;
            (self.passed, self.passed_later) = (0, 0);
        }
    }
}

/// What names are good for: equality, and being a kernel thread's.
#[derive(Clone, Debug)]
pub(super) struct Names {
    by_task: std::sync::Arc<[(u32, bool)]>,
}

impl Names {
    pub fn new(tasks: &TaskTable) -> Self {
        let mut groups: HashMap<&str, u32> = HashMap::new();
        let by_task = tasks
            .iter()
            .map(|(_, task)| {
                if task.pid.0 == 0 {
                    return (0, true);
                }
                let next = groups.len() as u32 + 1;
                let stem = task.name.split('/').next().unwrap_or_default();
                let group = *groups.entry(stem).or_insert(next);
                (group, is_kernel_thread(&task.name))
            })
            .collect();
        Self { by_task }
    }

    fn of(&self, task: TaskId) -> (u32, bool) {
        self.by_task.get(task.0 as usize).copied().unwrap_or((0, false))
    }
}

/// Threads of a CPU's recency list that are known: more than have a rank.
const KNOWN: usize = 64;

/// One CPU.
#[derive(Clone, Debug)]
pub(super) struct CpuHistory {
    /// Who ran here, most recent first (move-to-front), `recent_len` of them.
    recent: [ThreadIx; KNOWN],
    recent_len: usize,
    /// The last threads that ran here.
    pub history: History,
    /// Time of the last token.
    pub token: Option<Nanos>,
    /// Share of decisions in which the replay's pick came in: (uncorrected, corrected) x (over 8,
    /// over 32).
    pub hits: [[f32; 2]; 2],
}

impl CpuHistory {
    pub const NEW: Self = Self {
        recent: [ThreadIx::NONE; KNOWN],
        recent_len: 0,
        history: History::EMPTY,
        token: None,
        hits: [[0.5; 2]; 2],
    };

    /// The threads that have a rank; 0 is who came in last.
    pub fn recency(&self) -> &[ThreadIx] {
        &self.recent[..self.recent_len.min(RANKS - 1)]
    }

    /// All that are known but who came in last, most recent first.
    pub fn others(&self) -> &[ThreadIx] {
        &self.recent[1.min(self.recent_len)..self.recent_len]
    }

    /// Rank of a thread: its place in the recency list, or [`super::OTHER`].
    pub fn rank(&self, thread: ThreadIx) -> u8 {
        self.recency().iter().position(|&t| t == thread).unwrap_or(super::OTHER) as u8
    }

    /// Moves `thread` to the front.
    pub fn bring_forward(&mut self, thread: ThreadIx) {
        let known = self.recent[..self.recent_len].iter().position(|&t| t == thread);
        let at = known.unwrap_or(self.recent_len.min(KNOWN - 1));
        self.recent_len = self.recent_len.max(at + 1);
        self.recent[..=at].rotate_right(1);
        self.recent[0] = thread;
    }

    /// The replays' picks did or did not come in.
    pub fn score(&mut self, hit: [bool; 2]) {
        for (averages, hit) in self.hits.iter_mut().zip(hit) {
            for (average, over) in averages.iter_mut().zip([8.0, 32.0]) {
                *average += (f32::from(u8::from(hit)) - *average) / over;
            }
        }
    }
}

/// Names of threads in the tables of contexts, given in the order in which they first run: a forked pid
/// gets a new one, and nothing depends on how the trace numbers its threads.
#[derive(Clone, Debug)]
pub(super) struct Idents {
    /// By name.
    threads: Table<ThreadIx>,
}

/// The name of all idle threads.
const IDLE: Ident = 0;

impl Idents {
    /// The idle threads go by one name: who is idle's follower does not depend on the CPU, and
    /// whoever asks means its own.
    pub fn new(cpus: usize, past: &mut Table<ThreadHistory>) -> Self {
        (0..cpus).for_each(|idle| past[idle].ident = IDLE);
        let mut threads = Table::new(0, ThreadIx::NONE);
        threads.push(ThreadIx(0));
        Self { threads }
    }

    /// A copy that shares with this one what neither changes afterwards.
    pub fn snapshot(&mut self) -> Self {
        Self { threads: self.threads.snapshot() }
    }

    /// Bytes that a snapshot adds to earlier ones.
    pub fn own_bytes(&self) -> usize {
        self.threads.own_bytes()
    }

    /// Most bytes that a snapshot can add.
    pub fn most_bytes(&self) -> usize {
        self.threads.most_bytes()
    }

    /// The name of `thread`, given now if it has none.
    pub fn of(&mut self, thread: ThreadIx, past: &mut Table<ThreadHistory>) -> Ident {
        let Some(past) = past.get_mut(thread.ix()) else { return NOBODY };
        if past.ident == NOBODY {
            past.ident = self.threads.len() as Ident;
            self.threads.push(thread);
        }
        past.ident
    }

    /// The thread behind a name, if it still goes by it, for a CPU.
    pub fn thread(&self, id: Ident, past: &Table<ThreadHistory>, cpu: CpuId) -> Option<ThreadIx> {
        if id == IDLE {
            return Some(ThreadIx(u32::from(cpu.0)));
        }
        let thread = *self.threads.get(id as usize)?;
        (past[thread.ix()].ident == id).then_some(thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recency_moves_to_the_front_and_forgets_the_oldest() {
        let mut lane = CpuHistory::NEW;
        for i in [1, 2, 3, 1] {
            lane.bring_forward(ThreadIx(i));
        }
        assert_eq!(lane.recency(), [1, 3, 2].map(ThreadIx));
        assert_eq!(
            (lane.rank(ThreadIx(2)), lane.rank(ThreadIx(9))),
            (2, super::super::OTHER as u8)
        );
        for i in 10..40 {
            lane.bring_forward(ThreadIx(i));
        }
        assert_eq!(lane.recency().len(), RANKS - 1);
        assert_eq!((lane.recency()[0], lane.recency()[RANKS - 2]), (ThreadIx(39), ThreadIx(23)));
        assert_eq!((lane.others()[0], lane.others().len()), (ThreadIx(38), 32));
        for i in 100..200 {
            lane.bring_forward(ThreadIx(i));
        }
        assert_eq!((lane.others().len(), lane.others()[62]), (KNOWN - 1, ThreadIx(136)));
    }

    #[test]
    fn a_fork_starts_over_under_a_new_ident() {
        let mut past = Table::new(3, ThreadHistory::NEW);
        past[2].ran(5_000, Nanos(9_000), 1);
        let mut idents = Idents::new(1, &mut past);
        let old = idents.of(ThreadIx(2), &mut past);
        assert_eq!(
            (idents.of(ThreadIx(2), &mut past), idents.thread(old, &past, CpuId(0))),
            (old, Some(ThreadIx(2)))
        );
        past[2].reborn();
        assert_eq!((past[2].left, idents.thread(old, &past, CpuId(0))), (NEVER, None));
        let new = idents.of(ThreadIx(2), &mut past);
        assert_eq!((new == old, idents.thread(new, &past, CpuId(0))), (false, Some(ThreadIx(2))));
    }

    #[test]
    fn scales() {
        assert!(log_time(0).abs() < f32::EPSILON);
        assert!((log_time(999) - 0.086_58).abs() < 1e-4, "nanoseconds count");
        assert!((log_count(1, 1.0) - 2f32.ln()).abs() < 1e-6 && log_count(500, 1.0) > 6.0);
    }
}
