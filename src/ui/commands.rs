//! The palette of commands over the screen: what is typed, and what it finds with the key beside
//! each.

use super::pen::Pen;
use crate::app::App;
use crate::app::commands::{self, Palette};
use crate::app::layout::Area;

/// Columns of the keys, and of the whole at most.
const KEYS: u16 = 14;
const WIDEST: u16 = 100;

/// Draws it.
pub fn draw(app: &App, palette: &Palette, pen: &mut Pen) {
    let theme = pen.theme;
    let w = pen.area.w.saturating_sub(4).min(WIDEST);
    let rows = commands::rows(pen.area.h).min(palette.found.len().max(commands::ROWS));
    let area = Area { x: (pen.area.w - w) / 2, y: 1, w, h: rows as u16 + 3 };
    pen.clear(area);
    let n = palette.found.len();
    let title = format!(" commands · {n} · Enter does it · Esc closes ");
    pen.border(area, &title, theme.text(), theme.strong());
    let inner = area.inset(2, 1);
    let typed =
        [(":", theme.strong()), (palette.text.as_str(), theme.text()), ("▏", theme.playhead())];
    pen.put_all(inner.x, inner.y, inner.w, &typed);
    if n == 0 {
        pen.put(inner.x, inner.y + 1, inner.w, "no command is described so", theme.dim());
    }
    let first = palette.list.first(rows, n);
    for (i, command) in palette.found.iter().enumerate().skip(first).take(rows) {
        let y = inner.y + 1 + (i - first) as u16;
        let on = i == palette.list.at;
        let base = if on { theme.chosen() } else { theme.text() };
        if on {
            pen.fill(inner.x, y, inner.w, base);
        }
        let keys = app.shared.settings.labels(command.binding.keys).join(" ");
        pen.put(inner.x, y, KEYS - 1, &keys, if on { base } else { theme.strong() });
        let place = command.elsewhere.map_or(String::new(), |tab| format!(" {}", tab.about().name));
        let wide = place.chars().count() as u16;
        let text = Area { x: inner.x + KEYS, y, w: inner.w.saturating_sub(KEYS + wide), h: 1 };
        pen.inside(text).fitting(0, &[(command.binding.help.to_owned(), base)]);
        pen.right((inner.x, y), inner.w, &place, if on { base } else { theme.dim() });
    }
}
