//! Walking the filtered list on the timeline with `n` and `N`.

use super::Mistakes;
use crate::app::{Context, Wish};

impl Mistakes {
    /// Goes to the next (or previous) decision of the filtered list, from the one selected on the timeline, on any CPU.
    /// `None`: there is no list of the open recording.
    pub(super) fn walk_list(&mut self, forward: bool, cx: &mut Context) -> Option<()> {
        let (found, view) = (self.found()?.clone(), self.view.clone()?);
        let open = cx.open.as_ref()?;
        let (here, path) = (open.event, open.path());
        let source = found.table.sources.iter().position(|s| s.path == path)?;
        let row = if forward {
            view.set.next(found.table.row_from(source, here.map_or(0, |e| e + 1)))
        } else {
            view.set.before(found.table.row_from(source, here.unwrap_or(0)))
        };
        let Some(row) = row.filter(|r| found.table.source_ix(*r) == source) else {
            let way = if forward { "later" } else { "earlier" };
            let filter = if self.filter.text.is_empty() { "the list" } else { &self.filter.text };
            cx.say(format!("no {way} decision of: {filter} (Esc: all misses again)"));
            return Some(());
        };
        cx.wish(Wish::GoTo(path.into(), found.table.event(row)));
        if let Some(at) = view.rows.iter().position(|r| *r as usize == row) {
            self.listing.list.at = at;
        }
        Some(())
    }
}
