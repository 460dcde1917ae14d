//! Wake-ups and migrations: where an entity goes. Shared by both scheduling classes.

use super::engine::{Engine, How};
use super::entity::{Doing, NONE};
use crate::trace::{Event, EventKind, TaskTable};

impl Engine {
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
        self.cpus[cpu].woken = true;
        let fork = e.kind == EventKind::WakeupNew;
        if fork && self.ents[id as usize].group != 0 {
            self.ents[id as usize].group = 2;
        }
        match self.ents[id as usize].doing {
            Doing::Running => {
                self.ents[id as usize].pending = cpu as u32 + 1;
                return;
            }
            Doing::Queued if usize::from(self.ents[id as usize].cpu) == cpu => return,
            _ => {}
        }
        self.charge(cpu, e.time.0);
        self.here = e.cpu.ix();
        let here = self.home(id, cpu) as u32;
        let en = self.ents[id as usize];
        if en.on_rq && en.delayed && en.queue == here {
            self.wake_delayed(id);
            self.ents[id as usize].cpu = cpu as u16;
        } else {
            if en.on_rq {
                self.charge(usize::from(en.cpu), e.time.0);
                self.dequeue(id, en.delayed, true);
                self.ents[id as usize].relative = None;
            }
            self.enqueue(id, cpu, if fork { How::Fork } else { How::Wake });
        }
        let en = &mut self.ents[id as usize];
        en.doing = Doing::Queued;
        en.pending = 0;
        en.woken = e.time.0;
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
        let en = self.ents[id as usize];
        let from = usize::from(en.cpu);
        match en.doing {
            Doing::Queued => {
                self.charge(from, e.time.0);
                self.charge(cpu, e.time.0);
                self.dequeue(id, false, true);
                self.ents[id as usize].cpu = cpu as u16;
                if cpu == e.cpu.ix() {
                    self.cpus[cpu].batch.push(id);
                } else {
                    self.enqueue(id, cpu, How::Move);
                }
            }
            Doing::Asleep if en.on_rq => {
                self.charge(from, e.time.0);
                self.dequeue(id, false, true);
            }
            _ => {}
        }
    }
}
