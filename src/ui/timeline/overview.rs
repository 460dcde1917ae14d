//! The strip at the top: the whole recording at once, with the visible window in brackets.

use crate::app::answers::Score;
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::replay::levels::Merge;
use crate::ui::palette::bar;
use crate::ui::pen::Pen;
use ratatui::style::Modifier;

/// Draws use of the CPUs and, where there is room, the share of misses.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    let theme = pen.theme;
    let cols = l.cols();
    if l.overview.h == 0 || cols == 0 {
        return;
    }
    let (x, y) = (l.plot.x, l.overview.y);
    let span = u128::from(t.trace().span().0) + 1;
    let column = |at: u64| ((u128::from(at) * cols as u128 / span) as usize).min(cols - 1);
    let (a, b) = (column(t.view.start), column(t.view.end().saturating_sub(1)));
    let done = t.trace().times().get(t.answers.events_done).map_or(u64::MAX, |&at| at);
    let label = |pen: &mut Pen, row: u16, text: &str| {
        let n = text.len() as u16;
        pen.put((x - 1).saturating_sub(n), y + row, n, text, theme.dim());
    };
    label(pen, 0, "use");
    if l.overview.h > 1 {
        label(pen, 1, "miss");
    }
    let lost = lost(t, cols, &column);
    for (col, lost) in lost.into_iter().enumerate() {
        let emphasis = if (a..=b).contains(&col) { Modifier::BOLD } else { Modifier::DIM };
        let uses = &t.loaded.pyramid.overview;
        let range = buckets(uses.len(), col, cols);
        let n = range.len().max(1);
        let busy: f32 = uses.get(range.clone()).map_or(0.0, |u| u.iter().sum::<f32>() / n as f32);
        let (glyph, style) = if lost { ("╱", theme.gap()) } else { (bar(busy), theme.usage()) };
        pen.put(x + col as u16, y, 1, glyph, style.add_modifier(emphasis));
        if l.overview.h > 1 {
            let mut score = Score::default();
            t.answers.overview.get(range).unwrap_or_default().iter().for_each(|s| score.merge(s));
            let at = (span * col as u128 / cols as u128) as u64;
            let (glyph, style) = match score.miss_share() {
                _ if at >= done || t.answers.events_done == 0 => ("░", theme.pending()),
                None if t.answers.row_lacks_model() => ("–", theme.dim()),
                None => ("·", theme.dim()),
                Some(share) if share > 0.0 => (bar(share), theme.miss()),
                Some(_) => ("▁", theme.hit()),
            };
            pen.put(x + col as u16, y + 1, 1, glyph, style.add_modifier(emphasis));
        }
    }
    for row in 0..l.overview.h {
        if a == b {
            pen.put(x + a as u16, y + row, 1, "│", theme.strong());
        } else {
            pen.put(x + a as u16, y + row, 1, "[", theme.strong());
            pen.put(x + b as u16, y + row, 1, "]", theme.strong());
        }
    }
    let head = column(t.cursor.pos().0);
    if head != a && head != b {
        pen.put(x + head as u16, y, 1, "┃", theme.playhead());
    }
}

/// Columns in which events were lost on some CPU.
fn lost(t: &Timeline, cols: usize, column: &dyn Fn(u64) -> usize) -> Vec<bool> {
    let mut lost = vec![false; cols];
    t.trace()
        .gaps()
        .iter()
        .for_each(|gap| lost[column(gap.from.0)..=column(gap.to.0.max(gap.from.0))].fill(true));
    lost
}

/// The ready-made columns that column `col` of `cols` covers, at least one.
fn buckets(n: usize, col: usize, cols: usize) -> std::ops::Range<usize> {
    let from = (col * n / cols).min(n.saturating_sub(1));
    from..((col + 1) * n / cols).clamp(from + 1, n.max(from + 1))
}
