//! The `?` page of a screen: its words and signs, and its keys.

use super::pen::Pen;
use crate::app::App;
use crate::app::help::{KEYS, Line, Page};
use crate::app::layout::Area;

/// Draws the page over the screen.
pub fn draw(app: &App, pen: &mut Pen) {
    let theme = pen.theme;
    let area = Area { x: 0, y: 1, w: pen.area.w, h: pen.area.h - 2 };
    pen.clear(area);
    let title = format!(" {} · words, then keys · j k scroll · Esc closes ", app.tab.about().name);
    pen.border(area, &title, theme.text(), theme.text());
    let page = Page::new(app.size, app.tab, &app.shared.settings);
    let skip = app.over.help.unwrap_or(0).min(page.last());
    let mut column = 0;
    for part in &page.parts {
        let skip = skip.min(part.last(page.rows));
        let shown = page.rows * usize::from(part.columns);
        for (i, line) in part.lines.iter().skip(skip).take(shown).enumerate() {
            let x = area.x + 2 + (column + (i / page.rows) as u16) * page.width;
            line_at(
                line,
                (x, area.y + 1 + (i % page.rows) as u16),
                page.width.saturating_sub(1),
                pen,
            );
        }
        column += part.columns;
    }
    let (above, below) = (skip, page.last() - skip);
    if above + below > 0 {
        let text = format!(" ↑ {above}  ↓ {below} more lines ");
        let x = area.w.saturating_sub(text.chars().count() as u16 + 2);
        pen.put(x, area.y + area.h - 1, area.w, &text, theme.strong());
    }
    let others = " 1 to 7: the pages of other screens · : finds a command ";
    if usize::from(area.w) > others.chars().count() + 32 {
        pen.put(area.x + 2, area.y + area.h - 1, area.w, others, theme.dim());
    }
}

fn line_at(line: &Line, (x, y): (u16, u16), width: u16, pen: &mut Pen) {
    let theme = pen.theme;
    match line {
        Line::Title(title) => {
            pen.put(x, y, width, title, theme.mark());
        }
        Line::Word(word, text) => {
            let used = pen.put(x, y, width, word, theme.strong());
            pen.put(x + used + 2, y, width.saturating_sub(used + 2), text, theme.text());
        }
        Line::Keys(keys, text) => {
            pen.put(x, y, KEYS - 1, keys, theme.strong());
            pen.put(x + KEYS, y, width.saturating_sub(KEYS), text, theme.text());
        }
        Line::More(by, text) => {
            pen.put(x + by, y, width.saturating_sub(*by), text, theme.text());
        }
    }
}
