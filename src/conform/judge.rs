//! The picks of a recording that has the kernel's own state, with everybody who competed.

use super::FAIR;
use super::groups::{self, Kin};
use super::levels::{Draft, Rest};
use super::ruling::{Cause, Ruling};
use super::scene::{Level, Scene, Whence, Who};
use super::state::{NICE_0, State, Sums};
use super::waits::{Open, Wait, Waits};
use crate::trace::truth::{Of, TruthRow, Value};
use crate::trace::{Event, SchedClass, ThreadIx, Trace};

/// `sysctl_sched_wakeup_granularity` of CFS for one CPU; it grows with `1 + log2(cpus)`.
const WAKEUP_GRANULARITY_NS: i64 = 1_000_000;
/// Kernels from this version on prefer the group whose task went to sleep: the feature `PICK_BUDDY`
/// of 6.13, which 6.12 has too in its later releases (6.12.118 lists it in `sched/features`).
const BUDDIES: (u32, u32) = (6, 12);
/// Kernels from this version on keep the tree of a queue by deadlines: its first is the earliest.
const BY_DEADLINE: (u32, u32) = (6, 8);
/// Who is farther from a queue's average is in another one.
const FARTHEST_NS: u64 = 2_000_000_000;
/// States of a CPU's groups that are remembered.
const SEEN: usize = 64;
/// So often states that nothing told are looked for in sums before anything is judged: each that is
/// found may lead to others.
const SEARCHES: usize = 2;

/// Judges switches in order.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    waits: Waits,
    class: SchedClass,
    granularity_ns: i64,
    buddies: bool,
    by_deadline: bool,
    /// States that nothing told are looked for; later not any more, so that a verdict does not
    /// depend on what was asked before.
    learns: bool,
    /// Where it is.
    pub run: QueueState,
}

/// What changes from switch to switch.
#[derive(Clone, Debug)]
pub(super) struct QueueState {
    open: Open,
    /// Per CPU: a thread of the group that is to be preferred (`cfs_rq->next` of the root).
    preferred: Vec<Option<ThreadIx>>,
    /// Per CPU: the last queue that was looked at.
    pools: Vec<Pool>,
    /// Per CPU: states of groups and of those beside them, the latest last.
    seen: Vec<Vec<State>>,
}

impl QueueState {
    fn new(cpus: usize) -> Self {
        Self {
            open: Open::new(cpus),
            preferred: vec![None; cpus],
            pools: vec![Pool::default(); cpus],
            seen: vec![Vec::new(); cpus],
        }
    }
}

/// Those of a queue whose state nothing tells, and what its sums leave for all of them.
#[derive(Clone, Debug, Default)]
struct Pool {
    waits: Vec<u32>,
    zero: i64,
    rest: Rest,
}

impl Pool {
    /// The wait, virtual time and weight of the only one that is here and not in `other`, which has
    /// all others.
    fn one_more(&self, other: &Self) -> Option<(u32, i64, i64)> {
        if self.waits.len() != other.waits.len() + 1
            || !other.waits.iter().all(|w| self.waits.contains(w))
        {
            return None;
        }
        let number = *self.waits.iter().find(|w| !other.waits.contains(w))?;
        let weight = self.rest.weight - other.rest.weight;
        let moved = i128::from(other.zero.wrapping_sub(self.zero)) * i128::from(other.rest.weight);
        let rest = Rest { count: 1, weight, sum: self.rest.sum - other.rest.sum - moved };
        Some((number, self.zero.wrapping_add(rest.one()?), weight))
    }
}

/// A switch, taken apart.
#[derive(Clone, Copy)]
struct At<'a> {
    trace: &'a Trace,
    event: usize,
    e: Event,
    row: TruthRow<'a>,
    prev: ThreadIx,
    chosen: ThreadIx,
}

fn version(kernel: &str) -> Option<(u32, u32)> {
    let mut parts = kernel.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

impl Judge {
    /// Before the first switch of `trace`, with all that it tells of who waits. Walks over it a few
    /// times.
    pub fn new(trace: &Trace) -> Self {
        let version = version(&trace.meta().kernel);
        let mut judge = Self {
            waits: Waits::of(trace),
            class: trace.machine().class.value,
            granularity_ns: WAKEUP_GRANULARITY_NS
                * (1 + i64::from(trace.cpus().clamp(1, 8).ilog2())),
            buddies: version.is_none_or(|v| v >= BUDDIES),
            by_deadline: version.is_none_or(|v| v >= BY_DEADLINE),
            learns: true,
            run: QueueState::new(trace.cpus()),
        };
        for _ in 0..SEARCHES {
            for (event, row) in trace.truth().into_iter().flat_map(crate::trace::Truth::rows) {
                judge.step(trace, event, row);
            }
            judge.run = QueueState::new(trace.cpus());
        }
        judge.learns = false;
        judge
    }

    /// Judges the next switch that has a row.
    pub fn step(&mut self, trace: &Trace, event: usize, row: TruthRow<'_>) -> Scene {
        self.run.open.reach(&self.waits, event);
        let (e, tasks) = (trace.event(event), trace.tasks());
        let (prev, chosen) = (tasks.thread_on(e.task, e.cpu), tasks.thread_on(e.next, e.cpu));
        self.scene(At { trace, event, e, row, prev, chosen })
    }

    fn scene(&mut self, at: At<'_>) -> Scene {
        let (e, row) = (&at.e, at.row);
        let is = |of, value| row.value(of, value) == Some(1);
        if !e.state.is_runnable() && !is(Of::Prev, Value::OnRq) && is(Of::PrevGroup, Value::OnRq) {
            self.run.preferred[e.cpu.ix()] = Some(at.prev);
        }
        let mut levels = Vec::new();
        let mut ruling = Ruling::Consistent;
        if at.trace.tasks().is_idle(at.chosen) {
            ruling = Ruling::Explained(Cause::Idle);
        } else if e.next_prio < FAIR {
            ruling = Ruling::Explained(Cause::RealTime);
        } else {
            levels.extend(self.group_level(at));
            levels.extend(self.task_level(at));
            if levels.is_empty() {
                ruling = Ruling::Explained(Cause::Unseen);
            } else if row.value(Of::Next, Value::Depth).is_some_and(|d| d > 1) {
                ruling = Ruling::Explained(Cause::Group);
            }
        }
        // A group that runs on is not set anew, and so goes on being preferred.
        let anew = levels.first().is_some_and(|l| !l.marks.runs_on);
        let preferred = self.run.preferred[e.cpu.ix()];
        if anew && preferred.is_some_and(|p| self.waits.groups.kin(p, at.chosen) == Kin::Same) {
            self.run.preferred[e.cpu.ix()] = None;
        }
        let mut scene = Scene {
            event: at.event,
            time: e.time,
            cpu: e.cpu,
            class: self.class,
            from: Whence::Recorded,
            chosen: at.chosen,
            prev: at.prev,
            levels,
            ruling,
        };
        scene.conclude();
        scene
    }

    /// The queue of the task that came in.
    fn task_level(&mut self, at: At<'_>) -> Option<Level> {
        let state = State::of(at.row, Of::Next)?;
        let sums = Sums::of(at.row, Of::Queue, &state, self.class)?;
        let mut draft = Draft::new(false, Who::Thread(at.chosen), &state, sums, self.class);
        let depth = at.row.value(Of::Next, Value::Depth);
        let waiting: Vec<(u32, Wait)> =
            self.run.open.others(&self.waits, at.e.cpu, at.chosen).collect();
        let mut members = Vec::with_capacity(waiting.len());
        for (number, wait) in waiting {
            let kin = match wait.depth {
                Some(d) if Some(d) != depth => Kin::Other,
                _ if depth == Some(0) && wait.depth.is_none() => Kin::Unknown,
                _ if depth == Some(0) => Kin::Same,
                // Of these two the row itself says it: threads are moved from group to group.
                _ if wait.thread == at.prev && groups::together(at.row) == Some(false) => {
                    Kin::Other
                }
                _ => self.waits.groups.kin(wait.thread, at.chosen),
            };
            if kin == Kin::Same && is_near(&wait, &sums) {
                draft.add(Who::Thread(wait.thread), wait.state.as_ref(), wait.thread == at.prev);
                members.push((number, wait));
            }
        }
        draft.first(State::of(at.row, Of::First), self.leads());
        draft.level.granularity_ns = self.granularity_ns;
        draft.level.marks.yielded = at.e.state.is_runnable() && !at.e.state.is_preempted();
        self.mend(at, &mut draft, &mut members);
        let level = draft.ruled(&[]);
        self.drop_passed(at, &level);
        Some(level)
    }

    /// Takes sleepers off that are gone, and learns the state of the only one that nothing told.
    fn mend(&mut self, at: At<'_>, draft: &mut Draft, members: &mut Vec<(u32, Wait)>) {
        for gone in draft.gone().into_iter().rev() {
            let member = &mut draft.level.others[gone];
            let Who::Thread(thread) = member.who else { continue };
            self.drop(at, thread);
            members.retain(|(_, w)| w.thread != thread);
            member.gone = true;
            // The others went in a pick before, after which nobody else came in.
            let here = member.eligible == Some(true)
                && member.deadline_ns < draft.level.chosen.deadline_ns;
            if !here {
                draft.level.others.remove(gone);
            }
        }
        let untold: Vec<u32> =
            members.iter().filter(|(_, w)| w.state.is_none()).map(|(n, _)| *n).collect();
        let rest = draft.rest();
        let whole = usize::try_from(rest.count) == Ok(untold.len());
        let now = Pool { waits: untold, zero: draft.sums.zero, rest };
        let before = std::mem::take(&mut self.run.pools[at.e.cpu.ix()]);
        let slice = at.row.value(Of::Next, Value::Slice).unwrap_or(0);
        for pool in
            [&Pool::default(), &before].into_iter().filter(|_| self.learns && whole && slice > 0)
        {
            let Some((number, vruntime, weight)) =
                now.one_more(pool).or_else(|| pool.one_more(&now))
            else {
                continue;
            };
            if !self.waits.get(number).fresh {
                continue;
            }
            // The slice is that of the one that came in: nearly always all have the same.
            let deadline = vruntime.wrapping_add(slice * NICE_0 / weight);
            self.waits.found(number, State { vruntime, deadline, weight, delayed: false });
        }
        if whole {
            self.run.pools[at.e.cpu.ix()] = now;
        }
    }

    /// Sleepers that the rule came to before the one that was taken are on the queue no more.
    fn drop_passed(&mut self, at: At<'_>, level: &Level) {
        for m in level.others.iter().filter(|m| m.delayed && !m.sure && m.eligible == Some(true)) {
            if let (Who::Thread(thread), true) = (m.who, m.deadline_ns < level.chosen.deadline_ns) {
                self.drop(at, thread);
            }
        }
    }

    fn drop(&mut self, at: At<'_>, thread: ThreadIx) {
        self.run.open.drop_delayed(&self.waits, at.e.cpu, thread);
        self.run.preferred[at.e.cpu.ix()] = Some(thread);
    }

    /// The first of a queue's tree is before all others.
    fn leads(&self) -> bool {
        self.by_deadline || self.class == SchedClass::Cfs
    }

    /// The queue that the group of the task that came in was taken from.
    fn group_level(&mut self, at: At<'_>) -> Option<Level> {
        let row = at.row;
        let state = State::of(row, Of::NextGroup)?;
        let sums = Sums::of(row, Of::GroupQueue, &state, self.class)?;
        let mut draft = Draft::new(true, Who::Group, &state, sums, self.class);
        if row.value(Of::Next, Value::Depth) == Some(1) {
            for (_, wait) in self.run.open.others(&self.waits, at.e.cpu, at.chosen) {
                if wait.depth == Some(0) && is_near(&wait, &sums) {
                    draft.add(
                        Who::Thread(wait.thread),
                        wait.state.as_ref(),
                        wait.thread == at.prev,
                    );
                }
            }
        }
        let before = State::of(row, Of::PrevGroup);
        let runs_on = before.is_some_and(|p| p.same(&state));
        let stays = row.value(Of::PrevGroup, Value::OnRq) == Some(1);
        if let Some(before) = before.filter(|_| !runs_on && stays) {
            draft.add(Who::Group, Some(&before), true);
        }
        draft.first(State::of(row, Of::FirstGroup), self.leads());
        let until = row.value(Of::NextGroup, Value::Lag);
        let preferred = self.run.preferred[at.e.cpu.ix()];
        let level = &mut draft.level;
        level.granularity_ns = self.granularity_ns;
        level.marks.runs_on = runs_on;
        level.marks.protected =
            runs_on && until.is_some_and(|u| state.vruntime.wrapping_sub(u) < 0);
        level.marks.buddy = self.buddies
            && preferred.is_some_and(|p| self.waits.groups.kin(p, at.chosen) == Kin::Same);
        let seen = &mut self.run.seen[at.e.cpu.ix()];
        let level = draft.ruled(seen);
        seen.extend(
            [Of::PrevGroup, Of::NextGroup, Of::FirstGroup]
                .into_iter()
                .filter_map(|of| State::of(row, of)),
        );
        seen.drain(..seen.len().saturating_sub(SEEN));
        Some(level)
    }
}

fn is_near(wait: &Wait, sums: &Sums) -> bool {
    wait.state.is_none_or(|s| sums.lag(s.vruntime).unsigned_abs() <= FARTHEST_NS)
}
