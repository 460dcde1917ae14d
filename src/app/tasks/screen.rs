//! The Tasks screen for the rest of the application: its keys, and what it orders when that is not
//! there.

use super::{Data, Hits, News, Order, Tasks};
use crate::app::input::{Key, Mouse};
use crate::app::keys::{self, Action, Contexts};
use crate::app::tab::Tab;
use crate::app::ticket::Same;
use crate::app::{Context, Effect, Screen, Wish};
use crate::stats::Window;
use std::sync::Arc;

impl Tasks {
    /// Takes what came from outside.
    pub(in crate::app) fn take(&mut self, news: News, cx: &mut Context) {
        if let Some(words) = self.news(news) {
            cx.say(words);
        }
    }

    fn want_view(&mut self, cx: &mut Context) {
        let Some(table) = self.table().cloned() else { return };
        let query = self.query();
        if self.found.looked.as_ref() != Some(&query) {
            self.found.looked = Some(query.clone());
            cx.order(Effect::Tasks(Order::Look { ticket: self.of.ticket(), table, query }));
        }
    }

    /// How often the model was right, once it has answered everything.
    fn want_hits(&mut self, predicted: bool, cx: &mut Context) {
        if !predicted {
            self.hits = Hits::default();
        } else if let Some(table) = self.table().cloned().filter(|_| !self.hits.asked) {
            self.hits.asked = true;
            cx.wish(Wish::Hits(table.window));
        }
    }
}

impl Screen for Tasks {
    fn keys(&self) -> Contexts {
        keys::TASKS
    }

    fn type_key(&mut self, key: Key, _cx: &mut Context) -> bool {
        self.filter.editing && {
            self.type_filter(key);
            true
        }
    }

    fn act(&mut self, action: Action, cx: &mut Context) {
        self.follow(action, cx);
    }

    fn mouse(&mut self, mouse: Mouse, cx: &mut Context) {
        self.point(mouse, cx);
    }

    fn wants(&mut self, cx: &mut Context) {
        let open = cx.open.clone();
        let trace = open.as_ref().map(|o| Arc::clone(&o.loaded.trace));
        let ours = self.of.ordered().map(|(of, ..)| Arc::as_ptr(&of.0));
        if ours.is_some() && ours != trace.as_ref().map(Arc::as_ptr) {
            self.of.clear();
            self.forget();
        }
        let predicted = open.as_ref().is_some_and(|o| o.predicted);
        if !predicted {
            self.hits = Hits::default();
        }
        let Some((open, trace)) = open.zip(trace).filter(|_| cx.tab == Tab::Tasks) else { return };
        let all = Window::all(&trace);
        let window = open.marks.map_or(all, |[from, to]| Window { from, to });
        let by = self.by();
        if let Some(ticket) = self.of.want((Same(Arc::clone(&trace)), by, window)) {
            self.data = Data::Pending;
            cx.order(Effect::Tasks(Order::Sum { ticket, trace, by, window }));
        }
        self.want_view(cx);
        self.want_hits(predicted, cx);
    }
}
