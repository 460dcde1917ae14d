//! The tour's card below the screen.

use super::pen::Pen;
use crate::app::App;
use crate::app::tour::{Stop, Tour};

/// Draws the card.
pub fn draw(app: &App, tour: &Tour, pen: &mut Pen) {
    let (area, theme) = (app.card_area(), pen.theme);
    if area.h == 0 {
        return;
    }
    pen.clear(area);
    let title = format!(" tour {} of {} · {} ", tour.number(), Stop::ALL.len(), tour.stop.title());
    let bordered = area.h >= 3;
    let inner = if bordered { area.inset(2, 1) } else { area.inset(1, 0) };
    if bordered {
        pen.border(area, &title, theme.mark(), theme.strong());
        let keys = " Enter next · p back · Esc leaves ";
        let wide = keys.chars().count() as u16;
        if area.w > wide + title.chars().count() as u16 + 4 {
            pen.put(area.x + area.w - wide - 2, area.y, wide, keys, theme.dim());
        }
    }
    if tour.words.is_none() {
        let all = app.timeline().map_or(0, |t| t.trace().len());
        let done = app.timeline().map_or(0, |t| t.answers.events_done);
        let text = if all == 0 {
            "░ opening the recording".to_owned()
        } else {
            format!("░ the network is asked about every decision: {} %", done * 100 / all.max(1))
        };
        pen.put(inner.x, inner.y, inner.w, &text, theme.pending());
        return;
    }
    for (i, line) in tour.lines(inner.w).iter().enumerate().take(usize::from(inner.h)) {
        pen.put(inner.x, inner.y + i as u16, inner.w, line, theme.text());
    }
}
