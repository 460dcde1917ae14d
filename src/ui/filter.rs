//! The filter line of a list, and what hangs below it while it is typed.

use super::pen::Pen;
use crate::app::filter::Filter;
use crate::app::layout::Area;
use ratatui::style::Style;

/// The line over the pen's area: the filter, and how much it leaves at the right where there is
/// room.
pub fn line<E>(f: &Filter<E>, count: &str, pen: &mut Pen) {
    let (theme, Area { x, y, w, .. }) = (pen.theme, pen.area);
    let used =
        pen.put(x, y, w, " filter  ", if f.editing { theme.chosen() } else { theme.strong() });
    let count_w = if w >= 60 || !f.editing { count.chars().count() as u16 } else { 0 };
    let room = w.saturating_sub(used + count_w);
    let (text, caret) = window(f, usize::from(room));
    if f.text.is_empty() && !f.editing {
        pen.put(x + used, y, room, "none · / types one", theme.dim());
    } else {
        pen.put(x + used, y, room, &text, theme.text());
    }
    if f.editing {
        pen.put(x + used + caret, y, 1, &under(&text, caret), theme.chosen());
    }
    if count_w > 0 && count_w < w {
        pen.put(x + w - count_w, y, count_w, count, theme.strong());
    }
}

/// The part of the line that is visible in `room` cells, and the cell of its mark.
fn window<E>(f: &Filter<E>, room: usize) -> (String, u16) {
    let room = room.max(2);
    let first = first_visible(f, room);
    let text = f.text.chars().skip(first).take(room).collect();
    (text, (f.caret - first.min(f.caret)) as u16)
}

fn first_visible<E>(f: &Filter<E>, room: usize) -> usize {
    if f.editing { (f.caret + 1).saturating_sub(room) } else { 0 }
}

fn under(text: &str, at: u16) -> String {
    text.chars().nth(usize::from(at)).unwrap_or(' ').to_string()
}

/// What is wrong with the line, in row `row` of the screen, and what could come next, over the
/// list.
pub fn typing<E>(f: &Filter<E>, row: u16, list: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let w = pen.area.w;
    let (x, y) = (9, row);
    pen.fill(0, y, w, Style::new());
    if let Some(e) = &f.error {
        let room = usize::from(w.saturating_sub(x));
        let first = first_visible(f, room);
        let pointer: String = e.pointer().chars().skip(first).take(room).collect();
        pen.put(x, y, w - x, &pointer, theme.miss());
        let text = e.to_string();
        // Beside the pointer where there is room, else on a line of its own.
        let after = x + pointer.chars().count() as u16 + 1;
        let need = text.chars().count() as u16;
        if after + need <= w {
            pen.put(after, y, w - after, &text, theme.miss());
        } else {
            pen.fill(0, y + 1, w, Style::new());
            pen.sentence((1, y + 1), &text, theme.miss());
        }
    } else {
        pen.put(
            x,
            y,
            w - x,
            "Enter filters · Tab completes · ↑↓ choose · Esc leaves it as it was",
            theme.dim(),
        );
    }
    let choices = &f.completion.choices;
    let top = list.y;
    let rows = usize::from(list.h.saturating_sub(2)).min(10).min(choices.len());
    if rows == 0 {
        return;
    }
    let first = f.choice.saturating_sub(rows / 2).min(choices.len() - rows);
    let shown = &choices[first..first + rows];
    let text_w = shown.iter().map(|c| c.text.chars().count()).max().unwrap_or(0).min(40) as u16;
    let help_w = shown.iter().map(|c| c.help.chars().count()).max().unwrap_or(0) as u16;
    let width = (text_w + help_w + 6).min(w);
    let at = (x + f.completion.start as u16).min(w - width);
    let area = Area { x: at, y: top, w: width, h: rows as u16 + 2 };
    pen.clear(area);
    pen.border(area, "", theme.dim(), theme.dim());
    for (i, choice) in shown.iter().enumerate() {
        let style = if first + i == f.choice { theme.chosen() } else { theme.text() };
        let y = top + 1 + i as u16;
        pen.put(at + 2, y, text_w, &choice.text, style);
        pen.put(at + 4 + text_w, y, width.saturating_sub(text_w + 5), choice.help, theme.dim());
    }
}
