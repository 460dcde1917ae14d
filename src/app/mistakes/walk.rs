//! Walking the filtered list on the timeline with `n` and `N`.

use super::Mistakes;
use crate::app::{Context, Wish};
use crate::evaluate::mistakes::view::View;
use crate::evaluate::mistakes::{Column, Table};

impl Mistakes {
    /// Goes to what comes next in the list (or before), in its own order. Of a list by time that is
    /// what comes next after what is selected on the timeline, on any CPU; of another one, after
    /// the row that one stands on. What belongs to other recordings than the open one is left out.
    /// `None`: there is no list of the open recording.
    pub(super) fn walk_list(&mut self, forward: bool, cx: &mut Context) -> Option<()> {
        let (found, view) = (self.found()?.clone(), self.view.clone()?);
        let open = cx.open.as_ref()?;
        let (here, path) = (open.event, open.path());
        let source = found.table.sources.iter().position(|s| s.path == path)?;
        let by_time = self.listing.sort.by == Column::Time && !self.listing.sort.descending;
        let next = if by_time {
            next_in_time(&found.table, &view, source, here, forward)
        } else {
            next_in_list(&found.table, &view, source, self.listing.list.at, forward)
        };
        let Some(at) = next else {
            let way = match (by_time, forward) {
                (true, true) => "later",
                (true, false) => "earlier",
                (false, true) => "further",
                (false, false) => "earlier listed",
            };
            let filter = if self.filter.text.is_empty() { "the list" } else { &self.filter.text };
            cx.say(format!("no {way} decision of: {filter} (Esc: all misses again)"));
            return Some(());
        };
        cx.wish(Wish::GoTo(path.into(), found.table.event(view.rows[at] as usize)));
        self.listing.list.at = at;
        Some(())
    }
}

/// The row of a list by time that comes after (or before) this event.
fn next_in_time(
    t: &Table,
    view: &View,
    source: usize,
    here: Option<usize>,
    forward: bool,
) -> Option<usize> {
    let row = if forward {
        view.set.next(t.row_from(source, here.map_or(0, |e| e + 1)))
    } else {
        view.set.before(t.row_from(source, here.unwrap_or(0)))
    };
    let row = row.filter(|row| t.source_ix(*row) == source)?;
    view.rows.iter().position(|r| *r as usize == row)
}

fn next_in_list(t: &Table, view: &View, source: usize, at: usize, forward: bool) -> Option<usize> {
    let rows = &view.rows;
    let ours = |line: &usize| t.source_ix(rows[*line] as usize) == source;
    if forward { (at + 1..rows.len()).find(ours) } else { (0..at.min(rows.len())).rev().find(ours) }
}
