//! The Compare screen: what differs between two recordings, the most certain first, and both
//! timelines on one axis.
//!
//! ```text
//!  filter  none · / types one                                              104 differences
//!  A nginx-ab_run0 · B nginx-ab_run1 · 22 more than chance · tcn predicts
//!  task            what                     A        B      B−A  sure▼    change     from       to
//!  nginx           length of a stint  94.1 µs  47.2 µs −47.0 µs    9.7   −49.9 % −55.6 µs −37.1 µs
//!  ── A nginx-ab_run0 · aligned at its start
//!  CPU0        ▓▓░░▒▒▓▓█░░                                                            42 %
//!              ╷0.0 s            ╷0.5 s            ╷1.0 s
//!  ── B nginx-ab_run1 · aligned at its start
//!  CPU0        ▓▓▓▓▒▒▓▓█░░                                                            48 %
//! ```

mod beside;

use super::columns::{Head, head};
use super::filter;
use super::pen::Pen;
use super::waits::nothing_open;
use crate::app::compare::{Asked, Compare, Data, Focus, LIST, Other, Places, cell};
use crate::app::help::wrap;
use crate::app::{App, time};
use crate::stats::diff::Differences;
use ratatui::style::Style;

/// Draws the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let s = &app.compare;
    let p = s.places(app.room());
    let count = s.table().map_or_else(String::new, |table| count(s, table));
    filter::line(&s.filter, &count, &mut pen.inside(p.top.filter));
    match s.table().filter(|_| app.timeline().is_some()) {
        Some(table) => {
            note(app, table, &mut pen.inside(p.top.note));
            list(s, table, &p, pen);
        }
        None => waiting(app, &p, pen),
    }
    if let Some(both) = &s.beside {
        beside::draw(both, &p, s.focus == Focus::Beside, pen);
    }
    if s.filter.editing {
        filter::typing(&s.filter, p.top.note.y, p.top.list, pen);
    }
}

fn count(s: &Compare, table: &Differences) -> String {
    let (shown, all) = (s.found.rows.len(), table.rows.len());
    let of =
        if shown == all { String::new() } else { format!(" of {}", time::grouped(all as u64)) };
    format!(" {}{of} difference{} ", time::grouped(shown as u64), if all == 1 { "" } else { "s" })
}

/// What is said while there are no differences, in the place of the list.
fn waiting(app: &App, p: &Places, pen: &mut Pen) {
    let (s, theme) = (&app.compare, pen.theme);
    let keys =
        "c asks for the recording to compare with; on 4, c compares the selected one with the open \
         one.".to_owned();
    let (head, more, style) = match (&s.other, &s.data) {
        _ if app.timeline().is_none() => nothing_open(app, theme),
        (Other::Nothing, _) => {
            ("The open recording is compared with none yet.".into(), keys, theme.strong())
        }
        (Other::Loading(path), _) => {
            ("░ reading the other recording".into(), path.display().to_string(), theme.pending())
        }
        (Other::Failed(path, problem), _) => {
            let path = path.display().to_string();
            let more = if problem.contains(&path) {
                problem.clone()
            } else {
                format!("{path}: {problem}")
            };
            ("The other recording could not be opened:".into(), more, theme.miss())
        }
        (_, Data::Failed(problem)) => {
            ("They could not be compared:".into(), problem.clone(), theme.miss())
        }
        _ => ("░ comparing".into(), String::new(), theme.pending()),
    };
    let y = if p.top.list.h > 2 { p.top.list.y + 1 } else { p.top.head.y };
    let mut pen = pen.inside(crate::app::layout::Area {
        y,
        h: (p.top.list.y + p.top.list.h).saturating_sub(y),
        ..p.top.list
    });
    let w = pen.area.w.saturating_sub(2);
    pen.put(2, y, w, &head, style);
    for (i, line) in wrap(&more, usize::from(w.saturating_sub(2))).iter().take(6).enumerate() {
        pen.put(2, y + 1 + i as u16, w, line, theme.dim());
    }
}

fn note(app: &App, table: &Differences, pen: &mut Pen) {
    let theme = pen.theme;
    let certain = table.rows.iter().filter(|d| d.is_certain()).count();
    let mut pieces: Vec<(String, Style)> = vec![(" ".into(), theme.dim())];
    if let Some([a, b]) = app.compare.beside.as_ref().and_then(|both| both.machines()) {
        pieces.push((format!("A {a} · B {b}"), theme.gap()));
        pieces.push((" · ".into(), theme.dim()));
    }
    pieces.push((
        format!("{} of {}", time::grouped(certain as u64), time::grouped(table.rows.len() as u64)),
        theme.strong(),
    ));
    pieces.push((" are more than chance within these runs".into(), theme.dim()));
    match &app.compare.asked {
        Some(Asked::Pending(done, of)) => {
            pieces.push((
                format!(" · ░ predicting both {} %", done * 100 / (*of).max(1)),
                theme.pending(),
            ));
        }
        Some(Asked::By(name)) => pieces.push((format!(" · hits and nats of {name}"), theme.dim())),
        Some(Asked::Nobody(problem)) => {
            pieces.push((format!(" · no model: {problem}"), theme.miss()));
        }
        None => {}
    }
    for (side, cautions) in ["A", "B"].into_iter().zip(&table.cautions) {
        pieces.extend(
            cautions
                .iter()
                .take(1)
                .map(|caution| (format!(" · ! {side}: {caution}"), theme.miss())),
        );
    }
    for (side, only) in ["A", "B"].into_iter().zip(&table.only).filter(|(_, only)| !only.is_empty())
    {
        let first: Vec<&str> = only.iter().take(4).map(String::as_str).collect();
        let more = if only.len() > 4 { format!(" +{}", only.len() - 4) } else { String::new() };
        pieces.push((format!(" · only in {side}: {}{more}", first.join(" ")), theme.dim()));
    }
    pen.fitting(0, &pieces);
}

fn list(s: &Compare, table: &Differences, p: &Places, pen: &mut Pen) {
    let theme = pen.theme;
    let columns = p.columns(&s.listing.columns, s.listing.column);
    for (i, x, w) in &columns {
        let column = LIST[s.listing.columns.at(*i)];
        let sorted =
            column.sort.filter(|by| *by == s.listing.sort.by).map(|_| s.listing.sort.descending);
        let marked = *i == s.listing.column && !s.filter.editing && s.focus == Focus::List;
        head(
            Head { name: column.name, right: column.right, sorted, marked },
            (*x, *w),
            p.top.head,
            pen,
        );
    }
    if s.found.rows.is_empty() {
        let text = if table.rows.is_empty() {
            "Nothing happened often enough in both to be compared."
        } else {
            "None of them is like that."
        };
        pen.put(
            p.top.list.x + 2,
            p.top.list.y + 1,
            p.top.list.w.saturating_sub(2),
            text,
            theme.strong(),
        );
        return;
    }
    let rows = usize::from(p.top.list.h);
    let first = s.listing.list.first(rows, s.found.rows.len());
    for (line, row) in s.found.rows.iter().enumerate().skip(first).take(rows) {
        let (y, d) = (p.top.list.y + (line - first) as u16, &table.rows[*row as usize]);
        let base = match (line == s.listing.list.at, d.is_certain()) {
            (true, _) => theme.chosen(),
            (false, true) => theme.text(),
            // No more than chance.
            (false, false) => theme.dim(),
        };
        pen.fill(p.top.list.x, y, p.top.list.w, base);
        for (i, x, w) in &columns {
            let place = s.listing.columns.at(*i);
            let text = cell(d, place);
            if LIST[place].right {
                pen.right((*x, y), *w, &text, base);
            } else {
                pen.put(*x, y, *w, &text, base);
            }
        }
    }
}
