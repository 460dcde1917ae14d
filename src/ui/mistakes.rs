//! The Mistakes screen: the filter line and what is wrong with it, the list, the sums, the
//! explanation.
//!
//! ```text
//!  filter  queue>=4 and state=S▏                                   1,234 wrong of 5,678 · 78.3 % right
//!  78.3 % right (77.2-79.3) · ECE 0.021 · forecast 58.0 % · in time 61.9 % · 61 bytes per decision
//!      t            cpu prev             state pred           real                  p p_real   │ by queue
//!    ✗ 0.018527282    0 hackbench:21579  S     hackbench:2158 hackbench:21574    0.95   0.01   │ 3-4  ████▌ ...
//! ```

mod list;
mod sums;
mod why;

use super::filter;
use super::pen::Pen;
use crate::app::help::wrap;
use crate::app::mistakes::places::Places;
use crate::app::mistakes::{Data, Focus, Found, Mistakes};
use crate::app::second::model_label;
use crate::app::{App, time};
use crate::evaluate::mistakes::view::View;
use crate::text::counted;

/// Draws the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let (m, p) = (&app.mistakes, app.mistakes.places(app.room()));
    filter(m, &p, pen);
    match (&m.decisions.data, &m.view) {
        (Data::Ready(found), Some(view)) => {
            note(app, found, view, &p, pen);
            list::draw(m, found, view, &p, pen);
            sums::draw(m, p.sums, pen);
            why::draw(m, found, p.why, pen);
        }
        (data, _) => waiting(app, data, &p, pen),
    }
    if m.filter.editing {
        filter::typing(&m.filter, p.top.note.y, p.top.list, pen);
    }
}

fn waiting(app: &App, data: &Data, p: &Places, pen: &mut Pen) {
    let theme = pen.theme;
    let (w, y) = (p.top.list.w.max(pen.area.w), p.top.list.y + 1);
    let (head, more, style) = match data {
        Data::Nothing if app.timeline().is_none() => (
            "No recording is open.".into(),
            "4 lists what can be opened.".to_owned(),
            theme.strong(),
        ),
        Data::Nothing => ("Asking for the decisions".into(), String::new(), theme.pending()),
        Data::Pending(done, of) => {
            let who = app
                .mistakes
                .whose
                .first
                .as_ref()
                .map_or_else(|| "the model".into(), |who| model_label(who));
            let what = if *of == 1 {
                "1 recording".into()
            } else {
                format!("recording {} of {of}", done + 1)
            };
            (
                format!("░ {who} predicts every decision of {what}"),
                "The list and its sums come when all are there.".into(),
                theme.pending(),
            )
        }
        Data::Failed(problem) => ("There is no list:".into(), problem.clone(), theme.miss()),
        Data::Ready(_) => ("░ summing up".into(), String::new(), theme.pending()),
    };
    pen.put(2, y, w - 2, &head, style);
    for (i, line) in wrap(&more, usize::from(w.saturating_sub(4))).iter().take(4).enumerate() {
        pen.put(2, y + 1 + i as u16, w - 2, line, theme.dim());
    }
}

fn filter(m: &Mistakes, p: &Places, pen: &mut Pen) {
    let count = m.view.as_ref().map_or_else(String::new, |v| {
        let t = &v.sums.total;
        let stale = if m.is_stale() { "░ " } else { "" };
        format!(" {stale}{} wrong of {} ", time::grouped(t.misses()), time::grouped(t.decisions))
    });
    filter::line(&m.filter, &count, &mut pen.inside(p.top.filter));
}

fn percent(x: f64) -> String {
    if x.is_nan() { "–".into() } else { format!("{:.1} %", 100.0 * x) }
}

/// Whose mistakes these are, and whose the timeline shows when that is somebody else.
fn whose(app: &App, name: &str) -> String {
    if app.mistakes.whose.first.is_none() {
        return name.to_owned();
    }
    let current = app.shared.model.as_ref().map_or("tcn", |(run, _)| run);
    format!("{name} (Timeline: {current})")
}

/// Why somebody else stands in the model's place; where that is too long, the pane that says it.
fn no_model(name: &str, problem: &str, width: u16) -> String {
    let whole = format!("– no model, {name} instead: {problem} · ");
    if whole.chars().count() < usize::from(width) {
        return whole;
    }
    format!("– no model, {name} instead: 1 says why · ")
}

fn note(app: &App, found: &Found, view: &View, p: &Places, pen: &mut Pen) {
    let theme = pen.theme;
    let name = &found.table.models[0];
    let (who, style) = match &found.no_model {
        Some(problem) => (no_model(name, problem, p.top.note.w), theme.miss()),
        None => (format!("{}: ", whose(app, name)), theme.dim()),
    };
    let named = if app.mistakes.whose.first.is_some() { theme.strong() } else { style };
    let used = pen.put(1, p.top.note.y, p.top.note.w.saturating_sub(1), &who, named);
    let room = p.top.note.w.saturating_sub(1 + used);
    // How sure the figure is, where there is room for it.
    let figures = figures(app, found, view, p.top.note.w >= 100);
    pen.put(1 + used, p.top.note.y, room, &whole_ones(figures, usize::from(room)), style);
}

/// What is said of the list, the most important first.
fn figures(app: &App, found: &Found, view: &View, with_interval: bool) -> Vec<String> {
    let (total, whole) = (&view.sums.total, found.table.whole());
    let (low, high) = total.interval();
    let share = |n: u64, of: u64| percent(n as f64 / of as f64);
    let interval = if with_interval {
        format!(" ({:.1}-{:.1})", 100.0 * low, 100.0 * high)
    } else {
        String::new()
    };
    let ece = if total.decisions == 0 { "–".into() } else { format!("{:.3}", view.sums.ece()) };
    let mut parts = vec![
        format!("{} right{interval}", percent(total.accuracy())),
        format!("ECE {ece}"),
        // The list has no trivial decisions, an evaluation counts their forecasts too: both
        // figures, each by its name.
        format!(
            "forecast {} of all, {} of these",
            share(whole.forecasts, whole.asked),
            share(total.forecasts, total.asked)
        ),
        format!("in time {}", percent(view.in_time.share)),
    ];
    if app.shared.chosen.len() > 1 {
        parts.push(counted(found.table.sources.len() as u64, "recording"));
    }
    let marked = app.mistakes.rows.marked.len();
    if marked > 0 {
        parts.push(format!("{marked} chosen"));
    }
    let [trivial, decisions] = [whole.trivial, whole.decisions].map(time::grouped);
    let plural = if whole.decisions == 1 { "" } else { "s" };
    parts.push(format!("{trivial} of {decisions} decision{plural} trivial"));
    parts.push(format!("{:.0} bytes each", found.table.bytes_per_row()));
    parts
}

/// Whole figures, as many as fit: half a one says something else.
fn whole_ones(figures: Vec<String>, room: usize) -> String {
    let mut line = String::new();
    for figure in figures {
        let more = if line.is_empty() { figure } else { format!(" · {figure}") };
        if line.chars().count() + more.chars().count() > room && !line.is_empty() {
            break;
        }
        line.push_str(&more);
    }
    line
}

fn is(m: &Mistakes, focus: Focus) -> bool {
    m.panes.focus == focus && !m.filter.editing
}
