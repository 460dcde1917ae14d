//! The Tasks screen: the filter line, what is summed up, and a row per thread or name.
//!
//! ```text
//!  filter  none · / types one                                                     31 threads
//!  all of the recording · 2.00 s · 2 CPUs
//!  task                    run▼  share    waits     wait      p50      p99      max   stints
//!  stress-ng:431        812 ms  40.6 %    1,204  96.0 ms  4.10 µs   1.2 ms  7.10 ms    1,305
//! ```

use super::columns::{Head, head, shortened};
use super::filter;
use super::pen::Pen;
use super::waits::nothing_open;
use crate::app::help::wrap;
use crate::app::list::Areas;
use crate::app::tasks::{Data, LIST, Shown, Tasks};
use crate::app::{App, time};
use crate::query::{Columns, Kind};
use crate::stats::tasks::{Column, Tasks as Table};
use crate::stats::{By, Window};

/// Draws the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let (s, p) = (&app.tasks, Areas::new(app.room()));
    let count = s.table().map_or_else(String::new, |table| count(s, table));
    filter::line(&s.filter, &count, &mut pen.inside(p.filter));
    match &s.data {
        Data::Ready(table) if s.found.query.is_some() => {
            note(app, table, &mut pen.inside(p.note));
            list(s, table, &p, pen);
        }
        data => waiting(app, data, p.list.y + 1, pen),
    }
    if s.filter.editing {
        filter::typing(&s.filter, p.note.y, p.list, pen);
    }
}

fn count(s: &Tasks, table: &Table) -> String {
    let (shown, all) = (s.found.rows.len(), table.rows.len());
    let stale = if s.is_stale() { "░ " } else { "" };
    let what = match (table.by, all) {
        (By::Thread, 1) => "thread",
        (By::Thread, _) => "threads",
        (By::Name, 1) => "name",
        (By::Name, _) => "names",
    };
    let of =
        if shown == all { String::new() } else { format!(" of {}", time::grouped(all as u64)) };
    format!(" {stale}{}{of} {what} ", time::grouped(shown as u64))
}

fn waiting(app: &App, data: &Data, y: u16, pen: &mut Pen) {
    let theme = pen.theme;
    let (head, more, style) = match data {
        Data::Nothing if app.timeline().is_none() => nothing_open(app, theme),
        Data::Failed(problem) => ("There is no list:".into(), problem.clone(), theme.miss()),
        _ => ("░ summing up".into(), String::new(), theme.pending()),
    };
    pen.put(2, y, pen.area.w.saturating_sub(2), &head, style);
    for (i, line) in
        wrap(&more, usize::from(pen.area.w.saturating_sub(4))).iter().take(4).enumerate()
    {
        pen.put(2, y + 1 + i as u16, pen.area.w.saturating_sub(2), line, theme.dim());
    }
}

fn note(app: &App, table: &Table, pen: &mut Pen) {
    let theme = pen.theme;
    let Window { from, to } = table.window;
    let point = |ns| app.timeline().map_or_else(String::new, |t| t.point(ns, 1_000_000));
    let (window, style) = if table.window == Window::all(&table.trace) {
        ("all of the recording".to_owned(), theme.dim())
    } else {
        (format!("between the marks, {} to {}", point(from), point(to)), theme.mark())
    };
    let cpus = table.trace.cpus();
    let more = format!(
        " · {} · {cpus} CPU{}",
        time::short(table.window.ns()),
        if cpus == 1 { "" } else { "s" }
    );
    let more = more + " · % of one CPU";
    let by = if table.by == By::Name { " · by name" } else { "" };
    pen.fitting(
        0,
        &[
            (" ".into(), theme.dim()),
            (window, style),
            (more, theme.dim()),
            (by.into(), theme.strong()),
        ],
    );
}

fn list(s: &Tasks, table: &Table, p: &Areas, pen: &mut Pen) {
    let theme = pen.theme;
    let columns = s.columns(p);
    for (i, x, w) in &columns {
        let (shown, _, right) = LIST[s.listing.columns.at(*i)];
        let sorted = matches!(shown, Shown::Of(by) if by == s.listing.sort.by)
            .then_some(s.listing.sort.descending);
        let name = shown.name();
        let marked = *i == s.listing.column && !s.filter.editing;
        head(Head { name, right, sorted, marked }, (*x, *w), p.head, pen);
    }
    if s.found.rows.is_empty() {
        let text =
            if table.rows.is_empty() { "Nobody was there." } else { "None of them is like that." };
        pen.put(p.list.x + 2, p.list.y + 1, p.list.w.saturating_sub(2), text, theme.strong());
        return;
    }
    let rows = usize::from(p.list.h);
    let first = s.listing.list.first(rows, s.found.rows.len());
    for (line, row) in s.found.rows.iter().enumerate().skip(first).take(rows) {
        let y = p.list.y + (line - first) as u16;
        let base = if line == s.listing.list.at { theme.chosen() } else { theme.text() };
        pen.fill(p.list.x, y, p.list.w, base);
        for (i, x, w) in &columns {
            let (shown, _, right) = LIST[s.listing.columns.at(*i)];
            let text = cell(s, table, *row as usize, shown);
            if right {
                pen.right((*x, y), *w, &text, base);
            } else {
                pen.put(*x, y, *w, &shortened(&text, usize::from(*w)), base);
            }
        }
    }
}

fn cell(s: &Tasks, t: &Table, row: usize, shown: Shown) -> String {
    let of = &t.rows[row];
    let Shown::Of(column) = shown else {
        return match s.hits.of.get(row) {
            Some([right, asked]) if *asked > 0 => {
                format!("{:.1} %", 100.0 * f64::from(*right) / f64::from(*asked))
            }
            _ => "–".into(),
        };
    };
    match (column, column.kind()) {
        (Column::Task, _) => t.label(row),
        (Column::Share, _) => format!("{:.1} %", 100.0 * t.share(row)),
        (Column::Cpus, _) if of.cpus.len() > 4 => {
            format!("{} of {}", of.cpus.len(), t.trace.cpus())
        }
        (Column::Cpus, _) => of.cpus.iter().map(|c| c.0.to_string()).collect::<Vec<_>>().join(" "),
        (_, Kind::Time) => {
            column.count(of).filter(|ns| *ns > 0).map_or_else(|| "–".into(), time::short)
        }
        _ => column.count(of).map_or_else(|| "–".into(), time::grouped),
    }
}
