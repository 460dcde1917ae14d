//! Threads, or threads by the name that they have at an event: what sums are kept for.

use crate::trace::{ThreadIx, Trace};
use std::collections::HashMap;

/// What a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// One thread, whatever its names; called as at the end.
    #[default]
    Thread,
    /// All threads while they had one name.
    Name,
}

/// Rows of a table of threads or names.
pub(super) struct Rows<'a> {
    trace: &'a Trace,
    /// What each row is called.
    pub names: Vec<&'a str>,
    /// One of its threads.
    pub threads: Vec<ThreadIx>,
    /// Per thread its row; by name, per task too, for threads with several.
    of_thread: Vec<u32>,
    of_task: Vec<u32>,
    renamed: Vec<bool>,
}

impl<'a> Rows<'a> {
    /// Of all threads of a recording, idle ones too.
    pub fn new(trace: &'a Trace, by: By) -> Self {
        let tasks = trace.tasks();
        let threads = || (0..tasks.thread_count()).map(|t| ThreadIx(t as u32));
        let mut rows = Self {
            trace,
            names: Vec::new(),
            threads: Vec::new(),
            of_thread: Vec::with_capacity(tasks.thread_count()),
            of_task: Vec::new(),
            renamed: vec![false; tasks.thread_count()],
        };
        if by == By::Thread {
            let end = trace.len().saturating_sub(1);
            for thread in threads() {
                rows.of_thread.push(thread.0);
                rows.names.push(trace.name_at(thread, end));
                rows.threads.push(thread);
            }
            return rows;
        }
        let mut known: HashMap<&str, u32> = HashMap::new();
        for (_, task) in tasks.iter() {
            let row = rows.named(&mut known, &task.name, task.thread);
            rows.of_task.push(row);
        }
        for thread in threads() {
            let first = tasks.first_name(thread);
            let row = match rows.of_task.get(first.0 as usize) {
                Some(row) => *row,
                None => rows.named(&mut known, "?", thread),
            };
            rows.of_thread.push(row);
        }
        trace.renamed().for_each(|(thread, _)| rows.renamed[thread.ix()] = true);
        rows
    }

    fn named(&mut self, known: &mut HashMap<&'a str, u32>, name: &'a str, thread: ThreadIx) -> u32 {
        *known.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.threads.push(thread);
            self.names.len() as u32 - 1
        })
    }

    /// The row of a thread at an event.
    pub fn ix(&self, thread: ThreadIx, event: u32) -> usize {
        let named = self.renamed[thread.ix()].then(|| self.trace.task_at(thread, event as usize));
        let row = named.and_then(|task| self.of_task.get(task.0 as usize));
        *row.unwrap_or(&self.of_thread[thread.ix()]) as usize
    }
}
