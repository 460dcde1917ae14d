//! What orders, the mouse and typing do on the Tasks screen.

use super::{LIST, Shown, Tasks};
use crate::app::filter::Over;
use crate::app::input::{Key, Mouse, MouseKind};
use crate::app::keys::Action;
use crate::app::list::{Areas, Do, Hit};
use crate::app::tab::Tab;
use crate::app::{Context, Wish};
use crate::query::Op;
use crate::stats::tasks::{Column, Tasks as Table};
use crate::stats::{By, column};
use crate::trace::{CpuId, Nanos, ThreadIx, Trace};
use std::sync::Arc;

impl Tasks {
    pub(super) fn follow(&mut self, action: Action, cx: &mut Context) {
        let page = Areas::new(cx.size).page();
        let n = self.found.rows.len();
        if self.listing.list.act(action, page, n) {
            return;
        }
        match action {
            Action::Find => self.edit(),
            Action::Open => self.enter(cx),
            Action::Back if !self.filter.widen() => cx.wish(Wish::Show(Tab::Timeline)),
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
                Shown::Of(by) => self.listing.sort.turn(by, by != Column::Task),
                Shown::Hit => cx.say("the list is not sorted by hits; 3 sums them up by task"),
            },
            Do::Fold => {
                self.folded = !self.folded;
                self.listing.list.at = 0;
            }
            Do::Clear => self.filter.set(None),
            Do::Waits => {
                if let Some(filter) = self.waits() {
                    cx.wish(Wish::Waits(filter));
                }
            }
            Do::Copy => {
                let Some((table, row)) = self.table().zip(self.row()) else { return };
                cx.shared.copy = Some(copied(table, row));
                cx.say("row copied, tab-separated with a header; times in ns");
            }
            Do::Range | Do::Page | Do::PrevPage => {}
        }
    }

    /// What the waits of the selected row are filtered by: a thread by its pid, whatever its names.
    fn waits(&self) -> Option<column::Expr> {
        let (table, row) = self.table().zip(self.row())?;
        let of = match (table.by, u64::try_from(table.rows[row].pid.0)) {
            (By::Thread, Ok(pid)) => column::Expr::number(column::Column::Pid, Op::Eq, pid),
            _ => column::Expr::is(column::Column::Task, &table.rows[row].comm),
        };
        let all = crate::stats::Window::all(&table.trace);
        let at = |column, op, ns| column::Expr::number(column, op, ns);
        Some(if table.window == all {
            of
        } else {
            of.and(at(column::Column::To, Op::Ge, table.window.from)).and(at(
                column::Column::From,
                Op::Le,
                table.window.to,
            ))
        })
    }

    /// Shows the selected thread on the timeline, where it first comes in, with a row of its own;
    /// of a name, those of its threads that find room.
    fn enter(&self, cx: &mut Context) {
        let Some((table, row)) = self.table().zip(self.row()) else { return };
        let Some(path) = cx.open.as_ref().map(|o| o.path().to_path_buf()) else { return };
        let threads = threads(table, row);
        if threads.len() > MOST_ROWS {
            cx.say(format!(
                "rows for {MOST_ROWS} of {} threads of this name; f lists them one by one",
                threads.len()
            ));
        }
        // The one that is pinned last stands first.
        threads.iter().take(MOST_ROWS).rev().for_each(|thread| cx.wish(Wish::Pin(*thread)));
        match first_stint(table, row) {
            Some(event) => cx.wish(Wish::GoTo(path, event)),
            None => cx.say("it never came in, as far as is known of that time"),
        }
    }

    pub(super) fn edit(&mut self) {
        let table = self.table().map(Arc::clone);
        self.filter.edit(&Over::table_or_name(table.as_deref()));
    }

    pub(super) fn type_filter(&mut self, key: Key) {
        let table = self.table().map(Arc::clone);
        self.filter.type_key(key, &Over::table_or_name(table.as_deref()));
    }

    /// A click selects, a second one opens; the wheel moves.
    pub(super) fn point(&mut self, mouse: Mouse, cx: &mut Context) {
        let (areas, n) = (Areas::new(cx.size), self.found.rows.len());
        match mouse.kind {
            MouseKind::WheelUp => self.listing.list.step(-3, n),
            MouseKind::WheelDown => self.listing.list.step(3, n),
            MouseKind::Down => {
                let at = (mouse.x, mouse.y);
                match areas.hit(at, &self.columns(&areas), self.listing.list, n) {
                    Some(Hit::Filter) => self.edit(),
                    Some(Hit::Head(Some(column))) => {
                        self.listing.column = column;
                        self.act_on_list(Do::Sort, cx);
                    }
                    Some(Hit::List(Some(row))) if self.listing.list.click(row) => self.enter(cx),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Threads of one name that get rows.
pub(in crate::app) const MOST_ROWS: usize = 6;

/// The threads that a row stands for.
fn threads(t: &Table, row: usize) -> Vec<ThreadIx> {
    let of = &t.rows[row];
    if t.by == By::Thread {
        return vec![of.thread];
    }
    named(&t.trace, &of.comm)
}

/// The threads that ever had this name.
pub(in crate::app) fn named(trace: &Trace, name: &str) -> Vec<ThreadIx> {
    let named = trace
        .tasks()
        .iter()
        .filter(|(_, task)| *task.name == *name && task.thread != ThreadIx::NONE);
    let mut threads: Vec<ThreadIx> = named.map(|(_, task)| task.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    threads
}

/// The first switch of the window that brings a row's thread in, or one of a name's.
fn first_stint(t: &Table, row: usize) -> Option<usize> {
    let (trace, of) = (&t.trace, &t.rows[row]);
    let tasks = trace.tasks();
    let wanted: Vec<bool> = tasks
        .iter()
        .map(|(_, task)| if t.by == By::Name { *task.name == *of.comm } else { task.pid == of.pid })
        .collect();
    let first = |cpu: CpuId| {
        let switches = trace.cpu_switches(cpu);
        let from =
            switches.partition_point(|event| trace.time(*event as usize) < Nanos(t.window.from));
        let mut later = switches[from..].iter().map(|event| *event as usize);
        later.find(|event| wanted.get(trace.event(*event).next.0 as usize).is_some_and(|w| *w))
    };
    of.cpus.iter().filter_map(|cpu| first(*cpu)).min()
}

/// All figures of a row, as text to be pasted into a table.
fn copied(t: &Table, row: usize) -> String {
    use crate::query::Columns;
    let head: Vec<&str> = Column::ALL.iter().map(|c| c.1).collect();
    let cell = |column: Column| match column {
        Column::Task => t.label(row),
        Column::Share => format!("{:.6}", t.share(row)),
        column => column.count(&t.rows[row]).map(|n| n.to_string()).unwrap_or_default(),
    };
    let cells: Vec<String> = Column::ALL.iter().map(|c| cell(c.0)).collect();
    format!("{}\n{}\n", head.join("\t"), cells.join("\t"))
}
