//! What orders, the mouse and typing do on the Compare screen.

use super::beside::{Align, stints};
use super::{Compare, Do, Focus, LIST, Places, difference, places, value, words};
use crate::app::filter::Over;
use crate::app::input::{Key, Mouse, MouseKind};
use crate::app::keys::Action;
use crate::app::list::{self, Hit};
use crate::app::prompt::Ask;
use crate::app::tab::Tab;
use crate::app::tasks::act::{MOST_ROWS, named};
use crate::app::{Context, Wish};
use crate::stats::column;
use crate::stats::diff::{Difference, Sort};
use crate::trace::EventKind;
use std::sync::Arc;

impl Compare {
    /// Where things are now.
    pub fn places(&self, size: (u16, u16)) -> Places {
        places(
            size,
            self.beside.as_ref().map(|b| [0, 1].map(|side: usize| b.sides[side].t.trace().cpus())),
        )
    }

    pub(super) fn follow(&mut self, action: Action, cx: &mut Context) {
        if self.focus == Focus::List {
            let page = self.places(cx.size).top.page();
            if self.listing.list.act(action, page, self.found.rows.len()) {
                return;
            }
        }
        match action {
            Action::Find => self.edit(),
            Action::Open => self.enter(cx),
            Action::Pane => self.next_pane(cx),
            Action::Back if self.focus == Focus::Beside => self.focus = Focus::List,
            Action::Back if !self.filter.widen() => cx.wish(Wish::Show(Tab::Timeline)),
            Action::List(what) => self.act_on_list(what, cx),
            Action::Compare(Do::Ask) if cx.open.is_none() => {
                cx.say("open a recording first: another one is compared with it");
            }
            Action::Compare(Do::Ask) => cx.wish(Wish::Ask(Ask::Beside)),
            Action::Compare(what @ (Do::After | Do::Before)) => self.step(what == Do::After, cx),
            action => self.move_timelines(action),
        }
    }

    fn next_pane(&mut self, cx: &mut Context) {
        if self.places(cx.size).rows[1].is_empty() {
            cx.say("there are no timelines: no second recording, or no room");
        } else {
            self.focus = if self.focus == Focus::List { Focus::Beside } else { Focus::List };
        }
    }

    fn move_timelines(&mut self, action: Action) {
        let Some(both) = &mut self.beside else { return };
        match action {
            Action::ZoomIn => both.zoom(2, 3),
            Action::ZoomOut => both.zoom(3, 2),
            Action::PanLeft => both.pan(-1, 5),
            Action::PanRight => both.pan(1, 5),
            Action::PageUp => both.pan(-1, 1),
            Action::PageDown => both.pan(1, 1),
            Action::Start => both.pan(i64::MIN / 2, 1),
            Action::End => both.pan(i64::MAX / 2, 1),
            Action::Fit => both.fit(),
            Action::Compare(Do::Left) => both.shift(-1),
            Action::Compare(Do::Right) => both.shift(1),
            _ => {}
        }
    }

    /// Aligns at the next stint of the selected name, or at the one before.
    fn step(&mut self, forward: bool, cx: &mut Context) {
        let name = self.selected().and_then(|d| d.name.clone());
        let Some(both) = &mut self.beside else { return };
        let to = match (&both.align, name) {
            (Align::Stint(of, n), name)
                if !forward && name.as_ref().is_none_or(|name| name == of) =>
            {
                n.checked_sub(1).map_or(Align::Starts, |n| Align::Stint(of.clone(), n))
            }
            (Align::Stint(of, n), Some(name)) if *of == name => Align::Stint(name, n + 1),
            (_, Some(name)) if forward => Align::Stint(name, 0),
            (Align::Stint(..), Some(_)) => Align::Starts,
            (_, None) => {
                cx.say("select a name: B is aligned where it comes in");
                return;
            }
            (Align::Starts, Some(_)) => return,
        };
        if let Align::Stint(name, n) = &to {
            // A is aligned at its mark or at the same stint.
            let far = both.mark.is_some();
            let short = |side: usize| stints(both.sides[side].t.trace(), name).nth(*n).is_none();
            let end = [(0, "A"), (1, "B")]
                .into_iter()
                .find(|(side, _)| (*side == 1 || !far) && short(*side));
            if let Some((_, side)) = end {
                let n = crate::app::time::grouped(*n as u64);
                cx.say(format!(
                    "{name} comes in {n} time{} in {side}",
                    if n == "1" { "" } else { "s" }
                ));
                return;
            }
        }
        both.align(to);
    }

    fn act_on_list(&mut self, what: list::Do, cx: &mut Context) {
        match what {
            list::Do::Left | list::Do::Right => {
                self.listing.mark(what);
            }
            list::Do::Sort => match LIST[self.listing.marked()].sort {
                Some(by) => self.listing.sort.turn(by, !matches!(by, Sort::Task | Sort::Measure)),
                None => cx.say("the list is not sorted by an end of the interval"),
            },
            list::Do::Clear => self.filter.set(None),
            list::Do::Waits => match self.selected().map(|d| d.name.clone()) {
                Some(Some(name)) => {
                    cx.wish(Wish::Waits(column::Expr::is(column::Column::Task, &name)));
                }
                Some(None) => cx.wish(Wish::Show(Tab::Waits)),
                None => {}
            },
            list::Do::Copy => {
                if let Some(row) = self.selected() {
                    cx.shared.copy = Some(copied(row));
                    cx.say("row copied, tab-separated with a header; times in ns");
                }
            }
            list::Do::Range | list::Do::Page | list::Do::PrevPage | list::Do::Fold => {}
        }
    }

    /// Shows the selected name on A's timeline, where it next comes in in the visible window, with
    /// rows for its threads; of all tasks, where their time went.
    fn enter(&self, cx: &mut Context) {
        let Some(d) = self.selected() else { return };
        let Some(open) = cx.open.clone() else { return };
        let Some(name) = &d.name else {
            cx.wish(Wish::Show(Tab::Tasks));
            return;
        };
        let trace = &open.loaded.trace;
        let from = self.beside.as_ref().map_or(0, |b| b.start_in_a());
        let comes = |i: &usize| {
            let e = trace.event(*i);
            e.kind == EventKind::Switch
                && trace.tasks().get(e.next).is_some_and(|task| *task.name == **name)
        };
        let after = trace.times().partition_point(|t| *t < from);
        let Some(event) = (after..trace.len()).find(comes).or_else(|| (0..after).find(comes))
        else {
            return;
        };
        // The one that is pinned last stands first.
        named(trace, name)
            .iter()
            .take(MOST_ROWS)
            .rev()
            .for_each(|thread| cx.wish(Wish::Pin(*thread)));
        cx.wish(Wish::GoTo(open.path().to_path_buf(), event));
    }

    pub(super) fn edit(&mut self) {
        let table = self.table().map(Arc::clone);
        self.filter.edit(&Over::table_or_name(table.as_deref()));
    }

    pub(super) fn type_filter(&mut self, key: Key) {
        let table = self.table().map(Arc::clone);
        self.filter.type_key(key, &Over::table_or_name(table.as_deref()));
    }

    /// A click selects, a second one opens; the wheel moves the list, and zooms the timelines.
    pub(super) fn point(&mut self, mouse: Mouse, cx: &mut Context) {
        let (p, n) = (self.places(cx.size), self.found.rows.len());
        let Mouse { kind, x, y } = mouse;
        let below = !p.axis.is_empty() && y >= p.title[0].y;
        match kind {
            MouseKind::WheelUp if below => self.move_timelines(Action::ZoomIn),
            MouseKind::WheelDown if below => self.move_timelines(Action::ZoomOut),
            MouseKind::WheelUp => self.listing.list.step(-3, n),
            MouseKind::WheelDown => self.listing.list.step(3, n),
            MouseKind::Down if below => self.focus = Focus::Beside,
            MouseKind::Down => {
                let placed = p.columns(&self.listing.columns, self.listing.column);
                match p.top.hit((x, y), &placed, self.listing.list, n) {
                    Some(Hit::Filter) => self.edit(),
                    Some(Hit::Head(Some(column))) => {
                        (self.listing.column, self.focus) = (column, Focus::List);
                        self.act_on_list(list::Do::Sort, cx);
                    }
                    Some(Hit::List(row)) => {
                        self.focus = Focus::List;
                        if row.is_some_and(|row| self.listing.list.click(row)) {
                            self.enter(cx);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// A cell of the list.
pub fn cell(d: &Difference, column: usize) -> String {
    match column {
        0 => d.name.clone().unwrap_or_else(|| "all tasks".into()),
        1 => words(d.measure).into(),
        2 | 3 => value(d.measure, d.values[column - 2]),
        4 => difference(d.measure, d.difference),
        5 if d.certainty.is_finite() => format!("{:.1}", d.certainty),
        5 => "∞".into(),
        6 => match d.change() {
            Some(x) if x.abs() >= 100.0 => format!("×{:.0}", (x + 1.0).abs()),
            Some(x) => format!("{}{:.1} %", if x < 0.0 { "−" } else { "+" }, 100.0 * x.abs()),
            None => "–".into(),
        },
        _ => difference(d.measure, d.interval[(column - 7).min(1)]),
    }
}

/// All figures of a row, as text to be pasted into a table.
fn copied(d: &Difference) -> String {
    let [a, b] = d.values;
    let [from, to] = d.interval;
    let name = d.name.as_deref().unwrap_or_default();
    let figures = [a, b, d.difference, from, to, d.certainty].map(|x| x.to_string()).join("\t");
    format!(
        "comm\tmeasure\ta\tb\tdifference\tfrom\tto\tcertainty\n{name}\t{}\t{figures}\n",
        d.measure.label()
    )
}
