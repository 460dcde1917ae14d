//! The Mistakes screen for the rest of the application: its keys, and what it orders when that is
//! not there.

use super::{Asked, Data, Do, Explained, Mistakes, ModelChoice, Order, Origin, Stood};
use crate::app::input::{Key, Mouse};
use crate::app::keys::{self, Action, Contexts};
use crate::app::list::List;
use crate::app::prompt::Ask;
use crate::app::tab::Tab;
use crate::app::{Context, Effect, Screen};
use crate::features::Extractor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Mistakes {
    /// The decisions of what is to be looked at, unless they are there or on their way.
    fn want_decisions(&mut self, cx: &mut Context) {
        let chosen = &cx.shared.chosen;
        let recordings: Vec<PathBuf> = if chosen.is_empty() {
            cx.open.iter().map(|o| o.path().into()).collect()
        } else {
            chosen.clone()
        };
        let whom = self
            .whose
            .first
            .clone()
            .map_or_else(|| ModelChoice::Current(cx.shared.model.clone()), ModelChoice::Named);
        let key = Asked { recordings, whom, other: self.whose.other.clone() };
        if key.recordings.is_empty() {
            return;
        }
        if self.decisions.asked.ordered() == Some(&key) {
            if self.found().is_some() {
                self.forget_before(None);
            }
            return;
        }
        if self.decisions.before.is_none() {
            self.keep_before();
        }
        self.forget_before(Some(&key.recordings));
        self.decisions.data = Data::Pending(0, key.recordings.len());
        (self.view, self.looked, self.why.told) = (None, None, Explained::Nothing);
        (self.sums.pages, self.sums.bar, self.listing.list) = (Vec::new(), 0, List::default());
        self.rows.marked.clear();
        let origins = key.recordings.iter().map(|path| origin(path.clone(), cx)).collect();
        let (whom, other) = (key.whom.clone(), key.other.clone());
        let ticket = self.decisions.asked.order(key);
        cx.order(Effect::Mistakes(Order::Collect { ticket, origins, whom, other }));
    }

    /// What is shown of the decisions.
    fn want_view(&mut self, cx: &mut Context) {
        let Some(found) = self.found().cloned() else { return };
        let ticket = self.decisions.asked.ticket();
        let query = self.query();
        if self.looked.as_ref() != Some(&query) {
            self.looked = Some(query.clone());
            let (found, old) = (Arc::clone(&found), self.view.clone());
            cx.order(Effect::Mistakes(Order::Look { ticket, found, query, old }));
        }
        let shows_why = !self.places(cx.size).why.is_empty();
        if let Some(row) = self.row().filter(|r| shows_why && self.why.told.row() != Some(*r)) {
            self.why.told = Explained::Pending(row);
            let origin = origin(found.table.source_of(row).path.clone(), cx);
            cx.order(Effect::Mistakes(Order::Explain { ticket, origin, found, row }));
        }
    }
}

impl Mistakes {
    /// Selects the decision at the Timeline's cursor when one comes from another than the last
    /// time, or says why it is not listed.
    fn stand_at_cursor(&mut self, cx: &mut Context) {
        let event = cx.open.as_ref().and_then(|o| o.event);
        let Some(event) = event.filter(|_| self.stood.came && self.stood.event != event) else {
            self.stood = Stood { event, came: false };
            return;
        };
        let (Some(found), Some(view)) = (self.found().cloned(), self.view.clone()) else { return };
        if view.query != self.query() {
            return;
        }
        self.stood = Stood { event: Some(event), came: false };
        let Some(open) = &cx.open else { return };
        let trace = &open.loaded.trace;
        let first = trace.cpu_switches(trace.event(event).cpu).first();
        if first.is_some_and(|first| *first as usize == event) {
            return; // Where the Timeline begins: nobody chose that one.
        }
        let source = found.table.sources.iter().position(|s| s.path == open.path());
        let Some(source) = source else { return };
        let warm = Extractor::context(trace);
        let row = found.table.find(source, event);
        let at = row.and_then(|row| view.rows.iter().position(|r| *r as usize == row));
        let why = match (at, row) {
            (Some(at), _) => {
                self.listing.list.at = at;
                return;
            }
            (None, Some(row)) if !view.query.all && found.table.is_hit(row) => {
                "a hit (a lists those too)"
            }
            (None, Some(_)) => "the filter leaves it out",
            (None, None) if event < warm => "warm-up",
            (None, None) => "trivial, or behind a loss",
        };
        cx.say(format!("the decision at the Timeline's cursor is not listed: {why}"));
    }
}

/// Said while there is no list; not so any more once there is one.
pub(super) const NOT_YET: &str =
    "░ the predictor is asked about every decision: there is no list yet";

impl Mistakes {
    /// Why an order about the list does nothing while there is none.
    fn not_yet(&self, action: Action, cx: &Context) -> Option<String> {
        let about_list = match action {
            Action::Open | Action::Pane => true,
            Action::Mistakes(what) => !matches!(
                what,
                Do::AskFirst | Do::AskSecond | Do::Current | Do::Clear | Do::Save | Do::Saved
            ),
            action => crate::app::list::rows(action, 1).is_some(),
        };
        match &self.decisions.data {
            _ if !about_list => None,
            Data::Ready(_) => None,
            Data::Pending(..) => Some(NOT_YET.into()),
            Data::Nothing if cx.open.is_none() => {
                Some("no recording is open: 4 lists what can be opened".into())
            }
            Data::Nothing | Data::Failed(_) => Some("there is no list".into()),
        }
    }
}

fn origin(path: PathBuf, cx: &Context) -> Origin {
    match &cx.open {
        Some(o) if o.path() == path => Origin::Open(path, Arc::clone(&o.loaded.trace)),
        _ => Origin::File(path),
    }
}

impl Screen for Mistakes {
    fn keys(&self) -> Contexts {
        keys::MISTAKES
    }

    fn enter(&mut self) {
        self.stood.came = true;
    }

    fn type_key(&mut self, key: Key, _cx: &mut Context) -> bool {
        self.filter.editing && {
            self.type_filter(key);
            true
        }
    }

    fn act(&mut self, action: Action, cx: &mut Context) {
        if let Some(words) = self.not_yet(action, cx) {
            cx.say(words);
            return;
        }
        self.follow(action, cx);
    }

    fn mouse(&mut self, mouse: Mouse, cx: &mut Context) {
        self.point(mouse, cx);
    }

    fn answer(&mut self, ask: Ask, text: &str, _cx: &mut Context) {
        self.keep_before();
        match ask {
            Ask::Whose => self.whose.first = Some(PathBuf::from(text.trim())),
            Ask::Compare => self.compare_with(text.trim()),
            _ => {}
        }
    }

    fn walk(&mut self, forward: bool, cx: &mut Context) -> bool {
        self.walk_list(forward, cx).is_some()
    }

    fn walked(&self) -> Option<String> {
        let of = &self.filter.text;
        let of = if of.is_empty() { String::new() } else { format!(": {of}") };
        Some(format!("{}{of}", self.found()?.table.models[0]))
    }

    /// Two searches, whatever the list's length.
    fn lists(&self, recording: &Path, from: u64, to: u64) -> bool {
        let Some((found, view)) = self.found().zip(self.view.as_ref()) else { return false };
        let Some(source) = found.table.sources.iter().position(|s| s.path == recording) else {
            return false;
        };
        let rows = found.table.rows_between(source, from, to);
        view.set.next(rows.start).is_some_and(|row| row < rows.end)
    }

    fn wants(&mut self, cx: &mut Context) {
        if cx.tab != Tab::Mistakes {
            return;
        }
        if !std::mem::replace(&mut self.kept.asked, true) {
            cx.order(Effect::Mistakes(Order::LoadFilters));
        }
        self.want_decisions(cx);
        self.stand_at_cursor(cx);
        self.want_view(cx);
    }
}
