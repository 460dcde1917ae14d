//! The inputs of a forecast: who may come next on a CPU, and what is known of each: is it waiting
//! here, asleep, elsewhere; for how long, and for how long as a rule; how often did it follow.
//! Looks at the past and at the queues as they are now.

use super::MOST_EXPECTED;
use super::contexts::{self, Contexts, Keys, Seen};
use super::history::{CpuHistory, Idents, NEVER, ThreadHistory, log_count, log_time, scale_prio};
use super::ident::NOBODY;
use super::layout::{ASK, THREAD, ask, thread};
use super::named::{Named, Write};
use super::places::Places;
use crate::sched::runqueue::{RunQueues, ThreadState};
use crate::sched::state::Table;
use crate::simd::dispatch;
use crate::trace::{CpuId, Nanos, ThreadIx};

/// Threads of a queue that are candidates: of a longer one the oldest and the newest, half of each.
const FROM_QUEUE: usize = 16;
/// Candidates of those that ran here last: whoever came before them comes next about as often as
/// anybody.
const NEAR: usize = 8;
/// So many candidates are filled up with those that ran here longer ago. More of them take time
/// and are hardly ever right: with twice as many the forecast won 0.02 points on validation.
const USUAL: usize = 12;
/// Contexts that depend on whom the corrected replay would take.
const BY_REPLAY: [usize; 2] = [0, 1];
/// `ln(0.02 / 0.05)`: the logarithm of no wake-up at all.
const NEVER_WOKEN: f32 = -0.916_29;
/// What a stint is taken to last where none was seen, ns.
const USUAL_STINT: f32 = 100_000.0;

/// Everything right after a switch.
pub(super) struct Scene<'a> {
    pub cpu: CpuId,
    pub now: Nanos,
    /// The thread that has just come in.
    pub running: ThreadIx,
    pub queues: &'a RunQueues,
    pub past: &'a Table<ThreadHistory>,
    pub lane: &'a CpuHistory,
    pub contexts: &'a Contexts,
    pub idents: &'a Idents,
    /// Whom the uncorrected replay and the hypotheses would take out of the queue.
    pub next: &'a [Option<ThreadIx>],
    pub slice_ns: f32,
}

/// What the corrected replay says of a thread that waits: lag and deadline against the queue's
/// average, ns.
pub(super) type Standing<'a> = &'a mut dyn FnMut(ThreadIx) -> Option<(i64, i64)>;

/// Buffers of the forecast in hand, used again for each.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub threads: Vec<ThreadIx>,
    /// How many of the first are of the recency list.
    pub ranked: usize,
    /// `[threads, THREAD]` row-major.
    pub rows: Vec<f32>,
    pub query: [f32; ASK],
    /// The contexts of the forecast, as far as they are known before the replays are asked; then as
    /// they were looked up.
    keys: Keys,
    pub seen: Seen,
    /// Where a thread stands among the candidates.
    places: Places,
    /// Their names.
    names: Named,
    /// Per candidate: middle of the time until it wakes up, ns; infinite if that is not known.
    due: Vec<f32>,
    /// Per waiting candidate: its place in the replay's order.
    standing: Vec<(u32, (bool, i64))>,
}

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

/// Share of `a` in `b`, at most 4, over 4.
fn share(a: f32, b: f32) -> f32 {
    if b <= 0.0 { 0.0 } else { (a / b).min(4.0) / 4.0 }
}

impl Expected {
    pub fn new() -> Self {
        Self {
            threads: Vec::with_capacity(MOST_EXPECTED),
            ranked: 0,
            rows: Vec::with_capacity(MOST_EXPECTED * THREAD),
            query: [0.0; ASK],
            keys: Keys::default(),
            seen: Seen::default(),
            places: Places::EMPTY,
            names: Named::new(MOST_EXPECTED),
            due: Vec::with_capacity(MOST_EXPECTED),
            standing: Vec::with_capacity(MOST_EXPECTED),
        }
    }

    /// Works out the contexts as far as they do not depend on what the replays say, and fetches
    /// what will be looked up in them: the tables are larger than the nearer caches. What is given
    /// is that of the [`Scene`] that will be.
    pub fn foresee(
        &mut self,
        past: &Table<ThreadHistory>,
        running: &ThreadHistory,
        queue: &[ThreadIx],
        lane: &CpuHistory,
        contexts: &Contexts,
    ) {
        let ident = |thread: Option<&ThreadIx>| {
            thread.and_then(|t| past.get(t.ix())).map_or(NOBODY, |p| p.ident)
        };
        let [first, second, _] = running.followers.last;
        let me = running.ident;
        self.keys = [
            0,
            0,
            contexts::key(2, [me, first, second]),
            contexts::key(3, lane.history.ran),
            contexts::key(4, [me, ident(queue.first()), ident(queue.last())]),
        ];
        contexts.expect(&self.keys, &BY_REPLAY);
    }

    /// All contexts.
    fn keys(&self, scene: &Scene<'_>, running: &ThreadHistory) -> Keys {
        let fix = scene.next.get(1).copied().flatten();
        let fix = fix.and_then(|t| scene.past.get(t.ix())).map_or(NOBODY, |p| p.ident);
        let waiting = scene.queues.queue(scene.cpu).len() as u32;
        let (me, ran) = (running.ident, scene.lane.history.ran);
        let mut keys = self.keys;
        keys[0] = contexts::key(0, [me, fix]);
        keys[1] = contexts::key(1, [me, ran[1], waiting.min(3), fix]);
        keys
    }

    /// Finds the candidates and fills rows and query, after [`Self::foresee`].
    pub fn fill(&mut self, scene: &Scene<'_>, standing: Standing<'_>) {
        let past = scene.past.get(scene.running.ix()).unwrap_or(ThreadHistory::ABSENT);
        self.seen = scene.contexts.look_up(self.keys(scene, past));
        self.gather(scene);
        let n = self.threads.len();
        self.rows.clear();
        self.rows.resize(n * THREAD, 0.0);
        let stint = past.stints.median().unwrap_or(USUAL_STINT);
        for i in 0..n {
            self.describe(i, scene, past, stint);
        }
        self.write_due(stint, scene.queues.queue(scene.cpu).is_empty());
        self.write_order(standing, scene.slice_ns);
        self.write_named(scene);
        self.write_woken(past);
        self.write_followers(past);
        let place = [THREAD, thread::context_1];
        scene.contexts.fill(&self.seen, &mut self.rows, place, &self.names);
        self.write_query(scene, past);
    }

    /// Who ran here last, who waits, whom the replays name, who followed the contexts, who ran here
    /// longer ago.
    fn gather(&mut self, scene: &Scene<'_>) {
        let others = scene.lane.others();
        let (near, further) = others.split_at(others.len().min(NEAR));
        self.threads.clear();
        self.places.clear();
        for at in near {
            self.add(*at, scene);
        }
        self.ranked = self.threads.len();
        let queue = scene.queues.queue(scene.cpu);
        let (old, new) = queue.split_at(queue.len().min(FROM_QUEUE / 2));
        let new = &new[new.len().saturating_sub(FROM_QUEUE / 2)..];
        for at in old.iter().chain(new) {
            self.add(*at, scene);
        }
        for at in scene.next.iter().flatten() {
            self.add(*at, scene);
        }
        let seen = self.seen;
        for who in scene.contexts.followers(&seen) {
            if let Some(at) = scene.idents.thread(who, scene.past, scene.cpu) {
                self.add(at, scene);
            }
        }
        for at in further {
            if self.threads.len() >= USUAL {
                break;
            }
            self.add(*at, scene);
        }
        self.names.clear();
        for at in &self.threads {
            self.names.push(scene.past.get(at.ix()).map_or(NOBODY, |p| p.ident));
        }
    }

    /// Another candidate, unless it is one, or runs, or there are too many.
    fn add(&mut self, thread: ThreadIx, scene: &Scene<'_>) {
        if self.threads.len() < MOST_EXPECTED
            && thread != scene.running
            && self.places.insert(thread.0, self.threads.len())
        {
            self.threads.push(thread);
        }
    }

    /// What is known of candidate `i` alone; `running` is the one that runs, for a stint of some
    /// `stint` ns.
    fn describe(&mut self, i: usize, scene: &Scene<'_>, running: &ThreadHistory, stint: f32) {
        let at = self.threads[i];
        let row = &mut self.rows[i * THREAD..(i + 1) * THREAD];
        let ranked = i < self.ranked;
        row[thread::rank] = if ranked { log_count(i as u32, 3.0) } else { 1.0 };
        row[thread::rank_1] = flag(ranked && i == 0);
        row[thread::rank_2] = flag(ranked && i == 1);
        row[thread::unranked] = flag(!ranked);
        row[thread::idle] = flag(scene.queues.is_idle(at));
        self.due.truncate(i);
        self.due.push(f32::INFINITY);
        let Some(past) = scene.past.get(at.ix()) else { return };
        let entry = scene.queues.entry(at);
        let here = entry.cpu == scene.cpu;
        let slept = scene.now.0.saturating_sub(past.asleep);
        match entry.run {
            ThreadState::Queued if here => {
                let queue = scene.queues.queue(scene.cpu);
                let place = place(queue, at, scene.queues);
                row[thread::queued] = 1.0;
                row[thread::waited] = log_time(scene.now.since(entry.enqueued).0);
                row[thread::fifo] = log_count(place as u32, 4.0);
                row[thread::lifo] = log_count((queue.len().max(1) - 1 - place) as u32, 4.0);
            }
            ThreadState::Queued => row[thread::queued_away] = 1.0,
            ThreadState::Running => row[thread::running_away] = flag(!here),
            ThreadState::Asleep => {
                row[thread::asleep] = 1.0;
                if past.asleep != NEVER {
                    row[thread::slept_for] = log_time(slept);
                    self.due[i] = asleep(row, past, slept, stint, running.avg_ns);
                }
            }
        }
        row[thread::avg_sleep] = past.avg_sleep;
        row[thread::last_sleep] = past.slept;
        // Who sleeps since it left has slept since it left: a logarithm is what takes time here.
        row[thread::since_left] = match past.left {
            NEVER => 0.0,
            left if left == past.asleep && entry.run == ThreadState::Asleep => {
                row[thread::slept_for]
            }
            left => log_time(scene.now.0.saturating_sub(left)),
        };
        row[thread::avg_stint] = past.avg_stint;
        row[thread::last_stint] = past.last_stint;
        row[thread::stints_since_wake] = past.stints_scaled;
        row[thread::prio] = scale_prio(past.prio);
        row[thread::kthread] = flag(past.kthread);
        row[thread::woken_by_running] = flag(past.woken_by == scene.running);
        row[thread::woke_running] = flag(running.woken_by == at);
        row[thread::last_ran_here] = flag(past.last_cpu == scene.cpu.0);
        row[thread::wake_ln] = NEVER_WOKEN;
    }

    /// Whom the running one wakes, and how often.
    fn write_woken(&mut self, running: &ThreadHistory) {
        for (who, rate) in running.wakes.rates() {
            let Some(i) = self.names.place(who).filter(|_| rate > 0.0) else { continue };
            let row = &mut self.rows[i * THREAD..][..THREAD];
            row[thread::wake_rate] = rate;
            row[thread::wake_ln] = ((rate + 0.02) / 0.05).ln();
            row[thread::wakes_often] = flag(rate > 0.5 && row[thread::queued] == 0.0);
        }
    }

    /// Who is expected to wake up first, and who before the stint ends.
    fn write_due(&mut self, stint: f32, nobody_waits: bool) {
        let first = self.due.iter().copied().fold(f32::INFINITY, f32::min);
        for (row, due) in self.rows.chunks_exact_mut(THREAD).zip(&self.due) {
            let leads = due.is_finite() && *due <= first;
            row[thread::due_first] = flag(leads);
            row[thread::due_in_stint] = flag(*due < stint);
            row[thread::due_alone] = flag(leads && nobody_waits);
        }
    }

    /// Lag, deadline and place in the corrected replay's order of those that wait here.
    fn write_order(&mut self, standing: Standing<'_>, slice_ns: f32) {
        self.standing.clear();
        for (i, row) in self
            .rows
            .chunks_exact_mut(THREAD)
            .enumerate()
            .filter(|(_, row)| row[thread::queued] > 0.0)
        {
            row[thread::order] = 1.0;
            let Some((lag, key)) = standing(self.threads[i]) else { continue };
            row[thread::lag] = (lag as f32 / slice_ns).clamp(-4.0, 4.0) / 2.0;
            row[thread::deadline] = (key as f32 / slice_ns).clamp(-4.0, 4.0) / 2.0;
            // The eligible by their deadlines, then the others by what they are owed.
            let place = if lag >= 0 { (false, key) } else { (true, lag.wrapping_neg()) };
            self.standing.push((i as u32, place));
        }
        for (i, place) in &self.standing {
            let before = self.standing.iter().filter(|(_, other)| other < place).count();
            self.rows[*i as usize * THREAD + thread::order] = log_count(before as u32, 4.0);
        }
    }

    /// Ends of the queue, and whom the replays name.
    fn write_named(&mut self, scene: &Scene<'_>) {
        let queue = scene.queues.queue(scene.cpu);
        let n = queue.len();
        let ends = [
            queue.first(),
            queue.get(1),
            queue.last(),
            n.checked_sub(2).and_then(|i| queue.get(i)),
        ];
        for (i, end) in ends.into_iter().enumerate() {
            self.mark(end.copied(), thread::oldest + i);
        }
        for (i, next) in scene.next.iter().enumerate() {
            self.mark(*next, thread::raw_next + i);
        }
    }

    fn mark(&mut self, named: Option<ThreadIx>, column: usize) {
        if let Some(i) = named.and_then(|named| self.places.get(named.0)) {
            self.rows[i * THREAD + column] = 1.0;
        }
    }

    /// Shares among the followers of the running thread, and who comes first among them.
    fn write_followers(&mut self, running: &ThreadHistory) {
        let followers = &running.followers;
        let recent = followers.shares(thread::follow);
        let ones =
            [(thread::top_follower, followers.top()), (thread::last_follower, followers.last[0])];
        let Self { names: named, rows, .. } = self;
        dispatch(Write { named, rows, width: THREAD, recent, ones });
    }

    fn write_query(&mut self, scene: &Scene<'_>, running: &ThreadHistory) {
        let q = &mut self.query;
        q.fill(0.0);
        let queue = scene.queues.queue(scene.cpu);
        let waited = |at: Option<&ThreadIx>| {
            at.map_or(0.0, |t| log_time(scene.now.since(scene.queues.entry(*t).enqueued).0))
        };
        q[ask::waiting] = log_count(queue.len() as u32, 3.0);
        if queue.len() < 3 {
            q[ask::queue_0 + queue.len()] = 1.0;
        }
        q[ask::oldest_wait] = waited(queue.first());
        q[ask::newest_wait] = waited(queue.last());
        if scene.queues.is_idle(scene.running) {
            q[ask::idle] = 1.0;
        } else {
            q[ask::avg_stint] = running.avg_stint;
            q[ask::stints_since_wake] = running.stints_scaled;
            q[ask::kthread] = flag(running.kthread);
        }
        (q[ask::raw_hit_32], q[ask::fix_hit_32]) = (scene.lane.hits[0][1], scene.lane.hits[1][1]);
    }
}

/// Where `at` stands in the queue that it waits in.
fn place(queue: &[ThreadIx], at: ThreadIx, queues: &RunQueues) -> usize {
    /// Threads that are looked through sooner than they are searched.
    const FEW: usize = 16;
    let find = |from: usize| queue[from..].iter().position(|t| *t == at).map(|i| from + i);
    if queue.len() <= FEW {
        return find(0).unwrap_or(0);
    }
    // A queue is in the order of enqueueing.
    let enqueued = queues.entry(at).enqueued;
    let from = queue.partition_point(|t| queues.entry(*t).enqueued < enqueued);
    find(from).or_else(|| find(0)).unwrap_or(0)
}

/// Columns of a thread that has slept for `slept` ns; the middle of the time until it wakes up, ns.
fn asleep(row: &mut [f32], past: &ThreadHistory, slept: u64, stint: f32, avg_stint: f32) -> f32 {
    row[thread::slept_share] = share(slept as f32, past.avg_sleep_ns);
    row[thread::due_share] = share(slept as f32 + avg_stint, past.avg_sleep_ns);
    if past.sleeps.count() <= 1.0 {
        return f32::INFINITY;
    }
    let longer = past.sleeps.beyond(slept);
    let left = longer + 0.05;
    let after = past.sleeps.beyond(slept.saturating_add(stint as u64)) + 0.025;
    let hazard = (1.0 - after / left).clamp(0.0, 1.0);
    row[thread::hazard] = hazard;
    row[thread::hazard_ln] = ((hazard + 0.02) / 0.2).ln();
    (past.sleeps.half_of(longer) - slept as f32).max(0.0)
}
