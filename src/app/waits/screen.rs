//! The Waits screen for the rest of the application: its keys, and what it orders when that is not
//! there.

use super::{Data, Focus, News, Order, Page, Waits};
use crate::app::input::{Key, Mouse};
use crate::app::keys::{self, Action, Contexts};
use crate::app::tab::Tab;
use crate::app::ticket::Same;
use crate::app::{Context, Effect, Screen};
use crate::trace::Trace;
use std::path::Path;
use std::sync::Arc;

/// Rows of which it is remembered who ran instead.
const REMEMBERED: usize = 4_096;

impl Waits {
    /// Takes what came from outside.
    pub(in crate::app) fn take(&mut self, news: News, cx: &mut Context) {
        if let Some(words) = self.news(news) {
            cx.say(words);
        }
    }

    fn want_table(&mut self, trace: Arc<Trace>, cx: &mut Context) {
        let name = trace.meta().name.clone();
        let Some(ticket) = self.of.want(Same(Arc::clone(&trace))) else { return };
        let known = cx.open.as_ref().and_then(|o| o.waits.clone());
        self.data = known.map_or(Data::Pending, Data::Ready);
        if matches!(self.data, Data::Pending) {
            cx.order(Effect::Waits(Order::Collect { ticket, name, trace }));
        }
    }

    fn want_view(&mut self, cx: &mut Context) {
        let Some(table) = self.table().cloned() else { return };
        let query = self.query();
        if self.looked.as_ref() != Some(&query) {
            self.looked = Some(query.clone());
            let (ticket, old) = (self.of.ticket(), self.view.clone());
            cx.order(Effect::Waits(Order::Look { ticket, table, query, old }));
        }
    }

    /// Who ran instead in the visible rows, and everything of the selected one.
    fn want_instead(&mut self, cx: &mut Context) {
        let Some(table) = self.table().cloned() else { return };
        if self.instead.rows.len() > REMEMBERED {
            self.instead.rows.clear();
        }
        let known = &self.instead.rows;
        let rows: Vec<u32> =
            self.visible(cx.size).iter().copied().filter(|row| !known.contains_key(row)).collect();
        let told = self.instead.chosen.as_ref().map(|c| c.0);
        let chosen = self.row().map(|row| row as u32).filter(|row| told != Some(*row));
        let wanted = (rows, chosen);
        if (wanted.0.is_empty() && chosen.is_none()) || wanted == self.instead.asked {
            return;
        }
        self.instead.asked = wanted.clone();
        let (ticket, (rows, chosen)) = (self.of.ticket(), wanted);
        cx.order(Effect::Waits(Order::Tell { ticket, table, rows, chosen }));
    }

    fn want_crowd(&mut self, cx: &mut Context) {
        let shown = self.panes.page == Page::Crowd && !self.places(cx.size).sums.is_empty();
        let Some(table) = self.table().cloned().filter(|_| shown && !self.crowd_asked) else {
            return;
        };
        self.crowd_asked = true;
        cx.order(Effect::Waits(Order::Crowd { ticket: self.of.ticket(), table }));
    }
}

impl Screen for Waits {
    fn keys(&self) -> Contexts {
        keys::WAITS
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

    /// The next wait of the list, in its order.
    fn walk(&mut self, forward: bool, cx: &mut Context) -> bool {
        if self.view.is_none() || self.is_empty() {
            return false;
        }
        let (at, n) = (self.listing.list.at, self.len());
        let next = if forward { Some(at + 1).filter(|next| *next < n) } else { at.checked_sub(1) };
        let Some(next) = next else {
            let end = if forward { "last" } else { "first" };
            cx.say(format!("that is the {end} of {n} waits of the list (Esc: all misses again)"));
            return true;
        };
        self.listing.list.at = next;
        if let Some(row) = self.row() {
            self.show_on_timeline(row, cx);
        }
        true
    }

    fn walked(&self) -> Option<String> {
        let view = self.view.as_ref()?;
        let of = if self.filter.text.is_empty() {
            String::new()
        } else {
            format!(": {}", self.filter.text)
        };
        Some(format!("waits {}/{}{of}", self.listing.list.at + 1, view.rows.len()))
    }

    fn lists(&self, _recording: &Path, from: u64, to: u64) -> bool {
        self.view.as_ref().is_some_and(|view| view.ends_within(from, to))
    }

    fn wants(&mut self, cx: &mut Context) {
        let trace = cx.open.as_ref().map(|o| Arc::clone(&o.loaded.trace));
        let ours = self.of.ordered().map(|of| Arc::as_ptr(&of.0));
        if ours.is_some() && ours != trace.as_ref().map(Arc::as_ptr) {
            // What belongs to a recording goes with it.
            self.of.clear();
            self.forget();
            if cx.shared.walk == Some(Tab::Waits) {
                cx.shared.walk = None;
            }
        }
        let Some(trace) = trace.filter(|_| cx.tab == Tab::Waits) else { return };
        if self.panes.focus != Focus::List {
            self.panes.lower = self.panes.focus;
        }
        self.want_table(trace, cx);
        self.want_view(cx);
        self.want_instead(cx);
        self.want_crowd(cx);
    }
}
