//! What a list shows of the waits: the rows that a filter lets through, sorted, and their figures.

use super::Distribution;
use super::column::{Column, Expr};
use super::waits::Table;
use crate::query::{Columns, Kind};
use crate::trace::{TaskId, ThreadIx};
use rayon::prelude::*;
use std::sync::Arc;

/// What is asked of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Only waits for which it is true.
    pub filter: Option<Expr>,
    /// By what the list is sorted; equals by time.
    pub sort: Column,
    /// The greatest first.
    pub descending: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self { filter: None, sort: Column::Wait, descending: true }
    }
}

/// The answer.
#[derive(Clone, Debug)]
pub struct View {
    /// The question.
    pub query: Query,
    /// The rows, sorted.
    pub rows: Vec<u32>,
    /// Of their lengths.
    pub lengths: Arc<Distribution>,
    /// When they end, ascending, ns.
    ends: Arc<Vec<u64>>,
}

impl View {
    /// Of `table`; what `old` knows for the same filter is taken over.
    pub fn new(table: &Table, query: Query, old: Option<&Self>) -> Self {
        let n = table.waits.len();
        let same = old.filter(|o| o.query.filter == query.filter);
        let all: Vec<u32> = match (same, &query.filter) {
            (Some(old), _) => old.rows.clone(),
            (None, None) => (0..n as u32).collect(),
            (None, Some(filter)) => filter.rows(table).iter().map(|row| row as u32).collect(),
        };
        let rows = sorted(table, all, query.sort, query.descending);
        let (lengths, ends) = if let Some(old) = same {
            (Arc::clone(&old.lengths), Arc::clone(&old.ends))
        } else {
            let mut ends: Vec<u64> =
                rows.par_iter().map(|row| table.waits.to(*row as usize)).collect();
            ends.par_sort_unstable();
            (Arc::new(lengths(table, &rows, &query)), Arc::new(ends))
        };
        Self { query, rows, lengths, ends }
    }

    /// True when one of the waits ends in `from..to`: two searches.
    pub fn ends_within(&self, from: u64, to: u64) -> bool {
        let next = self.ends.partition_point(|end| *end < from);
        self.ends.get(next).is_some_and(|end| *end < to)
    }
}

/// Lengths of rows that a list by length has in order already.
fn lengths(t: &Table, rows: &[u32], query: &Query) -> Distribution {
    let mut ns: Vec<u64> = rows.par_iter().map(|row| t.waits.ns(*row as usize)).collect();
    match (query.sort, query.descending) {
        (Column::Wait, false) => Distribution::sorted(&ns),
        (Column::Wait, true) => {
            ns.reverse();
            Distribution::sorted(&ns)
        }
        _ => Distribution::of(ns),
    }
}

fn sorted(t: &Table, rows: Vec<u32>, by: Column, descending: bool) -> Vec<u32> {
    let names = by.order(t);
    let flip = if descending { u64::MAX } else { 0 };
    let key = |row: u32| (by.key(t, row as usize, &names) ^ flip, t.waits.from(row as usize), row);
    let mut keyed: Vec<(u64, u64, u32)> = rows.into_par_iter().map(key).collect();
    keyed.par_sort_unstable();
    keyed.into_iter().map(|(.., row)| row).collect()
}

impl Column {
    /// Where each name stands among all of them, for sorting by one.
    fn order(self, t: &Table) -> Vec<u64> {
        if !matches!(self, Self::Task | Self::Waker) {
            return Vec::new();
        }
        let tasks = t.trace.tasks();
        let mut names: Vec<(&str, i32, TaskId)> =
            tasks.iter().map(|(id, task)| (&*task.name, task.pid.0, id)).collect();
        names.sort_unstable();
        let mut places = vec![0; names.len()];
        for (place, (.., id)) in names.iter().enumerate() {
            places[id.0 as usize] = place as u64 + 1;
        }
        places
    }

    /// What is sorted by; unknown is the least.
    fn key(self, t: &Table, row: usize, names: &[u64]) -> u64 {
        match (self, self.thread(t, row)) {
            (_, Some(ThreadIx::NONE)) => 0,
            (_, Some(thread)) if t.trace.tasks().is_idle(thread) => 0,
            (_, Some(thread)) => {
                let first = || t.trace.tasks().first_name(thread);
                let task = if t.renamed[thread.ix()] {
                    t.trace.task_at(thread, t.event(row))
                } else {
                    first()
                };
                names.get(task.0 as usize).copied().unwrap_or(0)
            }
            (Self::Kind, _) => t.waits.get(row).kind as u64,
            (Self::Began, _) => t.waits.get(row).began as u64,
            (Self::Open, _) => u64::from(t.waits.is_open(row)),
            _ if self.kind() == Kind::Text => 0,
            _ => self.count(t, row).map_or(0, |n| n.saturating_add(1)),
        }
    }
}
