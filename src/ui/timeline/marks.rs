//! On the timeline, while a filtered list is walked: where its decisions are, as marks on the time axis.

use crate::app::App;
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::replay::lod::column_time;
use crate::ui::pen::Pen;

/// Draws a mark above every column in which the list has a decision. Two searches a column, whatever the list's length.
pub fn draw(app: &App, t: &Timeline, l: &Layout, pen: &mut Pen) {
    let theme = pen.theme;
    let m = &app.mistakes;
    let (Some(found), Some(view), true) = (m.found(), &m.view, app.shared.walk.is_some()) else { return };
    let Some(source) = found.table.sources.iter().position(|s| s.path == t.loaded.path) else { return };
    let cols = l.cols();
    for col in 0..cols {
        let [from, to] = [col, col + 1].map(|c| column_time(t.view.start, t.view.width, c, cols));
        let rows = found.table.rows_between(source, from, to);
        if view.set.next(rows.start).is_some_and(|row| row < rows.end) {
            let (x, y) = (l.plot.x + col as u16, l.axis.y);
            // The figures of the axis and the playhead are more important.
            if pen.cell((x, y)).is_some_and(|c| c.symbol() == " ") {
                pen.put(x, y, 1, "▾", theme.mark());
            }
        }
    }
}
