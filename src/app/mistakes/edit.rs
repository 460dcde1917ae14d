//! Filters of decisions: what they are written in, and narrowing the one in force.

use super::Mistakes;
use crate::app::filter::Language;
use crate::app::input::Key;
use crate::evaluate::mistakes::filter::{Completion, complete, parse};
use crate::evaluate::mistakes::{Expr, FilterError, Table};
use std::sync::Arc;

/// Expressions over the columns of the table, with its values to choose from; without a table those
/// of none.
struct Over<'a>(&'a Table);

impl Language<Expr> for Over<'_> {
    fn parse(&self, text: &str) -> Result<Expr, FilterError> {
        parse(text)
    }

    fn complete(&self, text: &str, caret: usize) -> Completion {
        complete(self.0, text, caret)
    }

    fn both(&self, a: Expr, b: Expr) -> Expr {
        a.and(b)
    }
}

impl Mistakes {
    /// Gives the keys to the filter line.
    pub(super) fn edit(&mut self) {
        let found = self.found().map(Arc::clone).unwrap_or_default();
        self.filter.edit(&Over(&found.table));
    }

    /// Takes a key while the filter is typed.
    pub(super) fn type_filter(&mut self, key: Key) {
        let found = self.found().map(Arc::clone).unwrap_or_default();
        self.filter.type_key(key, &Over(&found.table));
    }

    /// Keeps only decisions for which this is true too.
    pub(super) fn narrow(&mut self, by: Expr) {
        self.filter.narrow(by, &Over(&Table::default()));
    }
}
