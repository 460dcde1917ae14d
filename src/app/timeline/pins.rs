//! Pinned tasks: rows that follow a thread across the CPUs.

use super::Timeline;
use super::rows::kinds::What;
use crate::app::time;
use crate::replay::lod::{stint_thread, switches_before};
use crate::stats::Doing;
use crate::stats::life::Life;
use crate::trace::{CpuId, ThreadIx};

/// Found tasks that get rows at a time.
const MOST_FOUND: usize = 6;

impl Timeline {
    /// What is known of a pinned task; `None` while it is being followed.
    pub fn life(&self, thread: ThreadIx) -> Option<&Life> {
        self.rows.pins.life(thread)
    }

    /// Gives a thread a row and selects it. False for idle and for a thread that there is not.
    pub fn pin(&mut self, thread: ThreadIx) -> bool {
        let tasks = self.trace().tasks();
        if thread.ix() >= tasks.thread_count() || tasks.is_idle(thread) {
            return false;
        }
        self.rows.pin(thread);
        self.choose(What::Task(thread));
        true
    }

    /// Takes a thread's row away.
    pub fn unpin(&mut self, thread: ThreadIx) {
        if self.rows.pins.remove(thread) {
            self.stand_on(self.cpu);
        }
    }

    /// The thread that runs on the selected CPU behind the selected decision.
    fn here(&self) -> ThreadIx {
        stint_thread(self.trace(), CpuId(self.cpu as u16), self.decision.map_or(0, |k| k + 1))
    }

    /// Pins the thread at the playhead, or unpins the one whose row is selected.
    pub(super) fn pin_here(&mut self) -> Option<String> {
        let thread = match self.rows.on {
            What::Task(thread) => thread,
            _ => self.here(),
        };
        if self.rows.pinned().contains(&thread) {
            self.unpin(thread);
            return None;
        }
        (!self.pin(thread)).then(|| "nobody runs here: idle gets no row".into())
    }

    /// Pins those that were found.
    pub(super) fn pin_found(&mut self) -> String {
        let Some(found) = &self.looks.found else {
            return "nothing searched yet: / finds a task".into();
        };
        let mut threads: Vec<ThreadIx> = found
            .tasks
            .iter()
            .filter_map(|&task| self.trace().tasks().get(task))
            .map(|t| t.thread)
            .collect();
        threads.sort_unstable();
        threads.dedup();
        let n = threads.len();
        for &thread in threads.iter().take(MOST_FOUND).rev() {
            self.pin(thread);
        }
        if n > MOST_FOUND {
            format!("rows for the first {MOST_FOUND} of {n} tasks")
        } else {
            format!("rows: {n}; p takes one away")
        }
    }

    /// Selects the CPU on which the pinned task of the selected row runs at the playhead, or ran
    /// last.
    pub(super) fn follow_task(&mut self) {
        let What::Task(thread) = self.rows.on else { return };
        let at = self.cursor.pos().0.saturating_add(1);
        let cpu =
            self.life(thread).and_then(|life| life.stint(at, false)).map(|part| part.cpu.ix());
        if let Some(cpu) = cpu.filter(|&cpu| cpu < self.trace().cpus()) {
            self.cpu = cpu;
        }
    }

    /// Goes to the next stint of the selected row's task, or the one before. In words what led to
    /// it.
    pub(super) fn step_task(&mut self, forward: bool) -> Option<String> {
        let What::Task(thread) = self.rows.on else { return None };
        let at = self.cursor.pos().0;
        let Some(life) = self.life(thread) else {
            return Some("it is still being followed".into());
        };
        let Some(part) = life.stint(at, forward).copied() else {
            return Some("no further stint of it that way".into());
        };
        let waited = life.at(part.from.saturating_sub(1)).filter(|p| p.doing == Doing::Runnable);
        let wake =
            waited.and_then(|waited| life.woken(part.from).filter(|wake| wake.at == waited.from));
        let mut words = format!("{} on CPU{}", time::short(part.to - part.from), part.cpu.0);
        if let Some(waited) = waited {
            words += &[" after waiting ", &time::short(waited.to - waited.from)].concat();
        }
        if let Some(wake) = wake.filter(|wake| wake.by != ThreadIx::NONE) {
            let event = self.trace().times().partition_point(|&t| t <= wake.at).saturating_sub(1);
            let by = self.trace().label_at(wake.by, event);
            words += &[", woken by ", &by, " on CPU", &wake.cpu.0.to_string()].concat();
        }
        self.cpu = part.cpu.ix().min(self.trace().cpus().saturating_sub(1));
        match switches_before(self.trace(), CpuId(self.cpu as u16), part.from.saturating_add(1))
            .checked_sub(1)
        {
            Some(k) => self.select(k),
            None => self.seek(crate::trace::Nanos(part.from)),
        }
        Some(words)
    }
}
