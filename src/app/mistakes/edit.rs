//! Filters of decisions: what they are written in, and narrowing the one in force.

use super::Mistakes;
use crate::app::filter::Over;
use crate::app::input::Key;
use crate::evaluate::mistakes::Expr;
use std::sync::Arc;

impl Mistakes {
    /// Gives the keys to the filter line.
    pub(super) fn edit(&mut self) {
        let found = self.found().map(Arc::clone).unwrap_or_default();
        self.filter.edit(&Over::table(Some(&found.table)));
    }

    /// Takes a key while the filter is typed.
    pub(super) fn type_filter(&mut self, key: Key) {
        let found = self.found().map(Arc::clone).unwrap_or_default();
        self.filter.type_key(key, &Over::table(Some(&found.table)));
    }

    /// Keeps only decisions for which this is true too.
    pub(super) fn narrow(&mut self, by: Expr) {
        self.filter.narrow(by, &Over::table(None));
    }
}
