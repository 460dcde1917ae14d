//! On the timeline, while a list is walked: where what it lists is, as marks on the time axis.

use crate::app::App;
use crate::app::layout::Layout;
use crate::app::timeline::Timeline;
use crate::replay::lod::column_time;
use crate::ui::pen::Pen;

/// Draws a mark above every column in which the list has something.
pub fn draw(app: &App, t: &Timeline, l: &Layout, pen: &mut Pen) {
    let Some(screen) = app.shared.walk.map(|tab| app.screen_of(tab)) else { return };
    let (style, cols) = (pen.theme.mark(), l.cols());
    for col in 0..cols {
        let [from, to] = [col, col + 1].map(|c| column_time(t.view.start, t.view.width, c, cols));
        let (x, y) = (l.plot.x + col as u16, l.axis.y);
        // The figures of the axis and the playhead are more important.
        if screen.lists(&t.loaded.path, from, to)
            && pen.cell((x, y)).is_some_and(|c| c.symbol() == " ")
        {
            pen.put(x, y, 1, "▾", style);
        }
    }
}
