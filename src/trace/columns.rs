//! Events as one vector a field: what a [`super::TraceBuilder`] fills and a [`super::Trace`] keeps.

use super::{CpuId, Event, EventKind, Nanos, Pid, TaskId, TaskState, ThreadIx, Truth};

/// What `sched_stat_runtime` says of its task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Time on the CPU that the task is charged for, in ns.
    pub ns: u64,
    /// Its virtual runtime, from kernels that print it (before 6.7); 0 otherwise.
    pub vruntime: u64,
}

/// The columns, all of one length. `A` is how actors are known: pids while building, threads in a
/// trace.
#[derive(Clone, Debug)]
pub(super) struct Columns<A> {
    pub time: Vec<u64>,
    pub cpu: Vec<u16>,
    pub kind: Vec<EventKind>,
    pub state: Vec<TaskState>,
    pub actor: Vec<A>,
    pub task: Vec<TaskId>,
    pub next: Vec<TaskId>,
    pub prio: Vec<i16>,
    pub next_prio: Vec<i16>,
    pub from_cpu: Vec<u16>,
    pub to_cpu: Vec<u16>,
    /// Of the [`EventKind::Runtime`] events alone: their index, ascending, and what they say.
    pub runtimes: Vec<(u32, Runtime)>,
    /// Of switches alone, in recordings that have it.
    pub truth: Option<Box<Truth>>,
}

impl<A> Default for Columns<A> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<A> Columns<A> {
    pub fn with_capacity(n: usize) -> Self {
        Self {
            time: Vec::with_capacity(n),
            cpu: Vec::with_capacity(n),
            kind: Vec::with_capacity(n),
            state: Vec::with_capacity(n),
            actor: Vec::with_capacity(n),
            task: Vec::with_capacity(n),
            next: Vec::with_capacity(n),
            prio: Vec::with_capacity(n),
            next_prio: Vec::with_capacity(n),
            from_cpu: Vec::with_capacity(n),
            to_cpu: Vec::with_capacity(n),
            runtimes: Vec::new(),
            truth: None,
        }
    }

    pub fn len(&self) -> usize {
        self.time.len()
    }

    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Event `i`, without its actor.
    pub fn event(&self, i: usize) -> Event {
        Event {
            time: Nanos(self.time[i]),
            cpu: CpuId(self.cpu[i]),
            kind: self.kind[i],
            actor: ThreadIx::NONE,
            task: self.task[i],
            prio: self.prio[i],
            state: self.state[i],
            next: self.next[i],
            next_prio: self.next_prio[i],
            from_cpu: CpuId(self.from_cpu[i]),
            to_cpu: CpuId(self.to_cpu[i]),
        }
    }

    pub fn runtime(&self, i: usize) -> Option<Runtime> {
        let at = self.runtimes.binary_search_by_key(&(i as u32), |r| r.0).ok()?;
        Some(self.runtimes[at].1)
    }

    /// Puts the rows into ascending order of time; equal times keep their order. Returns how many
    /// were behind a later one.
    pub fn sort(&mut self) -> u64
    where
        A: Copy,
    {
        let mut latest = 0;
        let behind = self.time.iter().filter(|&&t| {
            latest = latest.max(t);
            t < latest
        });
        let reordered = behind.count() as u64;
        if reordered > 0 {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            order.sort_by_key(|&i| self.time[i as usize]);
            self.permute(&order);
        }
        reordered
    }

    fn permute(&mut self, order: &[u32])
    where
        A: Copy,
    {
        take(&mut self.time, order);
        take(&mut self.cpu, order);
        take(&mut self.kind, order);
        take(&mut self.state, order);
        take(&mut self.actor, order);
        take(&mut self.task, order);
        take(&mut self.next, order);
        take(&mut self.prio, order);
        take(&mut self.next_prio, order);
        take(&mut self.from_cpu, order);
        take(&mut self.to_cpu, order);
        if !self.runtimes.is_empty() {
            let place = places(order);
            self.runtimes.iter_mut().for_each(|r| r.0 = place[r.0 as usize]);
            self.runtimes.sort_by_key(|r| r.0);
        }
        if let Some(truth) = &mut self.truth {
            truth.permute(&places(order));
        }
    }

    /// The same rows with other actors, one a row.
    pub fn with_actors<B>(self, actors: Vec<B>) -> Columns<B> {
        Columns {
            time: self.time,
            cpu: self.cpu,
            kind: self.kind,
            state: self.state,
            actor: actors,
            task: self.task,
            next: self.next,
            prio: self.prio,
            next_prio: self.next_prio,
            from_cpu: self.from_cpu,
            to_cpu: self.to_cpu,
            runtimes: self.runtimes,
            truth: self.truth,
        }
    }

    /// Room for so many more rows, where it can be had: it is a guess, and a wrong one must not end
    /// the program.
    pub fn reserve(&mut self, more: usize) {
        let _ = self.time.try_reserve(more);
        let _ = self.cpu.try_reserve(more);
        let _ = self.kind.try_reserve(more);
        let _ = self.state.try_reserve(more);
        let _ = self.actor.try_reserve(more);
        let _ = self.task.try_reserve(more);
        let _ = self.next.try_reserve(more);
        let _ = self.prio.try_reserve(more);
        let _ = self.next_prio.try_reserve(more);
        let _ = self.from_cpu.try_reserve(more);
        let _ = self.to_cpu.try_reserve(more);
    }

    /// Gives back what the vectors reserved and did not use.
    pub fn shrink(&mut self) {
        self.time.shrink_to_fit();
        self.cpu.shrink_to_fit();
        self.kind.shrink_to_fit();
        self.state.shrink_to_fit();
        self.actor.shrink_to_fit();
        self.task.shrink_to_fit();
        self.next.shrink_to_fit();
        self.prio.shrink_to_fit();
        self.next_prio.shrink_to_fit();
        self.from_cpu.shrink_to_fit();
        self.to_cpu.shrink_to_fit();
        self.runtimes.shrink_to_fit();
    }

    pub fn heap_bytes(&self) -> usize {
        self.time.capacity() * 8
            + (self.cpu.capacity() + self.from_cpu.capacity() + self.to_cpu.capacity()) * 2
            + self.kind.capacity()
            + self.state.capacity() * 2
            + self.actor.capacity() * size_of::<A>()
            + (self.task.capacity() + self.next.capacity()) * 4
            + (self.prio.capacity() + self.next_prio.capacity()) * 2
            + self.runtimes.capacity() * size_of::<(u32, Runtime)>()
            + self.truth.as_ref().map_or(0, |t| t.heap_bytes())
    }
}

/// Where each row goes.
fn places(order: &[u32]) -> Vec<u32> {
    let mut place = vec![0; order.len()];
    (0..).zip(order).for_each(|(to, &from)| place[from as usize] = to);
    place
}

/// So many rows stay in the nearest cache while each column takes its part of them.
const BLOCK: usize = 512;

impl Columns<Pid> {
    /// Takes over rows, whose actors are pids in the place of threads, and whose tasks are known
    /// here as `task` says. Returns the highest CPU that they mention, plus one.
    pub fn extend(&mut self, rows: &[Event], task: impl Fn(TaskId) -> TaskId) -> u16 {
        let mut cpus = 0;
        for rows in rows.chunks(BLOCK) {
            self.time.extend(rows.iter().map(|r| r.time.0));
            self.cpu.extend(rows.iter().map(|r| r.cpu.0));
            self.kind.extend(rows.iter().map(|r| r.kind));
            self.state.extend(rows.iter().map(|r| r.state));
            self.actor.extend(rows.iter().map(|r| Pid(r.actor.0 as i32)));
            self.task.extend(rows.iter().map(|r| task(r.task)));
            self.next.extend(rows.iter().map(|r| task(r.next)));
            self.prio.extend(rows.iter().map(|r| r.prio));
            self.next_prio.extend(rows.iter().map(|r| r.next_prio));
            self.from_cpu.extend(rows.iter().map(|r| r.from_cpu.0));
            self.to_cpu.extend(rows.iter().map(|r| r.to_cpu.0));
            // NONE becomes 0.
            let mentioned =
                rows.iter().map(|r| [r.cpu, r.from_cpu, r.to_cpu].map(|cpu| cpu.0.wrapping_add(1)));
            cpus = mentioned.fold(cpus, |most, [a, b, c]| most.max(a).max(b).max(c));
        }
        cpus
    }

    /// Event `i` as a row.
    pub fn row(&self, i: usize) -> Event {
        Event { actor: ThreadIx(self.actor[i].0 as u32), ..self.event(i) }
    }
}

/// `column` in another order. One column at a time, so that no second copy of all of them exists.
fn take<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
    *column = order.iter().map(|&i| column[i as usize]).collect();
}
