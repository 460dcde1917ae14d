//! A machine that is played: threads that run, wait, sleep, fork and die on a few CPUs, the events
//! that it would record, and what really happened.

use kernel_oracle::trace::{
    CpuId, Event, EventKind, Nanos, Pid, TaskState, Trace, TraceBuilder, TraceMeta,
};
use std::collections::BTreeMap;

/// What really happened to a thread, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub run: u64,
    pub wait: u64,
    pub sleep: u64,
    pub stints: u64,
    pub voluntary: u64,
    pub involuntary: u64,
    pub wakeups: u64,
}

/// A wait as it was: pid, from, to, CPU, what began it, whether it was moved.
pub type Waited = (i32, u64, u64, u16, &'static str, bool);

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Asleep,
    Queued,
    Running,
    Dead,
}

struct Thread {
    at: At,
    cpu: usize,
    since: u64,
    began: &'static str,
    moved: bool,
    /// It was in the recording.
    seen: bool,
    truth: Truth,
}

pub struct Machine {
    pub time: u64,
    builder: TraceBuilder,
    /// Who runs where; 0 is idle.
    running: Vec<i32>,
    threads: BTreeMap<i32, Thread>,
    pub waits: Vec<Waited>,
    /// The recording has wakings and no wake-ups.
    waking: bool,
}

impl Machine {
    pub fn new(cpus: usize, threads: i32, waking: bool) -> Self {
        let thread = |cpu| Thread {
            at: At::Asleep,
            cpu,
            since: 0,
            began: "",
            moved: false,
            seen: false,
            truth: Truth::default(),
        };
        Self {
            time: 1_000,
            builder: TraceBuilder::default(),
            running: vec![0; cpus],
            threads: (1..=threads).map(|p| (p, thread(p as usize % cpus))).collect(),
            waits: Vec::new(),
            waking,
        }
    }

    fn push(&mut self, cpu: usize, kind: EventKind, pid: i32, fill: impl FnOnce(&mut Event)) {
        let name = |p: i32| format!("t{p}");
        let mut e = Event::blank(Nanos(self.time), CpuId(cpu as u16));
        (e.kind, e.task) = (kind, self.builder.task(Pid(pid), name(pid).as_bytes()));
        fill(&mut e);
        self.builder.push(e, Pid(self.running[cpu]));
    }

    /// Adds up what a thread did until now, and puts it elsewhere.
    fn go(&mut self, pid: i32, at: At, cpu: usize) {
        let time = self.time;
        let thread = self.threads.get_mut(&pid).unwrap();
        let ns = time - thread.since;
        if thread.seen {
            match thread.at {
                At::Asleep => thread.truth.sleep += ns,
                At::Queued => thread.truth.wait += ns,
                At::Running => thread.truth.run += ns,
                At::Dead => {}
            }
        }
        if thread.at == At::Queued && at != At::Queued {
            let to = if at == At::Running { cpu } else { thread.cpu };
            self.waits.push((pid, thread.since, time, to as u16, thread.began, thread.moved));
        }
        (thread.at, thread.cpu, thread.since, thread.seen) = (at, cpu, time, true);
    }

    fn queue(&self, cpu: usize) -> Vec<i32> {
        self.threads
            .iter()
            .filter(|(_, t)| t.at == At::Queued && t.cpu == cpu)
            .map(|(p, _)| *p)
            .collect()
    }

    /// `prev` leaves as `state` says; who is queued comes in, else idle.
    fn switch(&mut self, cpu: usize, pick: usize, state: TaskState, to: At) {
        let prev = self.running[cpu];
        let queue = self.queue(cpu);
        let next = if queue.is_empty() { 0 } else { queue[pick % queue.len()] };
        if prev == next || (to == At::Queued && next == 0) {
            return;
        }
        let task = self.builder.task(Pid(next), format!("t{next}").as_bytes());
        self.push(cpu, EventKind::Switch, prev, |e| (e.next, e.state) = (task, state));
        if prev != 0 {
            self.go(prev, to, cpu);
            let thread = self.threads.get_mut(&prev).unwrap();
            (thread.began, thread.moved) = ("preempted", false);
            *if to == At::Queued {
                &mut thread.truth.involuntary
            } else {
                &mut thread.truth.voluntary
            } += 1;
        }
        if next != 0 {
            self.go(next, At::Running, cpu);
            self.threads.get_mut(&next).unwrap().truth.stints += 1;
        }
        self.running[cpu] = next;
    }

    fn wake(&mut self, cpu: usize, pick: usize, to: usize) {
        let asleep: Vec<i32> =
            self.threads.iter().filter(|(_, t)| t.at == At::Asleep).map(|(p, _)| *p).collect();
        let Some(&pid) = asleep.get(pick % asleep.len().max(1)) else { return };
        let (from, target) = (CpuId(self.threads[&pid].cpu as u16), CpuId(to as u16));
        if self.waking {
            self.push(cpu, EventKind::Waking, pid, |e| e.to_cpu = from);
        }
        if from != target {
            self.push(cpu, EventKind::Migrate, pid, |e| (e.from_cpu, e.to_cpu) = (from, target));
        }
        if !self.waking {
            self.push(cpu, EventKind::Wakeup, pid, |e| e.to_cpu = target);
        }
        self.runnable(pid, to, "wakeup");
    }

    fn runnable(&mut self, pid: i32, cpu: usize, began: &'static str) {
        self.go(pid, At::Queued, cpu);
        let thread = self.threads.get_mut(&pid).unwrap();
        (thread.began, thread.moved) = (began, false);
        thread.truth.wakeups += 1;
    }

    fn fork(&mut self, cpu: usize, to: usize) {
        let pid = self.threads.last_key_value().map_or(1, |(p, _)| p + 1);
        let (at, truth) = (At::Asleep, Truth::default());
        self.threads.insert(
            pid,
            Thread { at, cpu: to, since: 0, began: "", moved: false, seen: false, truth },
        );
        self.push(cpu, EventKind::WakeupNew, pid, |e| e.to_cpu = CpuId(to as u16));
        self.runnable(pid, to, "new");
    }

    fn migrate(&mut self, cpu: usize, pick: usize, to: usize) {
        let queue = self.queue(cpu);
        let Some(&pid) = queue.get(pick % queue.len().max(1)) else { return };
        if cpu == to {
            return;
        }
        let (from, target) = (CpuId(cpu as u16), CpuId(to as u16));
        // Else it could be the placing of somebody who was just woken there.
        let busy = self.running[to];
        self.push(to, EventKind::Runtime, busy, |_| {});
        self.push(to, EventKind::Migrate, pid, |e| (e.from_cpu, e.to_cpu) = (from, target));
        let thread = self.threads.get_mut(&pid).unwrap();
        (thread.cpu, thread.moved) = (to, true);
    }

    /// One thing happens.
    pub fn step(&mut self, op: u8, cpu: usize, pick: usize, dt: u64) {
        self.time += dt;
        let cpus = self.running.len();
        let (cpu, to) = (cpu % cpus, pick % cpus);
        let idle = self.running[cpu] == 0;
        match op % 8 {
            0 | 1 if idle => self.switch(cpu, pick, TaskState::RUNNING, At::Asleep),
            0 => self.switch(cpu, pick, TaskState::SLEEP, At::Asleep),
            1 => self.switch(cpu, pick, TaskState::DISK, At::Asleep),
            2 if !idle => self.switch(
                cpu,
                pick,
                [TaskState::RUNNING, TaskState::PREEMPTED][pick % 2],
                At::Queued,
            ),
            3 | 4 => self.wake(cpu, pick / cpus, to),
            5 => self.migrate(cpu, pick / cpus, to),
            6 if pick.is_multiple_of(4) => self.fork(cpu, to),
            7 if !idle && pick.is_multiple_of(4) => {
                self.switch(cpu, pick, TaskState::DEAD, At::Dead);
            }
            _ => {}
        }
    }

    /// What was recorded and what happened, by pid; times of the recording begin at its first
    /// event.
    pub fn end(mut self) -> (Trace, BTreeMap<i32, Truth>, Vec<Waited>) {
        // Every CPU says once more who runs: so the recording ends for all at the same time.
        self.time += 1;
        for cpu in 0..self.running.len() {
            let pid = self.running[cpu];
            self.push(cpu, EventKind::Runtime, pid, |_| {});
        }
        let pids: Vec<i32> = self.threads.iter().filter(|(_, t)| t.seen).map(|(p, _)| *p).collect();
        for pid in &pids {
            let (at, cpu) = (self.threads[pid].at, self.threads[pid].cpu);
            self.go(*pid, if at == At::Queued { At::Asleep } else { at }, cpu);
        }
        let truth = pids.iter().map(|p| (*p, self.threads[p].truth)).collect();
        let trace = self.builder.finish(TraceMeta::default());
        let start = trace.meta().start_ns;
        let waits = self
            .waits
            .into_iter()
            .map(|w| (w.0, w.1 - start, w.2 - start, w.3, w.4, w.5))
            .collect();
        (trace, truth, waits)
    }
}
