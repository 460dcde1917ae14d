//! The form that sets up a run.

use crate::app::help::wrap;
use crate::app::train::form::{FIELDS, Form};
use crate::ui::draw::{put, put_all};
use crate::ui::palette::Theme;
use ratatui::buffer::Buffer;

/// Where the explanations stand beside the fields.
const HELP: u16 = 40;
/// Columns of the labels.
const LABEL: u16 = 17;

/// Draws it over the whole screen below the title.
pub fn draw(form: &Form, theme: Theme, buf: &mut Buffer) {
    let (w, h) = (buf.area.width, buf.area.height);
    let head =
        [("new run", theme.strong()), ("   ↑↓ field  ← → change  type a value  Enter starts  Esc closes", theme.dim())];
    put_all(buf, 1, 1, w - 1, &head);
    let wrong = form.config().err();
    // Below the fields: what the field is, and what is wrong or should be known.
    let (text, style) = match &wrong {
        Some((at, problem)) => (format!("✗ {}: {problem}", FIELDS.get(*at).map_or("", |f| f.label)), theme.miss()),
        None => (form.warning().map(|tight| format!("! {tight}")).unwrap_or_default(), theme.mark()),
    };
    let lines = wrap(&text, usize::from(w.saturating_sub(4)));
    let rows = usize::from(h.saturating_sub(4)).saturating_sub(lines.len().max(1)).max(1);
    let first = form.at.saturating_sub(rows.saturating_sub(1)).min(FIELDS.len().saturating_sub(rows));
    for (i, (field, value)) in FIELDS.iter().zip(&form.values).enumerate().skip(first).take(rows) {
        let y = 2 + (i - first) as u16;
        let bad = wrong.as_ref().is_some_and(|(at, _)| *at == i);
        let on = i == form.at;
        put(buf, 1, y, 1, if on { "►" } else { " " }, theme.playhead());
        put(buf, 3, y, LABEL - 1, field.label, if on { theme.strong() } else { theme.text() });
        let shown = if value.is_empty() && !on { "–" } else { value };
        let style = if bad {
            theme.miss()
        } else if on {
            theme.strong()
        } else {
            theme.text()
        };
        let used = put(buf, 3 + LABEL, y, w.saturating_sub(4 + LABEL), shown, style);
        if on {
            put(buf, 3 + LABEL + used, y, 1, "▏", theme.playhead());
        }
        // Where there is room, every field says what it is.
        if w >= HELP + 60 && 3 + LABEL + used + 3 < HELP && !bad {
            put(buf, HELP, y, w - HELP - 1, field.help, theme.dim());
        }
        if bad && !on {
            put(buf, 5 + LABEL + used, y, w, "✗", theme.miss());
        }
    }
    let shown = (FIELDS.len() - first).min(rows) as u16;
    let mut y = 2 + shown;
    if let Some(field) = FIELDS.get(form.at) {
        put(buf, 3, y, w.saturating_sub(4), field.help, theme.dim());
        y += 1;
    }
    for line in &lines {
        if y + 1 < h {
            put(buf, 3, y, w - 4, line, style);
        }
        y += 1;
    }
}
