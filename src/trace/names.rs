//! Which name a thread has at which event: `exec` and renames change it, and a pid can come back as
//! another program.

use super::columns::Columns;
use super::{CpuId, TaskId, TaskTable, ThreadIx};
use std::collections::HashMap;

/// The later names of the threads that have more than one.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Per thread: the event that first used a name, ascending, and the name.
    changes: HashMap<ThreadIx, Vec<(u32, TaskId)>>,
}

impl Names {
    /// Walks the events once. Threads are numbered already.
    pub fn of(columns: &Columns<ThreadIx>, tasks: &TaskTable) -> Self {
        let changing = changing(tasks);
        if !changing.contains(&true) {
            return Self::default();
        }
        let mut last = vec![TaskId::NONE; tasks.thread_count()];
        let mut changes: HashMap<ThreadIx, Vec<(u32, TaskId)>> = HashMap::new();
        let mut say = |event: usize, id: TaskId| {
            // Idle's name is a property of its CPU.
            let thread = tasks.thread_on(id, CpuId(0));
            let Some(before) = last.get_mut(thread.ix()).filter(|_| !tasks.is_idle(thread)) else {
                return;
            };
            if *before != id {
                let first = std::mem::replace(before, id);
                if first != TaskId::NONE {
                    changes
                        .entry(thread)
                        .or_insert_with(|| vec![(0, first)])
                        .push((event as u32, id));
                }
            }
        };
        for (i, (&task, &next)) in columns.task.iter().zip(&columns.next).enumerate() {
            for id in [task, next] {
                if changing.get(id.0 as usize) == Some(&true) {
                    say(i, id);
                }
            }
        }
        Self { changes }
    }

    /// Every thread that has more than one.
    pub fn all(&self) -> impl Iterator<Item = (ThreadIx, &[(u32, TaskId)])> {
        self.changes.iter().map(|(thread, changes)| (*thread, changes.as_slice()))
    }

    /// From which event on a thread has which name, ascending; empty for one that has one name only.
    pub fn changes(&self, thread: ThreadIx) -> &[(u32, TaskId)] {
        self.changes.get(&thread).map_or(&[], Vec::as_slice)
    }

    /// The name in use at `event`; `first` for a thread that has one name only.
    pub fn at(&self, thread: ThreadIx, event: usize, first: TaskId) -> TaskId {
        let Some(changes) = self.changes.get(&thread) else { return first };
        let after = changes.partition_point(|(from, _)| *from as usize <= event);
        changes.get(after.saturating_sub(1)).map_or(first, |c| c.1)
    }
}

/// Per task, whether its thread has other names, too.
fn changing(tasks: &TaskTable) -> Vec<bool> {
    let mut names = vec![0_u32; tasks.thread_count()];
    // Idle's names belong to no thread.
    let threads = || tasks.iter().map(|(_, task)| task.thread.ix());
    threads().for_each(|thread| names.get_mut(thread).into_iter().for_each(|n| *n += 1));
    threads().map(|thread| names.get(thread).is_some_and(|n| *n > 1)).collect()
}
