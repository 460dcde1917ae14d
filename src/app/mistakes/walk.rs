//! Between the list and the timeline: going to a decision, and walking the filtered list there with `n` and `N`.

use crate::app::timeline::Timeline;
use crate::app::{App, Effect, Tab};
use crate::trace::CpuId;
use std::path::Path;

impl Timeline {
    /// Selects the switch with this index among all events. False when it is none.
    pub fn go_to_event(&mut self, event: usize) -> bool {
        if event >= self.trace().len() {
            return false;
        }
        let cpu = self.trace().event(event).cpu;
        let Ok(k) = self.trace().cpu_switches(CpuId(cpu.0)).binary_search(&(event as u32)) else { return false };
        self.cpu = cpu.ix();
        self.select(k);
        true
    }
}

impl App {
    /// Shows a decision on the timeline; opens its recording first if it is not open.
    pub(super) fn go_to(&mut self, path: &Path, event: usize) -> Option<Effect> {
        self.tab = Tab::Timeline;
        if let Some(t) = self.timeline_mut().filter(|t| t.loaded.path == path) {
            t.go_to_event(event);
            None
        } else {
            self.mistakes.going = Some((path.into(), event));
            self.play_when_open = false;
            Some(self.open_path(path.into()))
        }
    }

    /// A recording was opened: goes to the decision that it was opened for.
    pub(in crate::app) fn arrive(&mut self) {
        let Some((path, event)) = self.mistakes.going.take() else { return };
        if let Some(t) = self.timeline_mut().filter(|t| t.loaded.path == path) {
            t.go_to_event(event);
        }
    }

    /// The next (or previous) decision of the filtered list, from the one selected on the timeline, on any CPU. `None`:
    /// the list is not being walked. False: there is none that way.
    pub(in crate::app) fn walk_list(&mut self, forward: bool) -> Option<bool> {
        let m = &self.mistakes;
        let (found, view) = (m.found()?.clone(), m.view.clone()?);
        let t = self.timeline_mut()?;
        let source = found.table.sources.iter().position(|s| s.path == t.loaded.path)?;
        let here = t.event();
        let row = if forward {
            view.set.next(found.table.row_from(source, here.map_or(0, |e| e + 1)))
        } else {
            view.set.before(found.table.row_from(source, here.unwrap_or(0)))
        };
        let Some(row) = row.filter(|r| found.table.source_ix(*r) == source) else { return Some(false) };
        t.go_to_event(found.table.event(row));
        if let Some(at) = view.rows.iter().position(|r| *r as usize == row) {
            self.mistakes.selected = at;
        }
        Some(true)
    }

    /// `n` and `N` on the timeline while a list is walked: true when they are done with.
    pub(in crate::app) fn walks(&mut self, forward: bool) -> bool {
        if !self.mistakes.walking {
            return false;
        }
        match self.walk_list(forward) {
            None => return false,
            Some(true) => {}
            Some(false) => {
                let way = if forward { "later" } else { "earlier" };
                let filter = if self.mistakes.text.is_empty() { "the list".into() } else { self.mistakes.text.clone() };
                self.message = Some(format!("no {way} decision of: {filter} (Esc: all misses again)"));
            }
        }
        true
    }
}
