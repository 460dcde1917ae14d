//! The sums: a page of bars, or the matrix of who was mistaken for whom.

use super::is;
use crate::app::layout::Area;
use crate::app::mistakes::pages::{Bar, Page};
use crate::app::mistakes::{Focus, Mistakes};
use crate::app::time;
use crate::evaluate::mistakes::sums::Confusion;
use crate::text::cut;
use crate::ui::pen::{Pen, bar, unseen};

/// Draws the chosen page.
pub fn draw(m: &Mistakes, area: Area, pen: &mut Pen) {
    let Some(page) = m.sums.pages.get(m.sums.page).filter(|_| !area.is_empty()) else { return };
    let title = format!(" {} · {}/{} ", page.title(), m.sums.page + 1, m.sums.pages.len());
    let mut pen = pen.frame(area, &title, is(m, Focus::Sums));
    if page.is_empty() {
        pen.put(pen.area.x + 1, pen.area.y, pen.area.w, "nothing to count", pen.theme.dim());
        return;
    }
    let rows = usize::from(pen.area.h.saturating_sub(1));
    let first = m.first_bar(rows);
    match page {
        Page::Bars(_, figures, bars) => draw_bars(m, bars, figures, (first, rows), &mut pen),
        Page::Confusion(c) => matrix(m, c, (first, rows), &mut pen),
    }
}

fn draw_bars(
    m: &Mistakes,
    bars: &[Bar],
    figures: &str,
    (first, rows): (usize, usize),
    pen: &mut Pen,
) {
    let (theme, area) = (pen.theme, pen.area);
    let shown = || bars.iter().enumerate().skip(first).take(rows);
    let widest = |of: fn(&Bar) -> usize| bars.iter().map(of).max().unwrap_or(0) as u16;
    let label_w = widest(|b| b.label.chars().count()).min(area.w / 3).max(4);
    let text_w = widest(|b| b.text.chars().count()).max(figures.chars().count() as u16);
    // The bar gets what is left; where that is nothing, the figures are cut, not the names.
    let bar_w = area.w.saturating_sub(label_w + text_w + 4).min(40);
    let (bar_x, text_x) = (area.x + 1 + label_w + 1, area.x + label_w + 3 + bar_w);
    pen.sentence((text_x, area.y), figures, theme.dim());
    let more = unseen(first, bars.len().saturating_sub(first + rows));
    pen.put(area.x + 1, area.y, text_x.saturating_sub(area.x + 2), &more, theme.dim());
    let room = usize::from(label_w);
    for (i, b) in shown() {
        let y = area.y + 1 + (i - first) as u16;
        let on = i == m.sums.bar && is(m, Focus::Sums);
        let style = if on { theme.chosen() } else { theme.text() };
        pen.put(area.x + 1, y, label_w, &format!("{:<w$}", cut(&b.label, room), w = room), style);
        pen.put(
            bar_x,
            y,
            bar_w,
            &bar(if b.share.is_nan() { 0.0 } else { b.share }, bar_w),
            theme.usage(),
        );
        if let Some(mark) = b.mark.filter(|_| bar_w > 0) {
            let at = (mark.clamp(0.0, 1.0) * f64::from(bar_w - 1)).round() as u16;
            pen.put(bar_x + at, y, 1, "│", theme.mark());
        }
        pen.put(text_x, y, (area.x + area.w).saturating_sub(text_x), &b.text, style);
    }
}

fn matrix(m: &Mistakes, c: &Confusion, (first, rows): (usize, usize), pen: &mut Pen) {
    let (theme, area) = (pen.theme, pen.area);
    let n = c.names.len();
    let name_w =
        c.names.iter().map(|n| n.chars().count()).max().unwrap_or(0).min(usize::from(area.w / 4))
            as u16;
    let cell_w = ((area.w.saturating_sub(name_w + 2)) / n.max(1) as u16).clamp(4, 12);
    let most = c.counts.iter().flatten().copied().max().unwrap_or(0).max(1);
    let x = |pred: usize| area.x + 1 + name_w + 1 + pred as u16 * cell_w;
    let fits = |pred: usize| x(pred) + cell_w <= area.x + area.w;
    for (pred, name) in c.names.iter().enumerate().filter(|(pred, _)| fits(*pred)) {
        let name = cut(name, usize::from(cell_w) - 1);
        pen.right((x(pred), area.y), cell_w, &name, theme.dim());
    }
    for (real, name) in c.names.iter().enumerate().skip(first).take(rows) {
        let y = area.y + 1 + (real - first) as u16;
        pen.put(area.x + 1, y, name_w, &cut(name, usize::from(name_w)), theme.text());
        for pred in (0..n).filter(|pred| fits(*pred)) {
            let count = c.counts[real][pred];
            let on = m.sums.bar == real * n + pred && is(m, Focus::Sums);
            let style = match (on, count) {
                (true, _) => theme.chosen(),
                (false, 0) => theme.pending(),
                (false, count) if count * 10 >= most => theme.miss(),
                _ => theme.text(),
            };
            let text = if count == 0 { "·".into() } else { time::grouped(count) };
            let text = if text.chars().count() >= usize::from(cell_w) {
                format!("{}k", count / 1_000)
            } else {
                text
            };
            pen.right((x(pred), y), cell_w, &text, style);
        }
    }
}
