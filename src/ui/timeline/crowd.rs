//! The rows below the others: in each column the most threads that waited for one CPU, and how much
//! of the time a CPU was idle while somebody waited. Worked out elsewhere; what was found for
//! another window is shown as far as it reaches.

use super::slim::figures;
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::replay::lod::column_time;
use crate::ui::palette::bar;
use crate::ui::pen::Pen;

/// Draws them where they have room.
pub fn draw(t: &Timeline, l: &Layout, pen: &mut Pen) {
    if l.crowd.is_empty() || t.trace().is_empty() {
        return;
    }
    let (theme, gutter, y, cols) = (pen.theme, l.plot.x, l.crowd.y, l.cols());
    let names = if gutter >= 12 { ["most queued", "idle+wait"] } else { ["queued", "idle+w"] };
    for (row, name) in names.into_iter().enumerate() {
        pen.right((0, y + row as u16), gutter - 1, name, theme.dim());
    }
    let span = t.trace().span().0;
    let times =
        |col: usize| [col, col + 1].map(|c| column_time(t.view.start, t.view.width, c, cols));
    let found = |col: usize| {
        let [from, to] = times(col);
        t.causes.crowd.as_ref().and_then(|crowd| crowd.within(from, to.max(from + 1)))
    };
    let all: Vec<Option<(u32, f32)>> = (0..cols).map(found).collect();
    let most = all.iter().flatten().map(|c| c.0).max().unwrap_or(0);
    let (mut share, mut n) = (0.0, 0);
    for (col, crowd) in all.iter().enumerate().filter(|(col, _)| times(*col)[0] < span.max(1)) {
        let x = l.plot.x + col as u16;
        let Some((queue, idle)) = crowd else {
            for row in 0..2 {
                pen.put(x, y + row, 1, "░", theme.pending());
            }
            continue;
        };
        (share, n) = (share + idle, n + 1);
        pen.put(x, y, 1, bar(*queue as f32 / most.max(1) as f32), theme.queue());
        pen.put(x, y + 1, 1, bar(*idle), theme.gap());
    }
    if n == 0 {
        figures(l, y, "pending", pen);
        return;
    }
    figures(l, y, &format!("most {most:>3}"), pen);
    figures(l, y + 1, &format!("idle{:>3.0} %", 100.0 * share / n as f32), pen);
}
