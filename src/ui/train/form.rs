//! The form that sets up a run.

use crate::app::help::wrap;
use crate::app::layout::Area;
use crate::app::train::form::Form;
use crate::ui::pen::Pen;
use ratatui::style::Style;

/// Where the explanations stand beside the fields.
const HELP: u16 = 40;
/// Columns of what says that there are more fields.
const MORE: u16 = 24;
/// Columns of the labels.
const LABEL: u16 = 17;

/// The first row of the fields.
const TOP: u16 = 2;

/// Draws it over the whole screen below the title.
pub fn draw(form: &Form, pen: &mut Pen) {
    let theme = pen.theme;
    let (w, h) = (pen.area.w, pen.area.h);
    let typed = if form.names().is_empty() { "type a value" } else { "Tab completes" };
    let keys = format!("   ↑↓ field  ← → change  {typed}  Enter starts  Esc closes");
    let head = [("new run", theme.strong()), (keys.as_str(), theme.dim())];
    pen.put_all(1, 1, w - 1, &head);
    let wrong = form.config().err();
    // Below the fields: what the field is, what is wrong or should be known, what the run will be.
    let lines = below(form, wrong.as_ref(), pen);
    let rows = usize::from(h.saturating_sub(4)).saturating_sub(lines.len().max(1)).max(1);
    let all = form.rows();
    let at = all.iter().position(|i| *i == form.at).unwrap_or(0);
    let first = at.saturating_sub(rows.saturating_sub(1)).min(all.len().saturating_sub(rows));
    let shown = (all.len() - first).min(rows);
    for (row, i) in all.iter().skip(first).take(shown).enumerate() {
        let bad = wrong.as_ref().is_some_and(|(at, _)| at == i);
        field(form, *i, bad, TOP + row as u16, pen);
    }
    let (above, below) = (first, all.len() - first - shown);
    let mut y = TOP + shown as u16;
    if above + below > 0 {
        let text = format!("↑ {above}  ↓ {below} more fields ");
        let wide = text.chars().count() as u16;
        pen.put(w.saturating_sub(wide), y, wide, &text, theme.strong());
    }
    let room = w.saturating_sub(4 + if above + below > 0 { MORE } else { 0 });
    let about = form.about(form.at).1;
    pen.inside(Area { x: 3, y, w: room, h: 1 }).fitting(0, &[(about.to_owned(), theme.dim())]);
    y += 1;
    for (line, style) in &lines {
        if y + 1 < h {
            pen.put(3, y, w - 4, line, *style);
        }
        y += 1;
    }
}

/// What is said of the settings, in lines that fit: what cannot be used, or what is tight and what
/// the run will be.
fn below(form: &Form, wrong: Option<&(usize, String)>, pen: &Pen) -> Vec<(String, Style)> {
    let theme = pen.theme;
    let parts = if let Some((at, problem)) = wrong {
        let label = form.about(*at).0;
        vec![(format!("✗ {label}: {problem}"), theme.miss())]
    } else {
        let tight = form.warning().map(|tight| (format!("! {tight}"), theme.mark()));
        let names = form.names();
        let names =
            (!names.is_empty()).then(|| (format!("there are {}", names.join(", ")), theme.dim()));
        names.into_iter().chain(tight).chain([(form.ahead(), theme.text())]).collect()
    };
    let room = usize::from(pen.area.w.saturating_sub(4));
    let lines = |(text, style): &(String, Style)| {
        wrap(text, room).into_iter().map(|line| (line, *style)).collect::<Vec<_>>()
    };
    parts.iter().flat_map(lines).collect()
}

/// One field; `bad`: its value cannot be used.
fn field(form: &Form, i: usize, bad: bool, y: u16, pen: &mut Pen) {
    let (theme, w) = (pen.theme, pen.area.w);
    let Some(value) = form.values.get(i) else { return };
    let (label, help) = form.about(i);
    let on = i == form.at;
    let usual = if on { theme.strong() } else { theme.text() };
    pen.put(1, y, 1, if on { "►" } else { " " }, theme.playhead());
    pen.put(3, y, LABEL - 1, label, usual);
    let shown = if value.is_empty() && !on { "–" } else { value };
    let style = if bad { theme.miss() } else { usual };
    let used = pen.put(3 + LABEL, y, w.saturating_sub(4 + LABEL), shown, style);
    if on {
        pen.put(3 + LABEL + used, y, 1, "▏", theme.playhead());
    }
    // Where there is room, every field says what it is.
    if w >= HELP + 60 && 3 + LABEL + used + 3 < HELP && !bad {
        pen.put(HELP, y, w - HELP - 1, help, theme.dim());
    }
    if bad && !on {
        pen.put(5 + LABEL + used, y, w, "✗", theme.miss());
    }
}
