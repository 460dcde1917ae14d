//! The Compare screen for the rest of the application: its keys, and what it orders when that is
//! not there.

use super::beside::Beside;
use super::{Compare, Data, Focus, News, Order, Other};
use crate::app::input::{Key, Mouse};
use crate::app::keys::{self, Action, Contexts};
use crate::app::mistakes::ModelChoice;
use crate::app::prompt::Ask;
use crate::app::tab::Tab;
use crate::app::ticket::Same;
use crate::app::timeline::Loaded;
use crate::app::{Context, Effect, Screen, Wish};
use std::path::PathBuf;
use std::sync::Arc;

impl Compare {
    /// Takes what came from outside.
    pub(in crate::app) fn take(&mut self, news: News, cx: &mut Context) {
        if let Some(words) = self.news(news) {
            cx.say(words);
        }
    }

    /// Reads what was chosen, unless it is what is open. What is compared until then stays: the new
    /// one may not be readable.
    fn want_other(&mut self, open: Option<&Arc<Loaded>>, cx: &mut Context) {
        let Some(path) = self.wanted.take() else { return };
        if let Some(same) = open.filter(|loaded| loaded.path == path) {
            self.reading.settle(path);
            self.other = Other::Ready(Arc::clone(same));
        } else if let Some(ticket) = self.reading.want(path.clone()) {
            if matches!(self.other, Other::Ready(_)) {
                cx.say(format!("reading {}", path.display()));
            } else {
                self.other = Other::Loading(path.clone());
            }
            cx.order(Effect::Compare(Order::Read { ticket, path }));
        }
    }
}

impl Screen for Compare {
    fn keys(&self) -> Contexts {
        match self.focus {
            _ if self.beside.is_none() => keys::CHOOSE,
            Focus::List => keys::COMPARE,
            Focus::Beside => keys::BESIDE,
        }
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

    fn answer(&mut self, ask: Ask, text: &str, cx: &mut Context) {
        if ask == Ask::Beside {
            cx.wish(Wish::Compare(PathBuf::from(text.trim())));
        }
    }

    fn wants(&mut self, cx: &mut Context) {
        let open = cx.open.clone();
        let a = open.as_ref().map(|o| Arc::clone(&o.loaded));
        self.want_other(a.as_ref(), cx);
        let b =
            if let Other::Ready(loaded) = &self.other { Some(Arc::clone(loaded)) } else { None };
        let Some((a, b)) = a.zip(b) else {
            self.forget();
            self.focus = Focus::List;
            return;
        };
        let pair = [&a, &b].map(|loaded| Same(Arc::clone(&loaded.trace)));
        if self.of.ordered().is_some_and(|(x, y, _)| [x, y] != [&pair[0], &pair[1]]) {
            self.forget();
        }
        if cx.tab != Tab::Compare {
            return;
        }
        let [x, y] = pair;
        let traces = [Arc::clone(&x.0), Arc::clone(&y.0)];
        let whom = ModelChoice::Current(cx.shared.model.clone());
        if let Some(ticket) = self.of.want((x, y, whom.clone())) {
            (self.data, self.asked) = (Data::Pending, None);
            self.look(None);
            cx.order(Effect::Compare(Order::Compare { ticket, traces, whom }));
        }
        self.look_again();
        if self.beside.as_ref().is_none_or(|both| !both.shows([&a, &b])) {
            self.beside = Some(Box::new(Beside::new([&a, &b])));
        }
        let p = self.places(cx.size);
        if p.rows[1].is_empty() {
            self.focus = Focus::List;
        }
        if let Some(both) = &mut self.beside {
            both.set_mark(open.and_then(|o| o.mark));
            both.place(&p);
        }
    }
}
