//! What a screen shows of a table: the rows that a filter lets through, sorted, and their sums.

use super::column::Column;
use super::filter::Expr;
use super::sums::{InTime, Sums, Versus, in_time, versus};
use super::table::Table;
use crate::query::Bitmap;
use rayon::prelude::*;
use std::sync::Arc;

/// What is asked of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Only decisions for which it is true.
    pub filter: Option<Expr>,
    /// List the right ones too.
    pub all: bool,
    /// By what the list is sorted.
    pub sort: Column,
    /// The greatest first.
    pub descending: bool,
    /// A second predictor to compare with.
    pub second: Option<Column>,
}

impl Default for Query {
    fn default() -> Self {
        Self { filter: None, all: false, sort: Column::Time, descending: false, second: None }
    }
}

/// The answer.
#[derive(Clone, Debug)]
pub struct View {
    /// The question.
    pub query: Query,
    /// Rows of the list, as a set.
    pub set: Bitmap,
    /// The same, sorted.
    pub rows: Vec<u32>,
    /// Sums over what the filter lets through, right or wrong.
    pub sums: Arc<Sums>,
    /// The comparison.
    pub versus: Option<Versus>,
    /// Whether forecasts would have come in time.
    pub in_time: Arc<InTime>,
}

impl View {
    /// Of `table`; what `old` knows for the same filter is taken over.
    pub fn new(table: &Table, latencies: &[u64], query: Query, old: Option<&Self>) -> Self {
        let subset =
            query.filter.as_ref().map_or_else(|| Bitmap::all(table.len(), true), |f| f.rows(table));
        let same = old.filter(|o| o.query.filter == query.filter && o.set.len() == table.len());
        let (sums, in_time) = if let Some(old) = same {
            (Arc::clone(&old.sums), Arc::clone(&old.in_time))
        } else {
            let sums = Sums::new(table, &subset);
            let in_time = in_time(table, &subset, sums.by(Column::Lead), latencies);
            (Arc::new(sums), Arc::new(in_time))
        };
        let versus = query.second.map(|second| versus(table, &subset, second));
        let set = if query.all {
            subset
        } else {
            subset.and(&Expr::Flag(Column::Hit).negate().rows(table))
        };
        let rows = sorted(table, &set, query.sort, query.descending);
        Self { query, set, rows, sums, versus, in_time }
    }
}

/// The rows of a set by a column; equals stay in the order of the table.
fn sorted(t: &Table, set: &Bitmap, by: Column, descending: bool) -> Vec<u32> {
    let names = by.order(t);
    let flip = if descending { u64::MAX } else { 0 };
    let rows: Vec<u32> = set.iter().map(|i| i as u32).collect();
    if by == Column::Time && !descending && t.sources.len() == 1 {
        return rows;
    }
    let key = |i: &u32| (by.key(t, *i as usize, &names) ^ flip, *i);
    let mut keyed: Vec<(u64, u32)> = rows.par_iter().map(key).collect();
    if rayon::current_num_threads() > 1 {
        keyed.par_sort_unstable();
    } else {
        keyed.sort_unstable();
    }
    keyed.into_iter().map(|(_, i)| i).collect()
}
