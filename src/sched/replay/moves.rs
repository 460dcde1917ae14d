//! Wake-ups and migrations: where an entity goes. Shared by both scheduling classes.

use super::engine::{Engine, How};
use super::entity::{Doing, NONE};
use crate::trace::{Event, EventKind, TaskTable};

impl<const N: usize> Engine<N> {
    pub fn wakeup(&mut self, e: &Event, tasks: &TaskTable) {
        let cpu = e.to_cpu.ix();
        if cpu >= self.cpus.len() {
            return;
        }
        self.attach_before(e);
        let id = self.thread(e.task, e.prio, e.to_cpu, tasks);
        if id == NONE {
            return;
        }
        (self.cpus[cpu].woken, self.cpus[cpu].woken_at) = (true, e.time.0);
        let fork = e.kind == EventKind::WakeupNew;
        let task = self.task(id);
        if fork && task.group != 0 {
            task.group = 2;
        }
        match task.doing {
            Doing::Running => {
                task.pending = cpu as u32 + 1;
                return;
            }
            Doing::Queued if usize::from(task.cpu) == cpu => return,
            _ => {}
        }
        self.charge(cpu, e.time.0, Self::ALL);
        self.here = e.cpu.ix();
        let here = self.home(id, cpu) as u32;
        let en = &self.ents[id as usize];
        let (on, delayed, from) = (en.on, en.on & en.delayed, usize::from(en.task.cpu));
        let requeued = if en.queue == here { delayed } else { 0 };
        if requeued != 0 {
            self.wake_delayed(id, requeued);
            self.task(id).cpu = cpu as u16;
        }
        let elsewhere = on & !requeued;
        if elsewhere != 0 {
            self.charge(from, e.time.0, elsewhere);
            self.dequeue(id, elsewhere & delayed, true, true);
            self.dequeue(id, elsewhere, false, true);
            self.ents[id as usize].away.moved &= !elsewhere;
        }
        if requeued != Self::ALL {
            self.enqueue(id, cpu, if fork { How::Fork } else { How::Wake }, Self::ALL & !requeued);
        }
        let task = self.task(id);
        task.doing = Doing::Queued;
        task.pending = 0;
        task.woken = e.time.0;
        self.wake_preempt(id, cpu);
    }

    pub fn migrate(&mut self, e: &Event, tasks: &TaskTable) {
        let cpu = e.to_cpu.ix();
        if cpu >= self.cpus.len() {
            return;
        }
        self.attach_before(e);
        let id = self.thread(e.task, e.prio, e.to_cpu, tasks);
        if id == NONE {
            return;
        }
        let en = &self.ents[id as usize];
        let (on, from) = (en.on, usize::from(en.task.cpu));
        match en.task.doing {
            Doing::Queued => {
                self.charge(from, e.time.0, Self::ALL);
                self.charge(cpu, e.time.0, Self::ALL);
                self.dequeue(id, Self::ALL, false, true);
                self.task(id).cpu = cpu as u16;
                if cpu == e.cpu.ix() {
                    self.cpus[cpu].batch.push(id);
                } else {
                    self.enqueue(id, cpu, How::Move, Self::ALL);
                }
            }
            Doing::Asleep if on != 0 => {
                self.charge(from, e.time.0, on);
                self.dequeue(id, Self::ALL, false, true);
            }
            _ => {}
        }
    }
}
