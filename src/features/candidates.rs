//! The inputs of one decision: a row per candidate, and the query. Everything is linear in the
//! number of candidates, but for the ranks within the set, which are sorted. Looks at nothing about
//! who came in.

use super::contexts::{self, Contexts, Keys, Seen};
use super::history::{CpuHistory, NEVER, ThreadHistory, log_count, log_time, scale_prio};
use super::ident::NOBODY;
use super::layout::{CAND, QUERY, cand, query};
use super::named::{Named, Shares, Write};
use super::ranks::{Ranked, Sides};
use super::{Decision, RANKS};
use crate::sched::replay::{Beliefs, UNCORRECTED, View};
use crate::sched::runqueue::{Cause, RunQueues};
use crate::sched::state::Table;
use crate::simd::dispatch;
use crate::trace::{CpuId, Event, Nanos, TaskState, ThreadIx};

/// At which switch a decision is asked, and who goes out there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub event: u32,
    pub cpu: CpuId,
    pub time: Nanos,
    pub prev: ThreadIx,
    pub prev_state: TaskState,
    pub stint: Nanos,
}

impl Asked {
    const NOTHING: Self = Self {
        event: 0,
        cpu: CpuId(0),
        time: Nanos(0),
        prev: ThreadIx::NONE,
        prev_state: TaskState::RUNNING,
        stint: Nanos(0),
    };
}

/// Buffers of the decision in hand, used again for each.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub asked: Asked,
    pub threads: Vec<ThreadIx>,
    /// `[threads, CAND]` row-major.
    pub rows: Vec<f32>,
    pub query: [f32; QUERY],
    pub waited: Vec<Nanos>,
    pub lag: Vec<i64>,
    /// Views of the uncorrected and the corrected replay.
    pub views: Vec<[View; 2]>,
    /// What all hypotheses say of each candidate; the first is the corrected replay, the last the one
    /// that is left alone.
    pub beliefs: Vec<Beliefs>,
    /// Per candidate: its name in the tables of contexts.
    named: Named,
    /// The contexts of the decision, as far as they are known before the replays are asked; then as
    /// they were looked up.
    keys: Keys,
    pub seen: Seen,
    /// Per thread: number of the decision it was last a candidate of, and its place there.
    place: Table<(u32, u32)>,
    stamp: u32,
    sides: Sides,
}

/// Contexts that depend on whom the corrected replay picks.
const BY_REPLAY: [usize; 2] = [0, 4];

/// What a decision is made from.
pub(super) struct Scene<'a> {
    pub event: &'a Event,
    pub prev: ThreadIx,
    pub stint: Nanos,
    pub queues: &'a RunQueues,
    pub past: &'a Table<ThreadHistory>,
    pub lane: &'a CpuHistory,
    pub contexts: &'a Contexts,
    pub slice_ns: f32,
    /// The uncorrected and the corrected replay believe that a reschedule was pending.
    pub resched: [bool; 2],
}

fn flag(on: bool) -> f32 {
    f32::from(u8::from(on))
}

/// Class of the state a task is left in: 1 R, 2 R+, 3 S, 4 D, 5 I, 6 other.
pub(super) fn state_class(state: TaskState) -> u8 {
    match state {
        _ if state.is_preempted() => 2,
        TaskState::RUNNING => 1,
        TaskState::SLEEP => 3,
        TaskState::DISK => 4,
        TaskState::IDLE => 5,
        _ => 6,
    }
}

impl Board {
    pub fn new(threads: usize) -> Self {
        Self {
            asked: Asked::NOTHING,
            threads: Vec::with_capacity(64),
            rows: Vec::with_capacity(64 * CAND),
            query: [0.0; QUERY],
            waited: Vec::with_capacity(64),
            lag: Vec::with_capacity(64),
            views: Vec::with_capacity(64),
            beliefs: Vec::with_capacity(64),
            named: Named::new(64),
            keys: Keys::default(),
            seen: Seen::default(),
            place: Table::new(threads, (0, 0)),
            stamp: 0,
            sides: Sides::new(64),
        }
    }

    /// A copy that shares with this one what neither changes afterwards; its buffers are empty.
    pub fn snapshot(&mut self) -> Self {
        Self { place: self.place.snapshot(), stamp: self.stamp, ..Self::new(0) }
    }

    /// Bytes that a snapshot adds to earlier ones.
    pub fn own_bytes(&self) -> usize {
        self.place.own_bytes()
    }

    /// Most bytes that a snapshot can add.
    pub fn most_bytes(&self) -> usize {
        self.place.most_bytes()
    }

    /// Place of a thread among the candidates in hand.
    pub fn place(&self, thread: ThreadIx) -> Option<usize> {
        let (stamp, at) = *self.place.get(thread.ix())?;
        (stamp == self.stamp).then_some(at as usize)
    }

    /// What is asked, as it stands on the board.
    pub fn decision(&self) -> Decision<'_> {
        let Asked { event, cpu, time, prev, prev_state, stint } = self.asked;
        Decision {
            event,
            cpu,
            time,
            prev,
            prev_state,
            stint,
            candidates: &self.threads,
            query: &self.query,
            features: &self.rows,
            waited: &self.waited,
            lag: &self.lag,
        }
    }

    /// Takes the candidates; their views are asked for by the caller.
    pub fn gather(&mut self, candidates: &[ThreadIx]) {
        self.stamp = self.stamp.wrapping_add(1);
        self.threads.clear();
        self.threads.extend_from_slice(candidates);
        self.views.clear();
        self.beliefs.clear();
        self.beliefs.resize(candidates.len(), Beliefs::default());
        for (i, thread) in candidates.iter().enumerate() {
            self.place[thread.ix()] = (self.stamp, i as u32);
        }
    }

    /// Fills rows and query. `views` must be there, one per candidate.
    pub fn fill(&mut self, scene: &Scene<'_>) {
        let n = self.threads.len();
        // A column that nobody ever writes must not pass for an input.
        self.rows.resize(n * CAND, f32::NAN);
        self.waited.clear();
        self.lag.clear();
        let now = scene.event.time;
        let least = self.threads.iter().map(|t| scene.past[t.ix()].weighted).min().unwrap_or(0);
        let came_in = Nanos(now.0.saturating_sub(scene.stint.0));
        for i in 0..n {
            let thread = self.threads[i];
            let (past, entry) = (&scene.past[thread.ix()], scene.queues.entry(thread));
            let prev = scene.past.get(scene.prev.ix());
            let row = &mut self.rows[i * CAND..][..CAND];
            let idle = scene.queues.is_idle(thread);
            let waited = if idle { Nanos(0) } else { now.since(entry.enqueued) };
            self.waited.push(waited);
            row[cand::wait] = log_time(waited.0);
            row[cand::since_ran] =
                if past.left == NEVER { 0.0 } else { log_time(now.0.saturating_sub(past.left)) };
            row[cand::never_ran] = flag(past.left == NEVER);
            row[cand::since_woke] =
                if past.woke == NEVER { 0.0 } else { log_time(now.0.saturating_sub(past.woke)) };
            row[cand::slept] = past.slept;
            row[cand::rt_minus_min] = log_time(past.weighted - least) * 0.8;
            row[cand::fifo_frac] = i as f32 / (n - 1).max(1) as f32;
            row[cand::oldest] = flag(i == 0);
            row[cand::newest] = flag(i + 1 == n);
            row[cand::second_newest] = flag(i + 2 == n);
            row[cand::from_newest] = log_count((n - 1 - i) as u32, 4.0);
            row[cand::recency] = 1.0;
            row[cand::ran_before_prev] = 0.0;
            row[cand::by_wake] = flag(!idle && entry.cause == Cause::Wake);
            row[cand::by_new] = flag(entry.cause == Cause::New);
            row[cand::by_migrate] = flag(entry.cause == Cause::Migrate);
            row[cand::by_preempt] = flag(entry.cause == Cause::Preempted);
            row[cand::woken_by_prev] =
                flag(entry.waker == scene.prev && scene.prev != ThreadIx::NONE);
            row[cand::prev_woken_by] = flag(prev.is_some_and(|p| p.woken_by == thread));
            row[cand::local_wake] = flag(entry.local);
            row[cand::in_stint] = flag(!idle && entry.enqueued >= came_in);
            row[cand::avg_stint] = past.avg_stint;
            row[cand::last_stint] = past.last_stint;
            row[cand::stints_since_wake] = past.stints_scaled;
            row[cand::prio] = scale_prio(past.prio);
            row[cand::rt] = flag(past.prio < 100);
            row[cand::kthread] = flag(past.kthread);
            row[cand::same_comm] =
                flag(past.name != 0 && prev.is_some_and(|p| p.name == past.name));
            row[cand::last_ran_here] = flag(past.last_cpu == scene.event.cpu.0);
            let [raw, fix] = &self.views[i];
            self.lag.push(fix.lag_ns);
            write_view(&mut row[cand::raw_lag..=cand::raw_rank], raw, scene.slice_ns);
            write_view(&mut row[cand::fix_lag..=cand::fix_rank], fix, scene.slice_ns);
            write_beliefs(&mut row[cand::picked_2..=cand::rank_7], &self.beliefs[i]);
            let fresh = past.serial != entry.serial;
            row[cand::passed] = if fresh { 0.0 } else { log_count(past.passed, 4.0) };
            row[cand::passed_later] = if fresh { 0.0 } else { log_count(past.passed_later, 4.0) };
            row[cand::passed_total] = log_count(past.passed_total, 4.0);
        }
        self.write_recency(scene.lane);
        self.name(scene);
        self.write_followers(scene);
        self.write_contexts(scene);
        self.write_set();
        self.write_query(scene);
    }

    fn write_recency(&mut self, lane: &CpuHistory) {
        for (rank, thread) in lane.recency().iter().enumerate() {
            if let Some(i) = self.place(*thread) {
                self.rows[i * CAND + cand::recency] = rank as f32 / RANKS as f32;
                self.rows[i * CAND + cand::ran_before_prev] = flag(rank == 1);
            }
        }
    }

    /// Names the candidates.
    fn name(&mut self, scene: &Scene<'_>) {
        self.named.clear();
        for thread in &self.threads {
            self.named.push(scene.past.get(thread.ix()).map_or(NOBODY, |p| p.ident));
        }
    }

    fn write_followers(&mut self, scene: &Scene<'_>) {
        let mut recent = Shares::none(cand::follow);
        let mut last = (cand::last_follower, NOBODY);
        if let Some(prev) = scene.past.get(scene.prev.ix()) {
            recent = prev.followers.shares(cand::follow);
            last.1 = prev.followers.last[0];
        }
        let Self { named, rows, .. } = self;
        dispatch(Write { named, rows, width: CAND, recent, ones: [last] });
    }

    /// Works out the contexts as far as they do not depend on what the replays say, and fetches
    /// what will be looked up in them: the tables are larger than the nearer caches. What is
    /// given is that are those of the [`Scene`] that will be.
    pub fn foresee(
        &mut self,
        past: &Table<ThreadHistory>,
        prev: ThreadIx,
        lane: &CpuHistory,
        contexts: &Contexts,
    ) {
        if self.threads.len() < 2 {
            return;
        }
        let prev = past.get(prev.ix()).unwrap_or(ThreadHistory::ABSENT);
        let ident = |thread: Option<&ThreadIx>| {
            thread.and_then(|t| past.get(t.ix())).map_or(NOBODY, |p| p.ident)
        };
        let (oldest, newest) = (ident(self.threads.first()), ident(self.threads.last()));
        let [first, second, ..] = prev.followers.last;
        self.keys = [
            0,
            contexts::key(1, [prev.ident, oldest, newest]),
            contexts::key(2, [prev.ident, first, second]),
            contexts::key(3, lane.history.ran),
            0,
        ];
        contexts.expect(&self.keys, &BY_REPLAY);
    }

    /// Followers of the contexts of the decision.
    fn write_contexts(&mut self, scene: &Scene<'_>) {
        let n = self.named.len();
        if n < 2 {
            self.rows
                .chunks_exact_mut(CAND)
                .for_each(|row| row[cand::context_1..=cand::latest_5].fill(0.0));
            return;
        }
        let prev = scene.past.get(scene.prev.ix()).unwrap_or(ThreadHistory::ABSENT);
        let fix =
            self.views.iter().position(|[_, fix]| fix.picked).map_or(NOBODY, |i| self.named.get(i));
        let mut keys = self.keys;
        keys[0] = contexts::key(0, [prev.ident, fix]);
        keys[4] = contexts::key(4, [fix, self.named.get(n - 1), n.min(4) as u32]);
        self.seen = scene.contexts.look_up(keys);
        let place = [CAND, cand::context_1];
        scene.contexts.fill(&self.seen, &mut self.rows, place, &self.named);
    }

    /// Each column of [`SET_OF`] against the other candidates.
    fn write_set(&mut self) {
        dispatch(Ranked { rows: &mut self.rows, sides: &mut self.sides });
    }

    fn write_query(&mut self, scene: &Scene<'_>) {
        let (e, lane, n) = (scene.event, scene.lane, self.threads.len());
        let q = &mut self.query;
        q.fill(f32::NAN);
        q[query::prev_r..=query::prev_other].fill(0.0);
        q[query::prev_r + usize::from(state_class(e.state)) - 1] = 1.0;
        let prev = scene.past.get(scene.prev.ix()).unwrap_or(ThreadHistory::ABSENT);
        let idle = scene.queues.is_idle(scene.prev);
        let (wakes, since_wake) = scene.queues.wakes(e.cpu, e.time);
        q[query::stint] = log_time(scene.stint.0);
        q[query::long_stint] = flag(scene.stint.0 as f32 > 0.8 * prev.avg_ns);
        q[query::stint_slices] = (scene.stint.0 as f32 / scene.slice_ns).min(4.0) / 4.0;
        q[query::since_token] = lane.token.map_or(0.0, |t| log_time(e.time.since(t).0));
        q[query::since_wake] = log_time(since_wake.0);
        q[query::woken] = flag(wakes > 0);
        q[query::wakes] = log_count(wakes, 4.0);
        q[query::yield_like] =
            flag(e.state == TaskState::RUNNING && !idle && wakes == 0 && scene.stint.0 < 2_000_000);
        q[query::queue_len] = log_count(scene.queues.queue(e.cpu).len() as u32, 3.0);
        q[query::prev_prio] = scale_prio(if idle { 120 } else { prev.prio });
        q[query::prev_idle] = flag(idle);
        q[query::prev_kthread] = flag(prev.kthread && !idle);
        q[query::prev_avg_stint] = prev.avg_stint;
        let share = |which: usize| {
            self.views.iter().filter(|v| v[which].eligible).count() as f32 / n.max(1) as f32
        };
        q[query::raw_resched] = flag(scene.resched[0]);
        q[query::fix_resched] = flag(scene.resched[1]);
        q[query::raw_eligible] = share(0);
        q[query::fix_eligible] = share(1);
        q[query::replays_agree] =
            flag(self.views.iter().all(|[raw, fix]| raw.picked == fix.picked));
        q[query::raw_hit_8..=query::fix_hit_32].copy_from_slice(lane.hits.as_flattened());
    }
}

/// Of each hypothesis between the first and the one that is left alone: picked, place in its
/// order.
fn write_beliefs(to: &mut [f32], beliefs: &Beliefs) {
    for (to, h) in to.chunks_exact_mut(2).zip(1..UNCORRECTED) {
        to[0] = flag(beliefs.is_picked(h));
        to[1] = match beliefs.rank(h) {
            rank if beliefs.is_eligible(h) => log_count(u32::from(rank), 4.0),
            _ => 1.0,
        };
    }
}

/// Lag, deadline gap, eligible, picked, rank.
fn write_view(to: &mut [f32], view: &View, slice_ns: f32) {
    to[0] = (view.lag_ns as f32 / slice_ns).clamp(-4.0, 4.0) / 2.0;
    to[1] = (view.deadline_gap_ns as f32 / slice_ns).clamp(0.0, 4.0) / 2.0;
    to[2] = flag(view.eligible);
    to[3] = flag(view.picked);
    to[4] = if view.eligible { f32::from(view.rank.min(8)) / 8.0 } else { 1.0 };
}
