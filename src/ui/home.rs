//! Home's card below the screen: what this is, and the menu.
//!
//! ```text
//!  ┌ koracle ─────────────────────────────────────────────────────────────────────────────┐
//!  │ koracle replays what the Linux scheduler decided, CPU by CPU, ...                     │
//!  │ ► Open a recording       mine · hackbench_run0                                      o │
//!  └──────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use super::pen::{Pen, bar};
use crate::app::App;
use crate::app::home::{BORDERED, Home, Page};
use crate::app::layout::Area;

/// Columns of what a line does, before what is known of it: at least, and at most.
const LABEL: (usize, usize) = (22, 44);

/// Draws the card.
pub fn draw(app: &App, home: &Home, pen: &mut Pen) {
    let (area, theme) = (app.card_area(), pen.theme);
    if area.h == 0 {
        return;
    }
    pen.clear(area);
    let title = match home.page {
        Page::Menu => " koracle ",
        Page::Open => " open a recording ",
        Page::Results => " the benchmark ",
    };
    let inner = if area.h >= BORDERED { area.inset(2, 1) } else { area.inset(1, 0) };
    if area.h >= BORDERED {
        pen.border(area, title, theme.dim(), theme.strong());
    }
    let lines = app.home_lines(home);
    let (first, rows) = home.rows(area, lines.len());
    if first > inner.y {
        above(home, inner, pen);
    }
    let widest = lines.iter().map(|l| l.label.chars().count()).max().unwrap_or(0);
    let label = (widest.clamp(LABEL.0, LABEL.1) as u16).min(inner.w.saturating_sub(3));
    let from = home.list.first(rows, lines.len());
    for (i, line) in lines.iter().enumerate().skip(from).take(rows) {
        let y = first + (i - from) as u16;
        let on = i == home.list.at;
        let style = if on { theme.chosen() } else { theme.strong() };
        pen.put(inner.x, y, 1, if on { "►" } else { " " }, theme.playhead());
        pen.put(inner.x + 2, y, label, &line.label, style);
        let about = Area { x: inner.x + label + 4, y, w: inner.w.saturating_sub(label + 4), h: 1 };
        pen.inside(about).fitting(0, &[(line.about.clone(), theme.dim())]);
    }
    let hidden = lines.len().saturating_sub(from + rows);
    if hidden > 0 && area.h >= BORDERED {
        let text = format!(" ↓ {hidden} more ");
        let x = (area.x + area.w).saturating_sub(text.chars().count() as u16 + 2);
        pen.put(x, area.y + area.h - 1, area.w, &text, theme.dim());
    }
}

/// The words, and the figures of the results.
fn above(home: &Home, inner: Area, pen: &mut Pen) {
    let theme = pen.theme;
    let mut y = inner.y;
    for line in home.words(inner.w) {
        pen.put(inner.x, y, inner.w, &line, theme.text());
        y += 1;
    }
    let wide = inner.w.saturating_sub(30) / 2;
    for [name, pick, forecast] in home.figures() {
        pen.put(inner.x + 2, y, 8, name, theme.strong());
        let mut x = inner.x + 10;
        for (what, share) in [("pick", pick), ("forecast", forecast)] {
            let used = pen.put_all(
                x,
                y,
                16,
                &[(what, theme.dim()), (" ", theme.dim()), (share, theme.text())],
            ) + 1;
            let long = wide.saturating_sub(used).min(40);
            pen.put(
                x + used,
                y,
                long,
                &bar(share.parse().unwrap_or(0.0) / 100.0, long),
                theme.hit(),
            );
            x += wide + 8;
        }
        y += 1;
    }
}
