//! What orders, the mouse and typing do on the Waits screen.

use super::copy::timehist;
use super::{Focus, LIST, Page, Shown, Span, Waits};
use crate::app::filter::Over;
use crate::app::input::{Key, Mouse, MouseKind};
use crate::app::keys::Action;
use crate::app::list::{self, Do, Hit, Sorting};
use crate::app::tab::Tab;
use crate::app::{Context, Wish};
use crate::query::{Columns, Kind, Op};
use crate::stats::column::{Column, Expr};
use crate::stats::{Table, Window};
use crate::trace::{CpuId, ThreadIx};
use std::sync::Arc;

/// The CPU on which most waits have something of this time.
fn crowded(t: &Table, [from, to]: [u64; 2]) -> CpuId {
    let mut counts = vec![0_usize; t.trace.cpus() + 1];
    for row in (0..t.waits.len()).filter(|row| t.touches(*row, Window { from, to })) {
        let cpu = t.waits.cpu(row).ix().min(t.trace.cpus());
        counts[cpu] += 1;
    }
    let most = (0..t.trace.cpus()).max_by_key(|cpu| (counts[*cpu], std::cmp::Reverse(*cpu)));
    CpuId(most.unwrap_or(0) as u16)
}

impl Waits {
    pub(super) fn follow(&mut self, action: Action, cx: &mut Context) {
        let page = self.places(cx.size).top.page();
        if let Some(by) = list::rows(action, page) {
            self.step(by);
            return;
        }
        match action {
            Action::Pane => {
                self.panes.focus = self.places(cx.size).after(self.panes.focus);
                if self.panes.focus != Focus::List {
                    self.panes.lower = self.panes.focus;
                }
            }
            Action::Find => self.edit(),
            Action::Open => self.enter(cx),
            Action::Back => {
                if self.panes.focus != Focus::List {
                    self.panes.focus = Focus::List;
                } else if !self.filter.widen() {
                    cx.wish(Wish::Show(Tab::Timeline));
                }
            }
            Action::List(what) => self.act_on_list(what, cx),
            _ => {}
        }
    }

    fn act_on_list(&mut self, what: Do, cx: &mut Context) {
        match what {
            Do::Left | Do::Right => {
                self.listing.mark(what);
            }
            Do::Sort => match LIST[self.listing.marked()].0 {
                Shown::Of(by) => {
                    // Of numbers the great ones are looked for, of times the first.
                    let great =
                        matches!(by, Column::Wait | Column::Idle) || by.kind() == Kind::Count;
                    self.listing.sort.turn(by, great);
                }
                Shown::Instead => cx
                    .say("the list is not sorted by who ran instead: it is found for visible rows"),
                Shown::Pick => {
                    cx.say("the list is not sorted by what was predicted; 3 lists mistakes");
                }
            },
            Do::Page | Do::PrevPage => self.turn(what == Do::Page),
            Do::Range => match cx.open.as_ref().and_then(|o| o.marks) {
                // What has something of that time; such a wait is listed whole.
                Some([from, to]) => {
                    let at = |column, op, ns| Expr::number(column, op, ns);
                    self.narrow(at(Column::To, Op::Ge, from).and(at(Column::From, Op::Le, to)));
                }
                None => cx.say("set two marks on the timeline first (m)"),
            },
            Do::Clear => self.filter.set(None),
            Do::Copy => {
                let Some((table, row)) = self.table().zip(self.row()) else { return };
                match timehist(table, row) {
                    Some(line) => {
                        cx.shared.copy = Some(line);
                        cx.say(
                            "copied as perf sched timehist has it: out at, CPU, task, waited, \
                                delay, ran (ms)",
                        );
                    }
                    None => cx.say("it never came in, as far as is known: perf has no line of it"),
                }
            }
            Do::Fold | Do::Waits => {}
        }
    }

    /// Pages of what is shown beside the list: who ran instead, lengths, crowding.
    fn turn(&mut self, forward: bool) {
        let pages = [
            (Focus::Blame, Page::Lengths),
            (Focus::Sums, Page::Lengths),
            (Focus::Sums, Page::Crowd),
        ];
        let now = match self.panes.lower {
            Focus::Sums if self.panes.page == Page::Crowd => 2,
            Focus::Sums => 1,
            _ => 0,
        };
        let (lower, page) = pages[(now + if forward { 1 } else { 2 }) % 3];
        (self.panes.lower, self.panes.page, self.panes.bar) = (lower, page, 0);
        if self.panes.focus != Focus::List {
            self.panes.focus = lower;
        }
    }

    pub(super) fn step(&mut self, by: isize) {
        match self.panes.focus {
            Focus::List => {
                let n = self.len();
                self.listing.list.step(by, n);
                self.instead.scroll = 0;
            }
            Focus::Blame => {
                self.instead.scroll = self.instead.scroll.saturating_add_signed(by).min(256);
            }
            Focus::Sums => {
                let last = self.bars().saturating_sub(1);
                self.panes.bar = self.panes.bar.saturating_add_signed(by).min(last);
            }
        }
    }

    /// Bars on the page of sums.
    fn bars(&self) -> usize {
        match self.panes.page {
            Page::Lengths => self.view.as_ref().map_or(0, |v| v.lengths.histogram.len()),
            Page::Crowd => 3,
        }
    }

    fn enter(&mut self, cx: &mut Context) {
        match (self.panes.focus, self.panes.page) {
            (Focus::Sums, Page::Lengths) => {
                let Some(view) = self.view.clone() else { return };
                if let Some(b) = view.lengths.histogram.get(self.panes.bar) {
                    let at = |op, ns| Expr::number(Column::Wait, op, ns);
                    self.narrow(at(Op::Ge, b.from).and(at(Op::Lt, b.to)));
                }
            }
            (Focus::Sums, Page::Crowd) if self.panes.bar == 2 => {
                self.narrow(Expr::number(Column::Idle, Op::Gt, 0));
                self.listing.sort = Sorting { by: Column::Idle, descending: true };
                self.panes.focus = Focus::List;
            }
            (Focus::Sums, Page::Crowd) => self.go_to_crowd(cx),
            _ => {
                if let Some(row) = self.row() {
                    cx.shared.walk = Some(Tab::Waits);
                    self.show_on_timeline(row, cx);
                }
            }
        }
    }

    pub(super) fn show_on_timeline(&self, row: usize, cx: &mut Context) {
        let Some(table) = self.table() else { return };
        cx.wish(Wish::Wait(Span::of(table, row)));
    }

    /// To the worst moment of the chosen row of the crowding.
    fn go_to_crowd(&self, cx: &mut Context) {
        let Some((crowd, table)) = self.crowd.as_ref().zip(self.table()) else { return };
        let worst = if self.panes.bar == 0 {
            crowd.longest().map(|w| w.0)
        } else {
            crowd.most_idle().map(|w| w.0)
        };
        let Some(part) = worst else { return };
        let [from, to] = crowd.part(part, table.trace.span().0);
        cx.wish(Wish::Wait(Span {
            thread: ThreadIx::NONE,
            cpu: crowded(table, [from, to]),
            from,
            to,
            event: None,
        }));
    }

    pub(super) fn edit(&mut self) {
        let table = self.table().map(Arc::clone);
        self.filter.edit(&Over::table(table.as_deref()));
    }

    pub(super) fn type_filter(&mut self, key: Key) {
        let table = self.table().map(Arc::clone);
        self.filter.type_key(key, &Over::table(table.as_deref()));
    }

    fn narrow(&mut self, by: Expr) {
        self.filter.narrow(by, &Over::table(None));
    }

    /// A click selects, a second one opens; the wheel moves what it is over.
    pub(super) fn point(&mut self, mouse: Mouse, cx: &mut Context) {
        let p = self.places(cx.size);
        let Mouse { kind, x, y } = mouse;
        let over = if p.sums.has(x, y) {
            Focus::Sums
        } else if p.blame.has(x, y) {
            Focus::Blame
        } else {
            Focus::List
        };
        match kind {
            MouseKind::WheelUp | MouseKind::WheelDown => {
                let focus = std::mem::replace(&mut self.panes.focus, over);
                self.step(if kind == MouseKind::WheelUp { -3 } else { 3 });
                self.panes.focus = focus;
            }
            MouseKind::Down if over == Focus::List => {
                let placed = p.columns(&self.listing.columns, self.listing.column);
                let here = self.panes.focus == Focus::List;
                match p.top.hit((x, y), &placed, self.listing.list, self.len()) {
                    Some(Hit::Filter) => self.edit(),
                    Some(Hit::Head(Some(column))) => {
                        (self.listing.column, self.panes.focus) = (column, Focus::List);
                        self.act_on_list(Do::Sort, cx);
                    }
                    Some(Hit::List(Some(row))) => {
                        self.panes.focus = Focus::List;
                        if self.listing.list.click(row) && here {
                            self.enter(cx);
                        }
                    }
                    _ => {}
                }
            }
            MouseKind::Down => self.panes.focus = over,
            _ => {}
        }
    }
}
